"""Judges an operation from its journal and its snapshots: changes, checks, path and verdict."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Iterable, Mapping, Optional, Sequence, Tuple

from hookd.core import patch
from hookd.core.called import folder, known_of
from hookd.core.checking import Scene, judge_phase
from hookd.core.ignore import Ignore
from hookd.core.looks import LAST_KNOWN, changes_over, looks_of, packages_changed
from hookd.core.model import (
    CallerKind,
    Changes,
    Check,
    Health,
    Hook,
    HookOutcome,
    Path,
    Phase,
    PhaseOutcome,
    Severity,
    Verdict,
)
from hookd.core.operation import Operation, PhaseRun
from hookd.core.path import Call, Evidence, Way, way
from hookd.core.pending import is_pending
from hookd.core.readings import LogAction, TransactionState
from hookd.core.slot import INSTALL, VERIFY, Slot
from hookd.core.snapshot import Snapshot
from hookd.core.undo import Undo, outstanding
from hookd.core.verdict import health, is_bad, verdict

Severities = Mapping[str, Severity]

_NOTHING = Ignore()


@dataclass(frozen=True)
class Judgement:
    """`path` and `verdict` are of the operation so far; an open one is at best incomplete."""

    changes: Changes
    checks: Tuple[Check, ...]
    way: Way
    verdict: Verdict
    health: Health
    outstanding: Tuple[Undo, ...] = ()


def judge(
    operation: Operation,
    snapshots: Mapping[str, Snapshot],
    severities: Severities,
    phase: Phase,
    hooks_today: Sequence[Hook] = (),
    ignore: Ignore = _NOTHING,
) -> Judgement:
    """Return what `phase` may say of the operation. `hooks_today` are those of all phases."""
    looks = looks_of(operation, snapshots)
    changes = changes_over(looks)
    found = way(_evidence(operation, looks, changes))
    scene = Scene(operation, looks, changes, found, severities, hooks_today, ignore)
    judged = judge_phase(scene, phase)
    checks = {**operation.checks, **{c.id: replace(c, phase=phase.value) for c in judged}}
    return _judgement(operation, changes, found, checks, outstanding(operation, hooks_today))


def judge_recorded(operation: Operation, snapshots: Mapping[str, Snapshot]) -> Judgement:
    """Return the judgement that the journal holds: its own checks, nothing judged anew."""
    looks = looks_of(operation, snapshots)
    changes = changes_over(looks)
    found = way(_evidence(operation, looks, changes))
    return _judgement(operation, changes, found, operation.checks, outstanding(operation))


def _judgement(
    operation: Operation,
    changes: Changes,
    found: Way,
    checks: Mapping[str, Check],
    owed: Tuple[Undo, ...],
) -> Judgement:
    final = tuple(checks[name] for name in sorted(checks))
    return Judgement(
        changes, final, found, _verdict(operation, found.path, final, owed), health(final), owed
    )


def _verdict(
    operation: Operation, path: Path, checks: Tuple[Check, ...], owed: Tuple[Undo, ...]
) -> Verdict:
    on_exit = operation.last(Phase.ON_EXIT)
    runs = [run for run in (operation.last(p) for p in Phase) if run is not None]
    ran = [hook for run in runs for hook in run.hooks.values()]
    if on_exit is None:
        failed = any(run.outcome is PhaseOutcome.FAILED for run in runs)
        return Verdict.FAILED if failed else Verdict.INCOMPLETE
    lost = bool(operation.observed.get("journal.lost"))
    overridden = bool(operation.observed.get("override.hooks"))
    found = verdict(
        path,
        checks,
        ran,
        outstanding=len(owed),
        recovered_first=Phase.ON_EXIT in operation.opened.expected
        and any(run.recovered for run in operation.phases),
        overridden=overridden,
        cut_short=on_exit.is_running or any(map(_is_cut_short, runs)),
    )
    return Verdict.INCOMPLETE if lost and found is not Verdict.FAILED else found


def _is_cut_short(run: PhaseRun) -> bool:
    if run.outcome is PhaseOutcome.INTERRUPTED:
        return True
    never = (hook for hook in run.hooks.values() if hook.outcome is HookOutcome.SKIPPED)
    late = run.outcome is PhaseOutcome.TIMED_OUT
    return late and any(hook.required and hook.reason == run.reason for hook in never)


def phase_verdict(run: PhaseRun, checks: Iterable[Check]) -> Verdict:
    """Return the verdict over one phase alone: what the caller of pre or post reads first."""
    own = [check for check in checks if check.phase == run.phase.value]
    found = verdict(None, own, run.hooks.values())
    good = (PhaseOutcome.PASSED, PhaseOutcome.RUNNING)
    return found if run.outcome in good else Verdict.FAILED


def _evidence(operation: Operation, looks: Sequence[Snapshot], changes: Changes) -> Evidence:
    known, summary = known_of(operation), patch.newest(operation)
    verified = folder(known, VERIFY)
    return Evidence(
        pre=_pre_call(operation),
        post=_post_call(operation),
        missing=_missing(summary),
        failed=summary.failed if summary else None,
        scan_failed=None if verified is None else not verified,
        install_entered=folder(known, INSTALL),
        post_slot_entered=folder(known, Slot.POST.value),
        recovered=_is_recovered(operation),
        has_last_known=bool(looks) and looks[0].name == LAST_KNOWN,
        changed=packages_changed(looks),
        rebooted=changes.boot.rebooted,
        pending=is_pending(looks, changes) or bool(summary and summary.installed_pending_reboot),
        speaks_of_failure=any(_speaks_of_failure(look) for look in looks[1:]),
        unfinished=_unfinished(looks[-1]) if looks else (),
    )


def _missing(summary: Optional[patch.Summary]) -> Optional[int]:
    """Return what the scan found missing; after an Install nothing is, whatever was."""
    return summary.missing if summary and summary.operation == patch.SCAN else None


def _pre_call(operation: Operation) -> Call:
    run = operation.last(Phase.PRE)
    if run is None:
        return _not_called(operation, Phase.PRE)
    return Call.PASSED if run.outcome is PhaseOutcome.PASSED else Call.FAILED


def _post_call(operation: Operation) -> Call:
    """A post that only ran out of time, or failed in wanted hooks, has not failed."""
    run = operation.last(Phase.POST)
    if run is None:
        return _not_called(operation, Phase.POST)
    bad = any(hook.required and is_bad(hook) for hook in run.hooks.values())
    return Call.FAILED if bad or run.outcome is PhaseOutcome.FAILED else Call.PASSED


def _not_called(operation: Operation, phase: Phase) -> Call:
    return Call.NOT_CALLED if phase in operation.opened.expected else Call.NOT_EXPECTED


def _is_recovered(operation: Operation) -> bool:
    run = operation.last(Phase.ON_EXIT)
    expected = Phase.ON_EXIT in operation.opened.expected
    return run is not None and expected and run.caller is CallerKind.RECOVERY


def _speaks_of_failure(look: Snapshot) -> bool:
    entries = [entry for log in look.logs for entry in log.entries]
    states = [t.state for history in look.histories for t in history.transactions]
    failed = any(entry.action is LogAction.FAILED for entry in entries)
    return failed or any(found is not TransactionState.OK for found in states)


def _unfinished(look: Snapshot) -> Tuple[str, ...]:
    return tuple(name for history in look.histories for name in history.unfinished)
