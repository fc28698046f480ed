"""One try of a hook from its start to its end: output, time limits, TERM, KILL, leftovers."""

from __future__ import annotations

import contextlib
import fcntl
import os
import resource
import signal
from dataclasses import dataclass
from typing import Callable, NamedTuple

from hookd.core.model import HookOutcome, Leftover, Stream
from hookd.system.clock import up_s
from hookd.system.process.capture import Capture
from hookd.system.process.family import KILL_PATIENCE_S, Family, is_grown, leftover
from hookd.system.process.reap import Reaped
from hookd.system.process.spawn import Spawned, Start, keep_reading
from hookd.system.process.table import Process, Table, read_process

QUIET_S = 0.1
"""After the hook's own process ended: how long nothing may come before we stop listening."""

LISTEN_S = 1.0
"""... and how long at most. What still writes then is a leftover."""

_LOOK_S = 0.05
_USUAL_PIPE = 1 << 16
_WIDE_PIPE = 1 << 20
_F_SETPIPE_SZ = 1031  # fcntl has the name from Python 3.10 on


@dataclass(frozen=True)
class Ended:
    """What became of one try.

    `reason` is empty after a plain exit. `exit_code` and `signal` (`SIGKILL`) are of the hook's
    own process; both are None when it never ran, will not die, or its status was lost.
    `duration_s` counts to that process's end, on CLOCK_BOOTTIME. `cpu_s` and `max_rss_kb` are
    wait4's; the latter is 0, not known, unless it is above our own: Linux counts what was resident
    before execve(2) as well.
    """

    outcome: HookOutcome
    exit_code: int | None = None
    signal: str | None = None
    duration_s: float = 0.0
    reason: str = ""
    stdout: Stream = Stream()
    stderr: Stream = Stream()
    left_running: tuple[Leftover, ...] = ()
    cpu_s: float = 0.0
    max_rss_kb: int = 0


@dataclass(frozen=True)
class Limit:
    """A moment of CLOCK_BOOTTIME at which a try is ended, and how that reads in the result."""

    at: float
    reason: str


class Pipe:
    """The read end of one stream, until its end or until it is handed on."""

    def __init__(self, descriptor: int, capture: Capture) -> None:
        self.descriptor = descriptor
        self.is_open = True
        self._capture = capture
        self._chunk = _USUAL_PIPE

    def read(self) -> bytes:
        """Take what is there; empty at the end of the stream or when nothing is there."""
        try:
            data = os.read(self.descriptor, self._chunk)
        except BlockingIOError:
            return b""
        self.is_open = bool(data)
        if data:
            self._capture.feed(data)
        if len(data) == self._chunk < _WIDE_PIPE:
            self._widen()
        return data

    def _widen(self) -> None:
        self._chunk = _WIDE_PIPE
        with contextlib.suppress(OSError):  # over the user's limit, pipe(7)
            fcntl.fcntl(self.descriptor, _F_SETPIPE_SZ, _WIDE_PIPE)

    def inode(self) -> int:
        return os.fstat(self.descriptor).st_ino

    def finish(self, null: int) -> Stream:
        """Close, and let somebody else read on when the pipe is still held."""
        if not self.is_open or keep_reading(self.descriptor, null):
            os.close(self.descriptor)
        return self._capture.close()


class Moment(NamedTuple):
    """What is known when tries are looked at. `alone`: no process but us is left below us."""

    now: float
    alone: bool
    table: Table


class Running:
    """A started try. `look` moves it on; `next_look` says when that is due at the latest."""

    def __init__(
        self, start: Start, spawned: Spawned, *, began: float, limit: Limit, null: int
    ) -> None:
        process = read_process(spawned.pid)
        self.pid = spawned.pid
        self.started = process.started if process else 0.0
        self.cgroup = spawned.cgroup
        self.pipes = (
            Pipe(spawned.stdout, Capture(start.stdout_path, start.output_cap)),
            Pipe(spawned.stderr, Capture(start.stderr_path, start.output_cap)),
        )
        self.family = Family(
            start.token,
            self.pid,
            self.started,
            session=self.pid,
            cgroup=self.cgroup,
            is_ours=True,
        )
        self.next_look = limit.at
        self.is_over = False
        self._start, self._began, self._limit, self._null = start, began, limit, null
        self._look: Callable[[Moment], None] = self._watch
        self._reaped: Reaped | None = None
        self._gone_at: float | None = None
        self._heard_at = began
        self._forced: HookOutcome | None = None
        self._reason = ""
        self._told: set[tuple[int, float]] = set()
        self._left: tuple[Leftover, ...] = ()
        self._kill_at = self._give_up_at = 0.0

    @property
    def is_gone(self) -> bool:
        """Whether the hook's own process has ended."""
        return self._gone_at is not None

    def gone(self, reaped: Reaped | None) -> None:
        """Take note that the hook's own process ended; None when its status was lost."""
        self._reaped = reaped
        self._gone_at = self._heard_at = up_s()
        self.next_look = 0.0

    def read(self, pipe: Pipe) -> bytes:
        """Take what `pipe` has."""
        data = pipe.read()
        if self.is_gone:
            self._heard_at = up_s()
            self.next_look = self.next_look if pipe.is_open else 0.0
        return data

    def look(self, moment: Moment) -> None:
        """Do what is due."""
        self._look(moment)

    def end(self, outcome: HookOutcome, reason: str, moment: Moment) -> None:
        """Send TERM to all of it; KILL follows after the grace. No effect on the ended."""
        if self._forced is not None or self.is_gone:
            return
        self._forced, self._reason = outcome, reason
        self._kill_at = moment.now + self._start.grace_s
        self._look = self._await_end
        self._await_end(moment)

    def close(self) -> Ended:
        """Say what became of it, once `is_over`; the pipes must not be watched any more."""
        stdout, stderr = (pipe.finish(self._null) for pipe in self.pipes)
        outcome, reason = self._judge()
        code = self._reaped.code if self._reaped else None
        gone_at = up_s() if self._gone_at is None else self._gone_at
        return Ended(
            outcome=self._forced or outcome,
            exit_code=None if code is None or code < 0 else code,
            signal=None if code is None or code >= 0 else _signal_name(-code),
            duration_s=round(gone_at - self._began, 6),
            reason=self._reason or reason,
            stdout=stdout,
            stderr=stderr,
            left_running=self._left,
            cpu_s=self._reaped.cpu_s if self._reaped else 0.0,
            max_rss_kb=_own_peak_kb(self._reaped) if self._reaped else 0,
        )

    def _watch(self, moment: Moment) -> None:
        if self.is_gone:
            self._turn_to(self._listen, moment)
        elif moment.now >= self._limit.at:
            self.end(HookOutcome.TIMED_OUT, self._limit.reason, moment)
        else:
            self.next_look = self._limit.at

    def _await_end(self, moment: Moment) -> None:
        self._terminate(moment)
        if self._all_gone(moment):
            self._turn_to(self._listen, moment)
        elif moment.now >= self._kill_at:
            self._reason += f"; still there {self._start.grace_s:g} s after SIGTERM, so killed"
            self._give_up_at = moment.now + KILL_PATIENCE_S
            self._turn_to(self._kill, moment)
        else:
            self.next_look = min(moment.now + _LOOK_S, self._kill_at)

    def _kill(self, moment: Moment) -> None:
        if self._all_gone(moment):
            self._turn_to(self._listen, moment)
        elif moment.now >= self._give_up_at:
            self._reason += "; some of it will not die"
            self._turn_to(self._listen, moment)
        else:
            self._signal(signal.SIGKILL, moment)
            self.next_look = moment.now + _LOOK_S

    def _listen(self, moment: Moment) -> None:
        """Wait a moment for what the hook's own pipelines still have to say."""
        silent = not any(pipe.is_open for pipe in self.pipes)
        until = self._heard_at + QUIET_S
        if self._gone_at is not None:
            until = min(until, self._gone_at + LISTEN_S)
        if moment.now >= until or (silent and self._nobody_is_left(moment)):
            self._left = self._leftovers(moment)
            self.is_over = True
        else:
            self.next_look = min(until, moment.now + _LOOK_S)

    def _turn_to(self, state: Callable[[Moment], None], moment: Moment) -> None:
        self._look = state
        state(moment)

    def _all_gone(self, moment: Moment) -> bool:
        return self.is_gone and self._nobody_is_left(moment)

    def _nobody_is_left(self, moment: Moment) -> bool:
        return moment.alone or not self.family.members(moment.table)

    def _terminate(self, moment: Moment) -> None:
        """Send TERM to whoever was not told yet: what was just being forked hid from one look."""
        members = self.family.members(moment.table)
        if not self._told:
            self._signal_own(signal.SIGTERM, members)
        untold = [one for one in members if one.key not in self._told]
        grown = [one for one in untold if one.pid == self.pid or is_grown(one, moment.now)]
        self.family.signal(grown, signal.SIGTERM)
        self._told.update(((self.pid, self.started), *(one.key for one in grown)))

    def _signal(self, number: signal.Signals, moment: Moment) -> None:
        members = self.family.members(moment.table)
        self._signal_own(number, members)
        self.family.signal(members, number)

    def _signal_own(self, number: signal.Signals, members: list[Process]) -> None:
        if not self.is_gone and self.pid not in {process.pid for process in members}:
            os.kill(self.pid, number)  # not yet reaped, so the number is still its own

    def _leftovers(self, moment: Moment) -> tuple[Leftover, ...]:
        if moment.alone:
            return ()
        held = frozenset(pipe.inode() for pipe in self.pipes if pipe.is_open)
        return tuple(leftover(one.pid, held) for one in self.family.members(moment.table))

    def _judge(self) -> tuple[HookOutcome, str]:
        if self._reaped is None:
            return HookOutcome.FAILED, "exit status lost"
        if self._reaped.code == 0:
            return HookOutcome.PASSED, ""
        if self._reaped.code < 0:
            return HookOutcome.FAILED, f"ended by {_signal_name(-self._reaped.code)}"
        return HookOutcome.FAILED, ""


def _own_peak_kb(reaped: Reaped) -> int:
    ours = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return reaped.max_rss_kb if reaped.max_rss_kb > ours else 0


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"SIGRTMIN+{number - signal.SIGRTMIN}"
