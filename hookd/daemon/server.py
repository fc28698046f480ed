"""The service's own process: accepts, forks an engine a call, starts what recovery owes, leaves.

It holds no state: an engine is a process of its own that knows its client's socket and the journal,
so that this one may be killed, restarted or upgraded at any moment and nothing is lost.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import socket
import time
from dataclasses import dataclass, field
from typing import Callable

from hookd.aws import agent
from hookd.daemon import notify, recovery
from hookd.daemon.recovery import Pending, Recovery
from hookd.daemon.serve import serve
from hookd.report.log import Logger
from hookd.system import clock
from hookd.system.caller import Caller
from hookd.system.machine import Machine, open_machine
from hookd.system.signals import SHUTDOWN

IDLE_S = 60.0
_LOOK_S = 60.0
_SHORTEST_S = 1.0
_MOST_ENGINES = 128
_STOPPING_PATIENCE_S = 42.0


@dataclass
class Server:
    """`listening` was given by systemd when `may_leave`; then it leaves after an idle minute.

    One that does not `recovers` only serves calls.
    """

    root: str
    config: str | None
    listening: socket.socket
    may_leave: bool
    log: Logger
    recovers: bool = True
    engines: set[int] = field(default_factory=set)
    wants_end: bool = False
    idle_since: float = 0.0
    recovery: Recovery | None = None

    def run(self) -> None:
        """Serve until told to end, or until idle."""
        self.idle_since = clock.up_s()
        self.listening.setblocking(False)  # a client may be gone again before it is accepted
        waker = self._take_signals()
        with selectors.DefaultSelector() as selector:
            selector.register(self.listening, selectors.EVENT_READ)
            selector.register(waker, selectors.EVENT_READ)
            notify.notify("READY=1")
            while not self.wants_end:
                acts = self._recover()
                if self._is_idle(acts):
                    break
                for key, _ in selector.select(self._patience(acts)):
                    if key.fileobj is waker:
                        _drain(waker)
                    else:
                        self._accept()
                self._reap()
                notify.notify("WATCHDOG=1")
        notify.notify("STOPPING=1")
        self._end_with_the_machine()

    def _machine(self) -> Machine:
        return open_machine(self.root, self.config, {})

    def _recover(self) -> list[Pending]:
        """Start the first act that is due, unless a phase executes; return all that is pending."""
        if not self.recovers:
            return []
        machine = self._machine()
        if self.recovery is None:
            self.recovery = Recovery(agent.watch(machine.root, machine.boot.boot_id))
        acts = self.recovery.pending(machine)
        first = next((act for act in acts if act.is_now), None)
        if first is not None and recovery.executing(machine) is None:
            told = {"operation": first.operation_id, "act": str(first.act), "reason": first.reason}
            self.log.info("recovering", **told)
            self.recovery.trying(first)
            self._fork(lambda: recovery.recover(machine, first, self.log))
        return acts

    def _is_idle(self, acts: list[Pending]) -> bool:
        if self.engines or acts:
            self.idle_since = clock.up_s()
        return self.may_leave and clock.up_s() - self.idle_since >= IDLE_S

    def _patience(self, acts: list[Pending]) -> float:
        now = clock.up_s()
        waits = [_LOOK_S, *(act.at - now for act in acts if act.at is not None)]
        waits.append(self.idle_since + IDLE_S - now if self.may_leave else IDLE_S)
        watchdog = notify.watchdog_s()
        if watchdog:
            waits.append(watchdog)
        return max(_SHORTEST_S, min(waits))

    def _accept(self) -> None:
        try:
            connection, _ = self.listening.accept()
        except OSError:
            return
        self.idle_since = clock.up_s()
        with connection:
            if len(self.engines) < _MOST_ENGINES:
                self._fork(lambda: serve(connection, self.root, self.config, self.log))

    def _fork(self, work: Callable[[], None]) -> None:
        pid = os.fork()
        if pid:
            self.engines.add(pid)
            return
        try:
            self.listening.close()
            signal.set_wakeup_fd(-1)
            for number in (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD):
                signal.signal(number, signal.SIG_DFL)
            os.setsid()
            work()
        except BaseException as error:  # noqa: BLE001 - a forked engine must never run our loop
            self.log.critical("engine failed", error=repr(error))
        finally:
            os._exit(0)

    def _reap(self) -> None:
        with contextlib.suppress(ChildProcessError):
            while True:
                pid, _ = os.waitpid(-1, os.WNOHANG)
                if not pid:
                    return
                self.engines.discard(pid)
                self.idle_since = clock.up_s()

    def _take_signals(self) -> socket.socket:
        """Make SIGTERM and SIGCHLD wake the loop through a socket."""
        waker, wakes = socket.socketpair()
        waker.setblocking(False)
        wakes.setblocking(False)
        self._wakes = wakes
        signal.set_wakeup_fd(wakes.fileno(), warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._end)
        return waker

    def _end(self, *_: object) -> None:
        self.wants_end = True

    def _end_with_the_machine(self) -> None:
        """A plain stop leaves the engine; a machine that goes down ends it: a signal, and wait.

        Engines of an earlier service are no children of ours; the lock says who executes.
        """
        machine = self._machine()
        executing = recovery.executing(machine)
        if executing is None or not _machine_is_stopping(machine):
            return
        self.log.warning("ending the running phase", phase=executing.phase, reason="shutdown")
        engine = Caller(executing.pid, executing.process_started_at)
        if not engine.is_gone:
            with contextlib.suppress(ProcessLookupError):
                os.kill(engine.pid, SHUTDOWN)
        until = clock.up_s() + _STOPPING_PATIENCE_S
        while not engine.is_gone and clock.up_s() < until:
            self._reap()
            time.sleep(0.05)


def _machine_is_stopping(machine: Machine) -> bool:
    said = machine.command(("systemctl", "is-system-running"), timeout_s=5)
    return said.stdout.strip() == b"stopping"


def _drain(waker: socket.socket) -> None:
    with contextlib.suppress(BlockingIOError):
        while waker.recv(4096):
            pass
