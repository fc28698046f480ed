"""Ends an operation for its caller: on-exit by hookd itself, or only the undos it still owes."""

from __future__ import annotations

from hookd.core.belong import Again
from hookd.core.budget import budget
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
    """Run what is left of the operation's on-exit, because of `reason`.

    Raises HookdError with Exit.BUSY.
    """
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
            finish(Workshop(machine, children, signals, observer), turn, allowed, closes=False)
    finally:
        turn.give_back()
