"""The kernel's table of processes at one moment, read from /proc (proc(5))."""

from __future__ import annotations

import os
from typing import Iterator, NamedTuple

from hookd.system.process.printable import printable_line

VARIABLE = "HOOKD_HOOK"
"""The environment variable whose value, the token, is unique to one start of one hook."""

DELETED = b" (deleted)"
"""What the kernel puts behind the path of a file, or a cgroup, that has none any more."""

_TICKS = os.sysconf("SC_CLK_TCK")
_MOST_ENVIRONMENT = 16 << 20
_BLOCK = 1 << 16
_LONGEST_PATH = 4096
_STARTED = 19  # starttime, counted from the field after the name


class Process(NamedTuple):
    """One process. `started` is seconds since boot, in clock ticks; `state` is ps(1)'s letter."""

    pid: int
    parent: int
    session: int
    state: str
    started: float

    @property
    def key(self) -> tuple[int, float]:
        """What no other process of this boot has."""
        return self.pid, self.started

    @property
    def is_dead(self) -> bool:
        return self.state in "ZXx"


class Table:
    """The processes started at `since` or later, looked up when first asked for."""

    def __init__(self, since: float) -> None:
        self._since = since - 0.5 / _TICKS
        self._processes: dict[int, Process] | None = None
        self._tokens: dict[int, str] = {}

    @property
    def processes(self) -> dict[int, Process]:
        if self._processes is None:
            self._processes = {
                process.pid: process for process in _everybody() if process.started >= self._since
            }
        return self._processes

    def token(self, pid: int) -> str:
        """Return the token that `pid` was started with; empty: none, gone or not readable."""
        if pid not in self._tokens:
            self._tokens[pid] = _token(pid)
        return self._tokens[pid]


def descendants(pid: int) -> list[int]:
    """Return the processes below `pid`, parents before their children."""
    children: dict[int, list[int]] = {}
    for process in Table(0.0).processes.values():
        children.setdefault(process.parent, []).append(process.pid)
    found: list[int] = []
    todo = [pid]
    while todo:
        below = children.get(todo.pop(), [])
        found += below
        todo += below
    return found


def read_process(pid: int, proc: str = "/proc") -> Process | None:
    """Return what /proc/PID/stat says, None when there is no such process."""
    line = read_entry(pid, "stat", _BLOCK, proc)
    fields = line[line.rfind(b")") + 2 :].split()  # the name before it may hold anything
    if len(fields) <= _STARTED:
        return None
    started = int(fields[_STARTED]) / _TICKS
    return Process(pid, int(fields[1]), int(fields[3]), fields[0].decode(), started)


def read_program(pid: int, proc: str = "/proc") -> str:
    """Return the path of what `pid` executes, as it was when it is deleted; empty: not known."""
    try:
        path = os.readlink(os.fsencode(f"{proc}/{pid}/exe"))
    except OSError:
        return ""
    return printable_line(path[: -len(DELETED)] if path.endswith(DELETED) else path, _LONGEST_PATH)


def read_entry(pid: int, name: str, most: int, proc: str = "/proc") -> bytes:
    """Return up to `most` bytes of /proc/`pid`/`name`, nothing when it cannot be read."""
    data = b""
    try:
        descriptor = os.open(f"{proc}/{pid}/{name}", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return data
    try:
        while len(data) < most:
            block = os.read(descriptor, min(most, _BLOCK))
            data += block
            if len(block) < min(most, _BLOCK):
                break
    except OSError:
        return data
    finally:
        os.close(descriptor)
    return data


def _everybody() -> Iterator[Process]:
    try:
        names = os.listdir("/proc")
    except OSError:
        return
    for name in names:
        process = read_process(int(name)) if name.isdigit() else None
        if process is not None:
            yield process


def _token(pid: int) -> str:
    environment = b"\0" + read_entry(pid, "environ", _MOST_ENVIRONMENT)
    name = b"\0" + VARIABLE.encode() + b"="
    begin = environment.find(name)
    if begin < 0:
        return ""
    return os.fsdecode(environment[begin + len(name) :].split(b"\0", 1)[0])
