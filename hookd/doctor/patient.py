"""What is examined: the machine, and one look at it that all examinations share."""

from __future__ import annotations

from dataclasses import dataclass

from hookd.core.readings import PackageSet
from hookd.core.snapshot import Snapshot
from hookd.system.machine import Machine
from hookd.system.process.command import Completed

NOT_RUNNING = "below --root nothing runs and nothing is mounted"

_PATIENCE_S = 10.0


@dataclass(frozen=True)
class Patient:
    """`look` is a snapshot that was just taken and is kept nowhere."""

    machine: Machine
    look: Snapshot

    @property
    def is_host(self) -> bool:
        return self.machine.root.is_host

    def ask(self, *argv: str, environment: dict[str, str] | None = None) -> Completed:
        """Run a short command that changes nothing."""
        return self.machine.command(argv, timeout_s=_PATIENCE_S, environment=environment)

    def packages(self) -> tuple[PackageSet, ...]:
        return tuple(one for one in self.look.packages if one.is_ok)
