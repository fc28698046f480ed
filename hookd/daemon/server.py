"""The service's own process: forks an engine for each request, starts what recovery owes, leaves.

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

from hookd import __version__
from hookd.aws import agent
from hookd.daemon import notify, recovery
from hookd.daemon.incoming import Client, Incoming, peer
from hookd.daemon.recovery import Pending, Recovery
from hookd.daemon.serve import serve
from hookd.report.log import Logger
from hookd.system import clock
from hookd.system.machine import Machine, open_machine
from hookd.system.process import memory
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

    def __post_init__(self) -> None:
        self.selector = selectors.DefaultSelector()
        self.incoming = Incoming(self.selector, self._refused)
        self._waker, self._wakes = socket.socketpair()

    def run(self) -> None:
        """Serve until told to end, or until idle."""
        self.idle_since = clock.up_s()
        self.listening.setblocking(False)  # a client may be gone again before it is accepted
        self._take_signals()
        with self.selector, self._waker, self._wakes:
            self.selector.register(self.listening, selectors.EVENT_READ)
            self.selector.register(self._waker, selectors.EVENT_READ)
            notify.notify("READY=1")
            self.log.info("serving", version=__version__, may_leave=self.may_leave)
            self._loop()
            self.log.info("leaving", reason="told to" if self.wants_end else "idle")
            notify.notify("STOPPING=1")
            self.incoming.close()
            signal.set_wakeup_fd(-1)
        self._end_with_the_machine()

    def _loop(self) -> None:
        look_at = 0.0
        while not self.wants_end:
            if clock.up_s() >= look_at:
                acts = self._recover()
                memory.give_back()  # before it waits: importing and folding took more than it keeps
                if self._is_idle(acts):
                    return
                look_at = clock.up_s() + self._patience(acts)
            for key, _ in self.selector.select(self._until(look_at)):
                self._attend(key)
            self.incoming.cut_late()
            if self._reap():
                look_at = 0.0  # what an engine did may change what is due
            notify.notify("WATCHDOG=1")

    def _until(self, look_at: float) -> float:
        """Return for how long nothing has to be done, in seconds."""
        until = self.incoming.next_until
        return max(0.0, min(look_at, look_at if until is None else until) - clock.up_s())

    def _attend(self, key: selectors.SelectorKey) -> None:
        if key.fileobj is self._waker:
            _drain(self._waker)
        elif key.fileobj is self.listening:
            self._accept()
        else:
            self._read(key.data)

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
        if first is not None and machine.state.executor() is None:
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
        self.incoming.add(connection)

    def _read(self, client: Client) -> None:
        line = self.incoming.read(client)
        if line is None:
            return
        with client.connection as connection:
            if len(self.engines) < _MOST_ENGINES:
                self._fork(lambda: serve(connection, line, self.root, self.config, self.log))
            else:  # closed without a word: the client does it in its own process
                self._refused(f"{len(self.engines)} calls are being served", peer(connection)[0])

    def _refused(self, why: str, pid: int) -> None:
        self.log.warning("refused", reason=why, caller_pid=pid)

    def _fork(self, work: Callable[[], None]) -> None:
        pid = os.fork()
        if pid:
            self.engines.add(pid)
            return
        try:
            signal.set_wakeup_fd(-1)
            for held in (self.listening, self._waker, self._wakes):
                held.close()
            self.incoming.close()
            self.selector.close()
            for number in (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD):
                signal.signal(number, signal.SIG_DFL)
            os.setsid()
            work()
        except BaseException as error:  # noqa: BLE001 - a forked engine must never run our loop
            self.log.critical("engine failed", error=repr(error))
        finally:
            os._exit(0)

    def _reap(self) -> bool:
        """Collect the engines that have ended; return whether there were any."""
        found = False
        with contextlib.suppress(ChildProcessError):
            while True:
                pid, _ = os.waitpid(-1, os.WNOHANG)
                if not pid:
                    break
                found = True
                self.engines.discard(pid)
                self.idle_since = clock.up_s()
        return found

    def _take_signals(self) -> None:
        """Make SIGTERM and SIGCHLD wake the loop through a socket, whatever our starter left."""
        for end in (self._waker, self._wakes):
            end.setblocking(False)
        signal.set_wakeup_fd(self._wakes.fileno(), warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._end)
        signal.pthread_sigmask(signal.SIG_SETMASK, ())

    def _end(self, *_: object) -> None:
        self.wants_end = True

    def _end_with_the_machine(self) -> None:
        """A plain stop leaves the engine; a machine that goes down ends it: a signal, and wait.

        Engines of an earlier service are no children of ours; the lock says who executes.
        """
        machine = self._machine()
        who = machine.state.executor()
        if who is None or not _machine_is_stopping(machine):
            return
        told = {"operation": who.operation, "phase": who.phase, "reason": "shutdown"}
        self.log.warning("ending the running phase", **told)
        engine = who.process
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
