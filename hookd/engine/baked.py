"""State that an image brought along from the machine it was made of: told of, and left alone."""

from __future__ import annotations

from typing import Mapping

from hookd.core.host import is_here
from hookd.core.journal import Noted
from hookd.system.journal import JournalUnwritable
from hookd.system.machine import Machine
from hookd.system.record import Record


def set_aside(machine: Machine, here: Mapping[str, str]) -> tuple[str, ...]:
    """Forget the open operations of another machine; return their ids.

    Nothing of them is due here any more. They stay on disk, and in `hookd history`.
    """
    found = []
    for operation_id in machine.state.marked():
        head = machine.state.head(operation_id)
        if head is not None and is_here(head.host, here) is False:
            _note(machine, operation_id, head.host)
            machine.state.unmark(operation_id)
            found.append(operation_id)
    return tuple(found)


def _note(machine: Machine, operation_id: str, then: Mapping[str, str]) -> None:
    """Say it in the operation's journal, if nobody holds it and it takes any."""
    lock = machine.state.operation_lock(operation_id)
    if not lock.take():
        return
    whose = then.get("instance_id") or then.get("machine_id", "")
    record = Record(machine.state, operation_id, machine.boot.boot_id)
    try:
        record.open()
        record.add(Noted("state.from-image", f"of machine {whose}, found on another: left alone"))
    except (OSError, JournalUnwritable):
        return
    finally:
        record.close()
        lock.release()
