"""Does things at the same time, each in a process of its own that is killed when it is late."""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import time
from dataclasses import dataclass, field
from typing import Callable, Sequence

_AT_ONCE = 1 << 16
_MOST = 16


@dataclass(frozen=True)
class Work:
    """`do` is given the time it has in seconds, at most `limit_s`, and returns some bytes."""

    do: Callable[[float], bytes]
    limit_s: float


@dataclass
class _Running:
    number: int
    pid: int
    limit_s: float
    until: float
    said: bytearray = field(default_factory=bytearray)
    is_late: bool = False


class Late(Exception):
    """Why there are no bytes: the work was killed at its limit, broke, or was never begun."""


def at_once(
    works: Sequence[Work], *, within_s: float, spare_s: float, most: int = _MOST
) -> list[bytes | Late]:
    """Return what each of `works` returned, at most `most` running at the same time.

    All of it ends within `within_s`. One that has not returned `spare_s` after its limit is killed;
    what cannot be killed (a dead NFS mount) is left behind. Work that raises returns no bytes.
    """
    found: list[bytes | Late] = [Late("there was no time left") for _ in works]
    until = time.monotonic() + within_s
    waiting, running = list(enumerate(works)), 0
    with selectors.DefaultSelector() as selector:
        while waiting or running:
            left = until - time.monotonic() - spare_s
            while waiting and running < most and left > 0:
                number, work = waiting.pop(0)
                _start(selector, number, work, min(work.limit_s, left), spare_s)
                running += 1
            if not running:
                break
            for one in _ended(selector):
                found[one.number] = _result(one)
                running -= 1
    return found


def _start(
    selector: selectors.BaseSelector, number: int, work: Work, limit_s: float, spare_s: float
) -> None:
    ours, theirs = os.pipe()
    pid = os.fork()
    if pid == 0:
        _work(work, limit_s, theirs)
    os.close(theirs)
    one = _Running(number, pid, limit_s, time.monotonic() + limit_s + spare_s)
    selector.register(ours, selectors.EVENT_READ, one)


def _work(work: Work, limit_s: float, to: int) -> None:
    """Do it and end: nothing of the parent's is done in this process."""
    code = 1
    try:
        data = work.do(limit_s)
        while data:
            data = data[os.write(to, data) :]
        code = 0
    finally:
        os._exit(code)


def _ended(selector: selectors.BaseSelector) -> list[_Running]:
    """Wait until something comes or is late; return what has ended."""
    keys = list(selector.get_map().values())
    soonest = min(key.data.until for key in keys) - time.monotonic()
    ended = []
    for key, _ in selector.select(max(0.0, soonest)):
        data = os.read(key.fd, _AT_ONCE)
        key.data.said += data
        if not data:
            ended.append(key)
    late = [key for key in keys if key.data.until <= time.monotonic() and key not in ended]
    for key in [*ended, *late]:
        selector.unregister(key.fileobj)
        os.close(key.fd)
    for key in late:
        key.data.is_late = True
        with contextlib.suppress(ProcessLookupError):
            os.kill(key.data.pid, signal.SIGKILL)
    return [key.data for key in [*ended, *late]]


def _result(one: _Running) -> bytes | Late:
    """Reap the process, unless it will not die, and return what it has said."""
    patience = time.monotonic() + 1.0
    while os.waitpid(one.pid, os.WNOHANG) == (0, 0) and time.monotonic() < patience:
        time.sleep(0.001)
    if one.is_late:
        return Late(f"it did not end within {one.limit_s:g} s")
    return bytes(one.said) if one.said else Late("it broke")
