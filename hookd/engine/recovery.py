"""Ends an operation for its caller: on-exit by hookd itself, or only the undos it still owes."""

from __future__ import annotations

from hookd.aws import identity
from hookd.core.belong import Again
from hookd.core.budget import budget
from hookd.core.host import is_here
from hookd.engine import baked
from hookd.engine.call import finish
from hookd.engine.phase import Workshop
from hookd.errors import Exit, HookdError
from hookd.report.observer import Observer
from hookd.system.lock import holder
from hookd.system.machine import Machine
from hookd.system.process.children import Children
from hookd.system.record import Record
from hookd.system.signals import Signals
from hookd.system.turn import Turn


def recover_operation(
    machine: Machine, operation_id: str, began: float, observer: Observer, reason: str = ""
) -> None:
    """Run what is left of the operation's on-exit, for the service's `reason` or for a person.

    Raises HookdError: busy, or not an operation of this machine as far as is known.
    """
    _refuse_another_machines(machine, operation_id)
    state = machine.state
    executing, own = state.executing(), state.operation_lock(operation_id)
    if not executing.take():
        raise HookdError(f"busy: {holder(executing.path)}", code=Exit.BUSY)
    own.take(wait=True)
    record = Record(state, operation_id, machine.boot.boot_id)
    record.may_spill = True
    turn = Turn(record, Again.RESUME, None, (executing, own), reason=reason)
    allowed = budget(began, asked_s=None, configured_s=machine.loaded.config.run.deadline_s)
    try:
        record.open()
        with Signals() as signals, Children() as children:
            shop = Workshop(machine, children, signals, observer)
            asked_by = "service" if reason else "person"
            finish(shop, turn, allowed, closes=False, asked_by=asked_by)
    finally:
        turn.give_back()


def _refuse_another_machines(machine: Machine, operation_id: str) -> None:
    """Raise HookdError for an operation that came with the image this machine was made of."""
    here, head = identity.settled(machine), machine.state.head(operation_id)
    if operation_id in baked.set_aside(machine, here):
        raise HookdError(f"operation {operation_id} is of another machine and left alone")
    if head is not None and is_here(head.host, here) is None:
        message = f"it is not known whether operation {operation_id} is of this machine"
        hint = f"`hookd run on-exit --operation-id {operation_id}` acts on it all the same"
        raise HookdError(message, hint=hint)
