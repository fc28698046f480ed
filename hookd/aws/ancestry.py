"""The processes that a call comes from, nearest first, by psutil: what each says of itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Callable, Iterator, TypeVar

import psutil

from hookd.system.process.table import read_process

_MOST = 64
"""Generations: a longer line of ancestors is a loop of wrappers, not a caller."""

T = TypeVar("T")


@dataclass(frozen=True)
class Ancestor:
    """One process. `started` is seconds since boot; what cannot be read (a zombie's) is empty."""

    pid: int
    started: float
    argv: tuple[str, ...] = ()
    cwd: str = ""


def lineage(pid: int) -> tuple[Ancestor, ...]:
    """Return process `pid` and its ancestors up to the first of all; none when it is gone.

    A process is no ancestor if it started after its child: then its pid is another's by now
    (psutil.Process.parent). What was started for us by somebody else (systemd-run, a container's
    shim) has that one as its ancestors.
    """
    return tuple(_walk(pid))


def _walk(pid: int) -> Iterator[Ancestor]:
    process = _or(lambda: psutil.Process(pid), None)
    for _ in range(_MOST):
        if process is None:
            return
        found = _ancestor(process)
        if found is not None:
            yield found
        process = _or(process.parent, None)


def _ancestor(process: psutil.Process) -> Ancestor | None:
    """Return what is known of `process`. Clock ticks, because psutil's start time is wall time."""
    entry = read_process(process.pid)
    if entry is None:
        return None
    nothing: list[str] = []
    argv = tuple(_or(process.cmdline, nothing))
    return Ancestor(process.pid, entry.started, argv, _or(process.cwd, ""))


def environment(pid: int) -> dict[str, str]:
    """Return the variables that process `pid` was started with, none when they cannot be read."""
    nothing: dict[str, str] = {}
    return _or(lambda: psutil.Process(pid).environ(), nothing)


def _or(read: Callable[[], T], otherwise: T) -> T:
    """Return what `read` does; a process may end, or belong to somebody else, at any moment."""
    try:
        return read()
    except (psutil.Error, OSError, ValueError):
        return otherwise
