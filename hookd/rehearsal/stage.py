"""The machine that a rehearsal plays on while it is up: its service, its boots, its crashes."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from typing import Callable

from hookd import __version__
from hookd.core.judge import judge_recorded
from hookd.core.operation import Operation
from hookd.daemon import protocol
from hookd.rehearsal.agent import PRIVATE
from hookd.rehearsal.node import Node
from hookd.report.document import Document, document
from hookd.system import clock
from hookd.system.lock import holder
from hookd.system.machine import Machine, open_machine
from hookd.system.process import group
from hookd.system.process.command import PATH, Completed, run
from hookd.system.process.reap import Reaper
from hookd.system.record import snapshots_of

_PATIENCE_S = 60.0
_LONGEST_S = 7200.0
_LOOK_S = 0.01


class Stuck(Exception):
    """Something that has to happen on the machine did not."""


class Stage:
    """The machine below `root`. Within `reaper`, to which all that is played on it comes back."""

    def __init__(self, root: str, reaper: Reaper) -> None:
        self.root = root
        self.node = Node(root)
        self._reaper = reaper
        self._service: group.Program | None = None
        self._private = os.path.join(root, PRIVATE)

    def power_on(self) -> None:
        """Start the service and wait until it listens."""
        socket = os.path.join(self.root, protocol.SOCKET.lstrip("/"))
        with contextlib.suppress(FileNotFoundError):
            os.unlink(socket)
        log = os.open(os.path.join(self._private, "service.log"), os.O_WRONLY | os.O_CREAT, 0o600)
        try:
            self._service = group.start(
                (self._hookd, "daemon", "--no-recovery"),
                cwd="/",
                environment=self._environment,
                stdout=log,
                stderr=log,
            )
        finally:
            os.close(log)
        self.wait_until(lambda: os.path.exists(socket), "the service did not start")

    def power_off(self) -> None:
        """End everything that runs on the machine, without a word."""
        group.kill_all_below(self._reaper)
        if self._service is not None:
            self._service.returncode = -signal.SIGKILL  # collected just now
            self._service = None

    def boot(self, kernel: str = "") -> str:
        """Come up again with the default kernel, or `kernel`; return which."""
        self.power_off()
        release = self.node.reboot(kernel)
        self.hookd("boot")
        self.power_on()
        return release

    def hookd(self, *words: str) -> Completed:
        """Run hookd on the machine as its own units and people do."""
        return run((self._hookd, *words), timeout_s=_LONGEST_S, environment=self._environment)

    @property
    def _hookd(self) -> str:
        return os.path.join(self._private, "bin", "hookd")

    @property
    def _environment(self) -> dict[str, str]:
        return {"PATH": PATH, "HOOKD_ROOT": self.root, "HOOKD_REHEARSAL": "1"}

    def machine(self) -> Machine:
        return open_machine(self.root, None, {})

    def wait_for_engine(self) -> None:
        """Wait until no phase is executed on the machine."""
        lock = self.machine().state.path("phase.lock")
        self.wait_until(lambda: holder(lock) is None, "a phase does not end")

    def wait_until(self, what: Callable[[], bool], otherwise: str) -> None:
        """Wait until `what()` is true. Raises Stuck, saying `otherwise`."""
        until = clock.up_s() + _PATIENCE_S
        while not what():
            if clock.up_s() > until:
                raise Stuck(otherwise)
            time.sleep(_LOOK_S)

    def operations(self) -> list[Operation]:
        """Return the operations that hookd has recorded, oldest first."""
        state = self.machine().state
        return [one for one in map(state.load, state.ids()) if one is not None]

    def result(self, operation: Operation) -> Document:
        """Return the result as the journal and the snapshots tell it now."""
        folder = self.machine().state.folder(operation.id)
        judgement = judge_recorded(operation, snapshots_of(operation, folder))
        return document(operation, judgement, __version__)

    def touch(self, name: str) -> None:
        with open(os.path.join(self._private, name), "wb"):
            pass

    def has(self, name: str) -> bool:
        return os.path.lexists(os.path.join(self._private, name))
