"""What is judged before a phase starts its first hook, besides what the snapshots tell."""

from __future__ import annotations

from dataclasses import replace
from typing import Iterator, Sequence

from hookd.core.checks import state as state_checks
from hookd.core.checks.table import Judge
from hookd.core.journal import Noted, Observed
from hookd.core.model import Check, Phase, Severity
from hookd.core.undo import Undo, outstanding
from hookd.engine.calling import Request
from hookd.system import hold
from hookd.system.machine import Machine
from hookd.system.record import Record

_PRE_ONLY = (Phase.PRE,)


def judge_before(machine: Machine, phase: Phase, unreadable: Sequence[str]) -> list[Check]:
    """Return the checks of `phase` that need no snapshot. `unreadable` names hook directories."""
    severities = machine.loaded.config.checks
    problems = [str(problem) for problem in machine.loaded.errors]
    checks = [
        state_checks.config_loads(problems, severities),
        state_checks.readable(machine.state.unreadable(), severities),
    ]
    checks.append(_hooks_readable(Judge("hooks.readable", severities), unreadable))
    if phase is Phase.PRE:
        free, least = machine.free_bytes()
        checks += [
            state_checks.writable(machine.why_state_is_unwritable(), severities),
            state_checks.disk_low(free, least, severities),
            _older_undos(machine),
            *_not_held(machine),
        ]
    return [replace(check, phase=phase.value) for check in checks]


def _hooks_readable(judge: Judge, unreadable: Sequence[str]) -> Check:
    expected = "every hook directory"
    if unreadable:
        return judge.not_met(expected=expected, found="; ".join(unreadable))
    return judge.passed(expected=expected, found="all")


def judge_slot(machine: Machine, phase: Phase, request: Request | None) -> list[Check]:
    """Return the check of the slot that called; nobody else stands in one."""
    slot = request.called.slot if request else None
    if request is None or slot is None:
        return []
    asked = request.facts.known.get("called")
    called = Phase(asked) if asked else phase
    check = state_checks.slot_matches(slot.phase, called, machine.loaded.config.checks)
    return [replace(check, phase=phase.value)]


def held(machine: Machine) -> tuple[Observed, ...]:
    """Return the hold in force, to be recorded: every result of the operation shows it."""
    found = hold.read(machine.state)
    return (Observed("hold", str(found)),) if found else ()


def _not_held(machine: Machine) -> list[Check]:
    found = hold.read(machine.state)
    if found is None:
        return []
    judge = Judge("run.held", machine.loaded.config.checks)
    return [judge.not_met(expected="no hold", found=str(found))]


def _older_undos(machine: Machine) -> Check:
    """Say what older operations still owe: a warning to pre, whatever its severity later."""
    owed = {
        f"{undo.hook} of {operation_id}": "outstanding"
        for operation_id, undos in older_undos(machine)
        for undo in undos
    }
    severities = {**machine.loaded.config.checks, "undo.outstanding": Severity.WARN}
    return state_checks.undo_outstanding(owed, severities)


def reserved(record: Record, phase: Phase) -> Iterator[Noted]:
    """Keep room for the journal from pre on, so that nobody who fills the disk can silence it."""
    problem = record.journal.reserve() if phase is Phase.PRE else ""
    if problem:
        yield Noted("journal.reserve", f"no room could be reserved: {problem}")


def older_undos(machine: Machine, but: str = "") -> list[tuple[str, tuple[Undo, ...]]]:
    """Return the operations that have had their on-exit and still owe undos, newest first."""
    found = []
    for operation_id in reversed(machine.state.marked()):
        operation = machine.state.load(operation_id) if operation_id != but else None
        if operation is None:
            continue
        is_over = not operation.is_open or operation.had_on_exit
        undos = outstanding(operation)
        if is_over and undos:
            found.append((operation_id, undos))
    return found


def active_override(machine: Machine) -> frozenset[str]:
    """Return the hooks that the configuration counts as wanted for now (`[override]`)."""
    override = machine.loaded.config.override
    if not override.until or override.until <= machine.moment().at:
        return frozenset()
    return frozenset(override.hooks)
