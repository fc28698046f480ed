"""`--dry-run`: the plan of a phase as it would be now, without touching the machine."""

from __future__ import annotations

from hookd.aws import agent
from hookd.core.belong import Again, Choice, again, belong
from hookd.core.fates import Inputs
from hookd.core.fold import apply
from hookd.core.journal import OperationOpened, PhaseStarted, new_event
from hookd.core.model import Hook, HookState, Phase
from hookd.core.operation import Operation
from hookd.core.plan import Action, plan
from hookd.engine.calling import Request, expected, understood
from hookd.errors import Exit, HookdError
from hookd.system.machine import Machine
from hookd.system.turn import known


def forecast(machine: Machine, request: Request) -> tuple[Action, ...]:
    """Return the actions that `request` would lead to if nothing unexpected happens.

    Raises HookdError with Exit.BUSY or Exit.USAGE as the real call would.
    """
    request = understood(machine, request)
    see = agent.watch(machine.root, machine.boot.boot_id).see
    chosen = known(machine.state, request.call, see)
    found = belong(request.call, chosen, machine.moment(), machine.patience())
    if found.choice is Choice.BUSY:
        raise HookdError(f"busy: {found.reason}", code=Exit.BUSY)
    operation = None
    if found.choice is Choice.JOIN:
        operation = machine.state.load(found.operation_id)
    operation = operation or _new(machine, request)
    what, run = again(operation, request.call)
    if what in (Again.RECORDED, Again.FOLLOW_UP):
        return ()
    attempt = (run.attempt if run else 0) + (0 if what is Again.RESUME else 1)
    started = PhaseStarted(
        request.phase, attempt, request.caller, 0, 0.0, 0.0, "", what is Again.RESUME
    )
    operation = _and(operation, machine, started)
    return plan(operation, _inputs(machine, request.phase))


def _new(machine: Machine, request: Request) -> Operation:
    opened = OperationOpened(
        "",
        0,
        request.call.run_id,
        request.caller,
        "",
        None,
        "",
        expected(machine, request),
    )
    moment = machine.moment()
    event = new_event(opened, n=1, at=moment.at, boot_id=moment.boot_id, up_s=moment.up_s)
    return Operation(opened, event.at, last_n=1)


def _and(operation: Operation, machine: Machine, body: PhaseStarted) -> Operation:
    moment = machine.moment()
    n = operation.last_n + 1
    event = new_event(body, n=n, at=moment.at, boot_id=moment.boot_id, up_s=moment.up_s)
    return apply(operation, event) or operation


def _inputs(machine: Machine, phase: Phase) -> Inputs:
    found = machine.discover_all()
    undos: tuple[Hook, ...] = ()
    if phase is Phase.PRE:
        on_exit = found[Phase.ON_EXIT].hooks
        undos = tuple(h for h in on_exit if h.spec.undoes and h.state is HookState.READY)
    return Inputs(phase, found[phase].hooks, undos, rests=machine.rests)
