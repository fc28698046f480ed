"""When the service itself acts: what is due over all marked operations, and the doing of it."""

from __future__ import annotations

import contextlib
import sys
from dataclasses import dataclass

from hookd.core.due import Act, Due, due
from hookd.core.undo import outstanding
from hookd.engine.recovery import recover_operation
from hookd.errors import HookdError
from hookd.report.observer import Observer
from hookd.system import clock, hold
from hookd.system.lock import holder
from hookd.system.machine import Machine
from hookd.system.turn import known

_ACTS = (Act.ON_EXIT, Act.RETRY_UNDOS, Act.CLOSE)


@dataclass(frozen=True)
class Pending:
    """An act of recovery, on which operation, and when (CLOCK_BOOTTIME seconds, None: unknown)."""

    operation_id: str
    act: Act
    at: float | None
    reason: str

    @property
    def is_now(self) -> bool:
        return self.at is not None and self.at <= clock.up_s()


def pending(machine: Machine) -> list[Pending]:
    """Return what recovery has before it, oldest operation first; nothing while a phase executes.

    Operations that are open, or owe undos, are pending even when nothing is to be done about them
    now (held, recovery switched off): the service stays for them.
    """
    held = hold.read(machine.state)
    moment, patience = machine.moment(), machine.patience()
    found = []
    for one in known(machine.state):
        if not one.operation.is_open and not outstanding(one.operation):
            continue
        following = due(one.operation, one.liveness, moment, patience, held=str(held or ""))
        found.append(_pending(one.operation.id, following, moment.up_s))
    return found


def _pending(operation_id: str, following: Due, now: float) -> Pending:
    is_ours = following.act in _ACTS and following.in_s is not None
    at = now + following.in_s if is_ours and following.in_s is not None else None
    return Pending(operation_id, following.act, at, following.reason)


def is_executing(machine: Machine) -> bool:
    return holder(machine.state.path("phase.lock")) is not None


def recover(machine: Machine, operation_id: str) -> None:
    """Do what is due for the operation, in this process."""
    with contextlib.suppress(HookdError):
        recover_operation(machine, operation_id, clock.up_s(), Observer())


def log(message: str) -> None:
    """Say what the service does, for its journal."""
    with contextlib.suppress(OSError, ValueError):
        sys.stderr.write(message + "\n")
        sys.stderr.flush()
