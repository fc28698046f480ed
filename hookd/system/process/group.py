"""Starts programs in process groups of their own, and kills these, as the agents of others do."""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import subprocess
import time
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Callable, Mapping, Sequence

from hookd.system import clock
from hookd.system.process.reap import Reaper
from hookd.system.process.table import descendants

KILLED = 137
"""What a shell says of a program that SIGKILL ended."""

NOTHING = subprocess.DEVNULL

if TYPE_CHECKING:
    Program = subprocess.Popen[bytes]
else:
    Program = subprocess.Popen  # Python 3.7 cannot subscript it

_BLOCK = 1 << 16
_LOOK_S = 0.005
_END_WITHIN_S = 5.0


@dataclass(frozen=True)
class Ended:
    """How a program ended: `code` is minus the number of the signal, KILLED if its time was up."""

    code: int
    stdout: bytes = b""
    stderr: bytes = b""


def start(
    argv: Sequence[str],
    *,
    cwd: str,
    environment: Mapping[str, str],
    stdin: int = NOTHING,
    stdout: int = subprocess.PIPE,
    stderr: int = subprocess.PIPE,
) -> Program:
    """Start `argv` in a process group of its own and in this session. Raises OSError."""
    return subprocess.Popen(
        list(argv),
        cwd=cwd,
        env=dict(environment),
        stdin=stdin,
        stdout=stdout,
        stderr=stderr,
        preexec_fn=os.setpgrp,  # noqa: PLW1509 - nobody here has threads; `process_group` is 3.11
    )


def wait(
    process: Program,
    *,
    timeout_s: float,
    sinks: tuple[IO[bytes], IO[bytes]],
    ask: int,
    is_over: Callable[[], bool],
) -> Ended:
    """Copy both outputs of `process` into `sinks` until they are closed, and return how it ended.

    After `timeout_s`, or when `ask` is readable and `is_over()` then says so, its group is killed
    and not waited for. Who keeps the output open keeps us waiting.
    """
    kept = (bytearray(), bytearray())
    until = clock.up_s() + timeout_s
    with selectors.DefaultSelector() as selector:
        for number, pipe in enumerate((process.stdout, process.stderr)):
            if pipe is not None:
                selector.register(pipe, selectors.EVENT_READ, number)
        selector.register(ask, selectors.EVENT_READ)
        while len(selector.get_map()) > 1:
            for key, _ in selector.select(max(0.0, until - clock.up_s())):
                if key.fileobj == ask:
                    until = 0.0 if is_over() else until
                    continue
                data = os.read(key.fd, _BLOCK)
                kept[key.data].extend(data)
                sinks[key.data].write(data)
                sinks[key.data].flush()
                if not data:
                    selector.unregister(key.fileobj)
            if clock.up_s() >= until:
                kill(process.pid)
                return Ended(KILLED, bytes(kept[0]), bytes(kept[1]))
    return Ended(process.wait(), bytes(kept[0]), bytes(kept[1]))


def kill(group: int) -> None:
    """Kill the process group."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(group, signal.SIGKILL)


def kill_all_below(reaper: Reaper) -> None:
    """Kill every process that descends from this one and collect them, as a power cut would.

    Within `reaper`, whose orphans come back to us. What will not die is left after 5 s.
    """
    until = clock.up_s() + _END_WITHIN_S
    while clock.up_s() < until:
        reaper.reap()
        below = descendants(os.getpid())
        if not below:
            return
        for pid in below:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(_LOOK_S)
