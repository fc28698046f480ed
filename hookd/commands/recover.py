"""`hookd recover`: finish an operation whose caller is gone, and retry what it still owes."""

from __future__ import annotations

import os

from hookd.commands.context import Context, print_json, say
from hookd.commands.lookup import document_of, find
from hookd.core.operation import Operation
from hookd.core.undo import outstanding
from hookd.engine.recovery import recover_operation
from hookd.errors import Exit, HookdError
from hookd.report.details import details
from hookd.system import hold
from hookd.system.machine import Machine
from hookd.system.turn import known


def recover(context: Context, id: str) -> int:  # noqa: A002 - the name of the argument
    """Run on-exit of operation `id`, else of every open one or one that owes undos."""
    if os.environ.get("HOOKD_HOOK"):
        raise HookdError("hookd recover cannot be called by a hook of hookd", code=Exit.USAGE)
    machine = context.machine()
    held = hold.read(machine.state)
    if held:
        raise HookdError(f"held: {held}", hint="`hookd hold --release` ends the hold")
    chosen = [find(machine, id)] if id else _unfinished(machine)
    with context.observing(machine) as observer:
        for operation in chosen:
            if _is_unfinished(operation):
                recover_operation(machine, operation.id, context.began, observer)
    found = [document_of(machine, find(machine, operation.id)) for operation in chosen]
    if context.as_json:
        print_json(found)
    elif not found:
        say("nothing to recover")
    else:
        for one in found:
            for line in details(one):
                say(line)
    bad = [one for one in found if one["operation"]["verdict"] in ("failed", "incomplete")]
    return Exit.FAILED if bad else Exit.OK


def _unfinished(machine: Machine) -> list[Operation]:
    operations = (one.operation for one in known(machine.state))
    return [operation for operation in operations if _is_unfinished(operation)]


def _is_unfinished(operation: Operation) -> bool:
    return operation.is_open or bool(outstanding(operation))
