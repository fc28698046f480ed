"""Finds the operation that a person means: an id, a run id, or the last one."""

from __future__ import annotations

from hookd import __version__
from hookd.core.judge import judge_recorded
from hookd.core.operation import Operation
from hookd.engine.publishing import told
from hookd.errors import Exit, HookdError
from hookd.report.document import Document, document
from hookd.system.machine import Machine
from hookd.system.record import snapshots_of


def find(machine: Machine, which: str) -> Operation:
    """Return operation `which` (`last`: the highest counter). Raises HookdError."""
    ids = machine.state.ids()
    if which in ("", "last"):
        chosen = ids[-1] if ids else ""
    else:
        chosen = which if which in ids else _of_run(machine, which)
    operation = machine.state.load(chosen) if chosen else None
    if operation is None:
        message = f"there is no operation {which}" if ids else "there is no operation yet"
        raise HookdError(message, hint="`hookd history` lists them", code=Exit.USAGE)
    return operation


def _of_run(machine: Machine, run_id: str) -> str:
    for name in reversed(machine.state.ids()):
        head = machine.state.head(name)
        if head and head.run_id == run_id:
            return name
    return ""


def document_of(machine: Machine, operation: Operation) -> Document:
    """Return the result of `operation` as its journal and snapshots tell it now, for printing."""
    snapshots = snapshots_of(operation, machine.state.folder(operation.id))
    return told(machine, document(operation, judge_recorded(operation, snapshots), __version__))
