"""When the service itself acts: what is due over all marked operations, and the doing of it."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field, replace

from hookd.aws import agent, identity
from hookd.core.due import Act, Due, Moment, Reached, due
from hookd.core.host import is_here
from hookd.core.operation import Operation
from hookd.engine import baked
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
_SLOW_S = 4.0
_SOON_S = 30.0  # no wake-up comes more often by itself


@dataclass(frozen=True)
class Pending:
    """An act of recovery, on which operation, and when (CLOCK_BOOTTIME seconds, None: unknown).

    What waits for something else than time is looked at anew then.
    """

    operation_id: str
    act: Act
    at: float | None
    reason: str

    @property
    def is_now(self) -> bool:
        return self.at is not None and self.at <= clock.up_s()


@dataclass
class Recovery:
    """What the service remembers while it lives, and may forget.

    Its looks at runs, its last tries, how far this boot has come.
    """

    watch: agent.Watch
    tried: dict[str, float] = field(default_factory=dict)
    reached: Reached | None = None
    ask_again_at: float = 0.0

    def pending(self, machine: Machine) -> list[Pending]:
        """Return what recovery has before it, oldest operation first.

        Open operations are pending even when nothing is to be done about them now (held, recovery
        switched off): the service stays for them.
        """
        with contextlib.suppress(OSError):  # a mark too many costs a look
            baked.set_aside(machine, identity.facts(machine))
        held = hold.read(machine.state)
        marked = known(machine.state, see=self.watch.see)
        if not marked:
            return []
        moment, patience = self.moment(machine), machine.patience()
        not_before = moment.up_s + _SOON_S if machine.state.executor() else 0.0
        found = []
        for one in marked:
            operation = one.operation
            following = due(
                operation,
                one.liveness,
                moment,
                patience,
                held=str(held or ""),
                is_here=_is_ours(machine, operation),
                seen=one.seen,
            )
            act = self._pending(operation.id, following, moment.up_s, not_before)
            if operation.is_open or act.at is not None:
                found.append(act)
        return found

    def moment(self, machine: Machine) -> Moment:
        """Return now; how far the boot has come is asked until it has come far enough.

        Calls wait meanwhile, so a systemd that is slow to answer is not asked again at once.
        """
        now = machine.moment()
        is_enough = self.reached is not None and not self.reached.waits_for
        if is_enough or now.up_s < self.ask_again_at:
            return replace(now, reached=self.reached or now.reached)
        moment = machine.moment_for_recovery()
        self.reached = moment.reached
        took_s = clock.up_s() - now.up_s
        self.ask_again_at = clock.up_s() + (_SOON_S if took_s > _SLOW_S else 0.0)
        return moment

    def _pending(self, operation_id: str, following: Due, now: float, not_before: float) -> Pending:
        is_ours = following.act in _ACTS and following.in_s is not None
        at = now + following.in_s if is_ours and following.in_s is not None else None
        if at is not None:
            if following.waits_for:
                at = min(at, now + _SOON_S)
            at = max(at, not_before, self.tried.get(operation_id, -_AGAIN_S) + _AGAIN_S)
        return Pending(operation_id, following.act, at, following.reason)

    def trying(self, act: Pending) -> None:
        """Note that `act` is begun: should it come to nothing, it is not begun anew at once."""
        self.tried[act.operation_id] = clock.up_s()


def _is_ours(machine: Machine, operation: Operation) -> bool | None:
    """Whether the operation is of this machine; IMDS is asked when nothing else tells."""
    then = operation.opened.host
    known = is_here(then, identity.facts(machine))
    return is_here(then, identity.settled(machine)) if known is None else known


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
