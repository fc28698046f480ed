"""The first look of a boot, taken before the SSM agent starts; judges a reboot that was awaited."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Iterable

from hookd import __version__
from hookd.aws.agent import Agent
from hookd.core.belong import REBOOT_RUN
from hookd.core.due import (
    boot_of_look,
    has_followed_up,
    is_of_boot,
    is_watched,
    late_look,
    wants_look,
)
from hookd.core.follow import follow_up, is_same_boot, judge_boot
from hookd.core.journal import Body, Checked, Noted, Observed
from hookd.core.liveness import BOOTED
from hookd.core.model import Phase
from hookd.core.operation import Operation
from hookd.core.undo import outstanding
from hookd.engine import publishing
from hookd.report import jsonl
from hookd.report.document import document
from hookd.system import clock, results
from hookd.system.machine import Machine
from hookd.system.record import Record


def look_at_boot(machine: Machine, operation_id: str, agent: Agent) -> str:
    """Take `booted-N` of a marked operation, once a boot; return what was done, in words.

    A closed operation that waited for this boot is judged by it, told of, and no longer watched.
    Raises OSError and JournalUnwritable.
    """
    operation = machine.state.load(operation_id)
    if operation is None:
        return "its journal tells nothing"
    if not machine.boot.boot_id:
        return f"not looked at: {machine.boot.reason or 'no boot id'}"
    is_new = wants_look(operation, machine.boot.boot_id)  # opening the record may note something
    lock = machine.state.operation_lock(operation_id)
    if not lock.take():
        return "a phase of it is being executed"
    record = Record(machine.state, operation_id, machine.boot.boot_id)
    record.may_spill = True
    try:
        record.open()
        done = _look(machine, record, agent) if is_new else "seen before in this boot"
        if is_watched(record.operation) and late_look(record.operation):
            done = _follow_up(machine, record)
        _unmark(machine, record.operation)
    finally:
        record.close()
        lock.release()
    return done


def follow_scheduled(machine: Machine, record: Record, agent: Agent, run_id: str) -> None:
    """Judge a closed operation when run `run_id` says that the scheduled reboot has been.

    The reboot may be judged already, by the first look of its boot, or may not have come at all.
    """
    operation, boot_id = record.operation, machine.boot.boot_id
    is_same = is_same_boot(operation, boot_id)
    if is_same is False and boot_of_look(operation) != boot_id:
        _look(machine, record, agent)
    if is_same is False and has_followed_up(record.operation):
        record.add(Observed(REBOOT_RUN, run_id))
    else:
        _follow_up(machine, record, run_id)
    _unmark(machine, record.operation)


def _look(machine: Machine, record: Record, agent: Agent) -> str:
    name = f"booted-{_number(record.operation)}"
    snapshot = machine.look_at_boot(name, record.look_before(name))
    noted = {
        "look": name,
        "boot_id": machine.boot.boot_id,
        "run_count": agent.look(record.operation.opened.run_id).run_count,
        "clean": snapshot.boot.before.clean,
    }
    record.add(Observed(BOOTED, noted), record.store(snapshot))
    return f"{name} is taken"


def _number(operation: Operation) -> int:
    numbers = [name.partition("-")[2] for name in operation.snapshots if is_of_boot(name)]
    return 1 + max((int(text) for text in numbers if text.isdigit()), default=0)


def _follow_up(machine: Machine, record: Record, run_id: str = "") -> str:
    """Tell first, record then: what a crash in between costs is a line told twice."""
    noted = (Observed(REBOOT_RUN, run_id),) if run_id else ()
    operation = record.operation
    operation = replace(operation, observed={**operation.observed, **_values(noted)})
    severities, boot_id = machine.loaded.config.checks, machine.boot.boot_id
    found, checks = judge_boot(operation, record.snapshots(), severities, boot_id)
    told = follow_up(found, checks, at=clock.utc_now(), look=late_look(operation))
    before = operation.observed.get("follow_ups") or []
    result = document(operation, found, __version__)
    result["operation"]["follow_ups"] = [*before, told]
    shown = publishing.told(machine, result)
    told_n = operation.last_n + len(noted) + 2
    line = jsonl.follow_up_line(shown, shown["operation"]["follow_ups"][-1], told_n)
    problems = [
        results.append_line(machine.root, line),
        results.write_result(machine.state, record.id, result),
    ]
    bodies: list[Body] = [*noted, Checked(Phase.ON_EXIT, checks, found.health)]
    bodies.append(Observed("follow_ups", [*before, told]))
    bodies += [Noted("results.lost", problem) for problem in problems if problem]
    record.add(*bodies)
    publishing.leave_in_inventory(machine, record, shown)
    return f"after the reboot: {found.verdict}, {found.way.path}"


def _values(noted: Iterable[Observed]) -> dict[str, Any]:
    return {one.subject: one.value for one in noted}


def _unmark(machine: Machine, operation: Operation) -> None:
    """Forget a closed operation that nothing is left to do for."""
    if not (operation.is_open or is_watched(operation) or outstanding(operation)):
        machine.state.unmark(operation.id)
