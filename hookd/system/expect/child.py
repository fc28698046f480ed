"""The short-lived program that tries everything but units, all of it at the same time.

It reads what to try as JSON on its input and prints the results. What hangs in here, or breaks,
hangs in no engine; requests and its memory are gone with it.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from typing import Any

from hookd.core.codec import decode, to_json
from hookd.core.expect import Expect
from hookd.core.node import Expectations, Expected
from hookd.system.expect import command, files, tcp
from hookd.system.process.at_once import Late, Work, at_once
from hookd.system.root import Root

SPARE_S = 1.0
"""What a try has beyond its limit until it is killed."""

_FILE_S = 5.0  # local files take none; a dead NFS mount for ever


@dataclass(frozen=True)
class Asked:
    """What is to be tried below `root`, all of it within `within_s` seconds."""

    root: str
    within_s: float
    expect: Expect


def answer() -> None:
    """Be that program."""
    asked = decode(Asked, json.loads(sys.stdin.read()))
    tries = tuple(asked.expect.each())
    works = [Work(_work(asked, *one), _limit_s(one[2])) for one in tries]
    if asked.expect.http:
        _import_once()
    said = at_once(works, within_s=asked.within_s, spare_s=SPARE_S)
    results = tuple(_result(*one, data) for one, data in zip(tries, said))
    sys.stdout.write(to_json(Expectations(results=results)))


def _import_once() -> None:
    """Import requests before there are many processes, each of which would have to."""
    from hookd.system.expect import http  # noqa: F401, PLC0415 - only where it is needed


def _limit_s(expected: Any) -> float:
    return float(getattr(expected, "timeout_s", _FILE_S))


def _work(asked: Asked, kind: str, name: str, expected: Any) -> Any:
    def do(within_s: float) -> bytes:
        return to_json(_try(asked, kind, name, expected, within_s)).encode("ascii")

    return do


def _try(asked: Asked, kind: str, name: str, expected: Any, within_s: float) -> Expected:
    if kind == "http":
        from hookd.system.expect import http  # noqa: PLC0415 - see _import_once

        return http.attempt(name, expected, within_s)
    if kind == "tcp":
        return tcp.attempt(name, expected, within_s)
    if kind == "command":
        return command.attempt(name, expected, within_s)
    return files.attempt(name, expected, Root(asked.root))


def _result(kind: str, name: str, expected: Any, said: bytes | Late) -> Expected:
    """Return what a try said; one that had to be killed in the middle of an answer got none."""
    if isinstance(said, Late):
        return Expected(kind, name, expected=expected.wanted, reason=str(said))
    return decode(Expected, json.loads(said))
