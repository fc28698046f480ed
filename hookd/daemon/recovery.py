"""When the service itself acts: what is due over all marked operations, and the doing of it."""

from __future__ import annotations

from dataclasses import dataclass, field

from hookd.aws import agent
from hookd.core.due import Act, Due, due
from hookd.engine.booted import look_at_boot
from hookd.engine.recovery import recover_operation
from hookd.errors import HookdError
from hookd.report.log import Logger, Logging
from hookd.report.observer import Observer
from hookd.system import clock, hold
from hookd.system.machine import Machine
from hookd.system.turn import known

_ACTS = (Act.ON_EXIT, Act.RETRY_UNDOS, Act.CLOSE, Act.FOLLOW_UP)
_AGAIN_S = 60.0


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


@dataclass
class Recovery:
    """What the service remembers while it lives, and may forget: looks at runs, its last tries."""

    watch: agent.Watch
    tried: dict[str, float] = field(default_factory=dict)

    def pending(self, machine: Machine) -> list[Pending]:
        """Return what recovery has before it, oldest operation first.

        Open operations are pending even when nothing is to be done about them now (held, recovery
        switched off): the service stays for them.
        """
        held = hold.read(machine.state)
        moment, patience = machine.moment(), machine.patience()
        found = []
        for one in known(machine.state, see=self.watch.see):
            operation = one.operation
            following = due(
                operation, one.liveness, moment, patience, held=str(held or ""), seen=one.seen
            )
            act = self._pending(operation.id, following, moment.up_s)
            if operation.is_open or act.at is not None:
                found.append(act)
        return found

    def _pending(self, operation_id: str, following: Due, now: float) -> Pending:
        is_ours = following.act in _ACTS and following.in_s is not None
        at = now + following.in_s if is_ours and following.in_s is not None else None
        if at is not None and operation_id in self.tried:
            at = max(at, self.tried[operation_id] + _AGAIN_S)
        return Pending(operation_id, following.act, at, following.reason)

    def trying(self, act: Pending) -> None:
        """Note that `act` is begun: should it come to nothing, it is not begun anew at once."""
        self.tried[act.operation_id] = clock.up_s()


def recover(machine: Machine, act: Pending, log: Logger) -> None:
    """Do what is due, in this process."""
    try:
        if act.act is Act.FOLLOW_UP:
            done = look_at_boot(machine, act.operation_id, agent.Agent(machine.root))
            log.info("followed up", operation=act.operation_id, result=done)
            return
        observer = Logging(log, Observer())
        recover_operation(machine, act.operation_id, clock.up_s(), observer, act.reason)
    except HookdError as error:
        log.warning("not recovered", operation=act.operation_id, reason=error.message)
