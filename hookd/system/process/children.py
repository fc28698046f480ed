"""Runs tries of hooks, one or several at a time: the one event loop of the program."""

from __future__ import annotations

import os
import selectors
from typing import TYPE_CHECKING, Callable, Sequence

from hookd.core.model import HookOutcome
from hookd.system.clock import up_s
from hookd.system.process import cgroup
from hookd.system.process.cgroup import Cgroups
from hookd.system.process.reap import Reaper, is_waitable
from hookd.system.process.running import Ended, Limit, Moment, Pipe, Running
from hookd.system.process.spawn import (
    NotStartedError,
    Start,
    keep_descriptors,
    open_null,
    spawn,
)
from hookd.system.process.table import Table

if TYPE_CHECKING:
    from types import TracebackType

_TICK_S = 1.0
_UMASK = 0o022
_LAST_READS = 16  # 64 KiB each: a full pipe

OnSpawned = Callable[[int, int, float, str], None]
OnEnded = Callable[[int, Ended], None]
OnOutput = Callable[[int, str, bytes], None]
Stop = Callable[[], "str | None"]


class Children:
    """Installed once in a process that runs hooks, before it starts any process.

    Takes over SIGCHLD, the wake-up descriptor and every orphan below (see Reaper) until it is
    left. Main thread only. `run` collects every child of this process that ends meanwhile.
    The umask is that of hooks, 022. `cgroups` says where tries get control groups of their own.
    """

    def __init__(self) -> None:
        self._reaper = Reaper()
        self.cgroups = Cgroups()

    def __enter__(self) -> Children:
        self._umask = os.umask(_UMASK)
        self.cgroups = cgroup.find()
        self._null = open_null()
        keep_descriptors()
        self._reaper.__enter__()
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._reaper, selectors.EVENT_READ)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._selector.close()
        self._reaper.__exit__(kind, error, trace)
        self.cgroups.close()
        os.close(self._null)
        os.umask(self._umask)

    def run(
        self,
        starts: Sequence[Start],
        *,
        max_parallel: int = 1,
        deadline: float | None = None,
        stop: Stop | None = None,
        on_spawned: OnSpawned | None = None,
        on_ended: OnEnded | None = None,
        on_output: OnOutput | None = None,
    ) -> list[Ended | None]:
        """Run `starts` in order, at most `max_parallel` at a time; None for the never started.

        `deadline` is a moment of CLOCK_BOOTTIME (seconds): at it the running are ended as timed
        out and no more are started. `stop` is asked once a second and whenever a signal came;
        a text from it ends everything as interrupted, with that text as the reason.
        `on_spawned(index, pid, process_started_at, cgroup)`, `on_ended(index, ended)` and
        `on_output(index, "stdout" | "stderr", data)` are called as it happens. What they or
        `stop` raise ends the running (TERM, grace, KILL) and is raised again.
        """
        group = _Group(
            self._reaper,
            self._selector,
            self._null,
            self.cgroups,
            starts,
            max_parallel,
            deadline,
            stop,
        )
        group.on_spawned, group.on_ended, group.on_output = on_spawned, on_ended, on_output
        group.run()
        return group.results


class _Group:
    def __init__(
        self,
        reaper: Reaper,
        selector: selectors.BaseSelector,
        null: int,
        cgroups: Cgroups,
        starts: Sequence[Start],
        max_parallel: int,
        deadline: float | None,
        stop: Stop | None,
    ) -> None:
        self.results: list[Ended | None] = [None] * len(starts)
        self.on_spawned: OnSpawned | None = None
        self.on_ended: OnEnded | None = None
        self.on_output: OnOutput | None = None
        self._reaper, self._selector = reaper, selector
        self._null, self._cgroups = null, cgroups
        self._starts = starts
        self._waiting = list(range(len(starts)))[::-1]
        self._running: dict[int, Running] = {}
        self._max_parallel = max(1, max_parallel)
        self._deadline = deadline
        self._stop = stop
        self._next_tick = 0.0

    def run(self) -> None:
        try:
            self._loop()
        except BaseException as error:
            self._stop = self.on_spawned = self.on_ended = self.on_output = None
            self._end_all(f"hookd failed: {error!r}")
            self._loop()
            raise

    def _loop(self) -> None:
        self._reap()
        self._tick()
        while self._waiting or self._running:
            self._start_more()
            if self._running:
                woken = self._pump()
                if woken or up_s() >= self._next_tick:
                    self._tick()
                self._look(everybody=woken)

    def _tick(self) -> None:
        self._next_tick = up_s() + _TICK_S
        reason = self._stop() if self._stop else None
        if reason:
            self._end_all(reason)

    def _start_more(self) -> None:
        while self._waiting and len(self._running) < self._max_parallel:
            now = up_s()
            if self._deadline is not None and now >= self._deadline:
                self._waiting.clear()
                return
            self._start(self._waiting.pop(), now)

    def _start(self, index: int, now: float) -> None:
        start = self._starts[index]
        try:
            spawned = spawn(start, self._null, self._cgroups)
        except NotStartedError as error:
            self._ended(index, Ended(HookOutcome.FAILED, reason=str(error)))
            return
        limit = _limit(start, now, self._deadline)
        running = Running(start, spawned, began=now, limit=limit, null=self._null)
        running.family.is_sole = self._reaper.childless
        self._reaper.childless = False
        for other in self._running.values():
            other.family.is_sole = False
        self._running[index] = running
        for pipe in running.pipes:
            self._selector.register(pipe.descriptor, selectors.EVENT_READ, (index, pipe))
        if self.on_spawned:
            self.on_spawned(index, running.pid, running.started, running.cgroup)

    def _pump(self) -> bool:
        """Wait for something to happen and take the output; True when a signal came."""
        woken = False
        for key, _events in self._selector.select(self._patience()):
            if key.data is None:
                woken = True
                self._reaper.quiet()
            else:
                self._read(*key.data)
        return woken

    def _read(self, index: int, pipe: Pipe) -> bytes:
        running = self._running[index]
        data = running.read(pipe)
        if not pipe.is_open:
            self._selector.unregister(pipe.descriptor)
        elif data and self.on_output:
            self.on_output(index, "stdout" if pipe is running.pipes[0] else "stderr", data)
        return data

    def _patience(self) -> float:
        due = min(one.next_look for one in self._running.values())
        return max(0.0, min(due, self._next_tick) - up_s())

    def _look(self, *, everybody: bool) -> None:
        now = up_s()
        due = [index for index, one in self._running.items() if everybody or now >= one.next_look]
        if not due:
            return
        moment = self._moment()
        for index in due:
            self._running[index].look(moment)
            if self._running[index].is_over:
                self._finish(index)

    def _moment(self) -> Moment:
        self._reap()
        since = min((one.started for one in self._running.values()), default=0.0)
        alone = self._reaper.childless and self._reaper.subreaper
        return Moment(up_s(), alone, Table(since))

    def _reap(self) -> None:
        ended = {reaped.pid: reaped for reaped in self._reaper.reap()}
        for running in self._running.values():
            if running.is_gone:
                continue
            if running.pid in ended or not is_waitable(running.pid):
                running.gone(ended.get(running.pid))

    def _end_all(self, reason: str) -> None:
        self._waiting.clear()
        moment = self._moment()
        for running in self._running.values():
            running.end(HookOutcome.INTERRUPTED, reason, moment)

    def _finish(self, index: int) -> None:
        running = self._running[index]
        for pipe in running.pipes:
            for _ in range(_LAST_READS):
                if not pipe.is_open or not self._read(index, pipe):
                    break
            if pipe.is_open:
                self._selector.unregister(pipe.descriptor)
        del self._running[index]
        cgroup.remove(running.cgroup)
        self._ended(index, running.close())

    def _ended(self, index: int, ended: Ended) -> None:
        self.results[index] = ended
        if self.on_ended:
            self.on_ended(index, ended)


def _limit(start: Start, now: float, deadline: float | None) -> Limit:
    at = now + start.timeout_s
    if deadline is not None and deadline < at:
        return Limit(deadline, f"the deadline came after {deadline - now:.1f} s")
    return Limit(at, f"timed out after {start.timeout_s:g} s")
