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
from hookd.system.clock import up_s
from hookd.system.expect import command, files, tcp
from hookd.system.process.aside import Question, ask
from hookd.system.root import Root

SPARE_S = 1.0
"""What a try has beyond its limit until it is killed."""

_MOST = 16  # at the same time
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
    until = up_s() + asked.within_s
    waiting = list(asked.expect.each())
    if asked.expect.http:
        _import_once()
    results: list[Expected] = []
    while waiting:
        some, waiting = waiting[:_MOST], waiting[_MOST:]
        results += _tried(asked, some, until - up_s() - SPARE_S)
    sys.stdout.write(to_json(Expectations(results=tuple(results))))


def _tried(asked: Asked, some: list[Any], left_s: float) -> list[Expected]:
    """Try `some` at the same time, each for `left_s` seconds at most."""
    if left_s <= 0:
        return [_untold("there was no time left", *one) for one in some]
    questions = [_question(asked, left_s, *one) for one in some]
    return [
        found.results[0]
        if isinstance(found, Expectations) and found.is_ok
        else _untold(found.reason, *one)
        for one, found in zip(some, ask(questions)())
    ]


def _question(asked: Asked, left_s: float, kind: str, name: str, expected: Any) -> Question:
    limit_s = min(float(getattr(expected, "timeout_s", _FILE_S)), left_s)

    def probe() -> Expectations:
        return Expectations(results=(_try(asked, kind, name, expected, limit_s),))

    return Question(probe, Expectations(), limit_s + SPARE_S)


def _import_once() -> None:
    """Import requests before there are many processes, each of which would have to."""
    from hookd.system.expect import http  # noqa: F401, PLC0415 - only where it is needed


def _try(asked: Asked, kind: str, name: str, expected: Any, within_s: float) -> Expected:
    if kind == "http":
        from hookd.system.expect import http  # noqa: PLC0415 - see _import_once

        return http.attempt(name, expected, within_s)
    if kind == "tcp":
        return tcp.attempt(name, expected, within_s)
    if kind == "command":
        return command.attempt(name, expected, within_s)
    return files.attempt(name, expected, Root(asked.root))


def _untold(reason: str, kind: str, name: str, expected: Any) -> Expected:
    return Expected(kind, name, expected=expected.wanted, reason=reason)
