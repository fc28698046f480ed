"""Judges an operation from its journal and its snapshots: changes, checks, path and verdict."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Dict, Iterable, List, Mapping, Optional, Sequence, Tuple

from hookd.core import compare, kernels, patch
from hookd.core.belong import REBOOT_RUN
from hookd.core.called import folder, known_of, text
from hookd.core.checks import agreement, boot, hooks, kernel, packages, state
from hookd.core.checks import patch as patch_checks
from hookd.core.due import boots_of
from hookd.core.looks import LAST_KNOWN, changes_over, looks_of, packages_changed
from hookd.core.model import (
    CallerKind,
    Changes,
    Check,
    Health,
    Hook,
    HookOutcome,
    HookState,
    Path,
    Phase,
    PhaseOutcome,
    Severity,
    Verdict,
)
from hookd.core.operation import HookRun, Operation, PhaseRun
from hookd.core.path import Call, Evidence, Way, way
from hookd.core.readings import LogAction, Snapshot, TransactionState
from hookd.core.slot import INSTALL, VERIFY, Slot
from hookd.core.undo import Undo, last_try, outstanding
from hookd.core.verdict import health, is_bad, verdict

Severities = Mapping[str, Severity]

ASKED_BY = "recovery.asked-by"
"""The subject under which recovery notes who wanted it: `service`, `person` or the next `pre`."""


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
) -> Judgement:
    """Return what `phase` may say of the operation. `hooks_today` are those of all phases."""
    looks = looks_of(operation, snapshots)
    changes = changes_over(looks)
    found = way(_evidence(operation, looks, changes))
    judged = _judged(operation, looks, changes, found, severities, phase, hooks_today)
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
        pending=_is_pending(looks, changes) or bool(summary and summary.installed_pending_reboot),
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


def _is_pending(looks: Sequence[Snapshot], changes: Changes) -> Optional[bool]:
    if not looks:
        return None
    last, reboot_packages = (
        looks[-1].kernel,
        kernels.reboot_packages(looks[-1].os, changes.packages),
    )
    if last.next_boot.is_ok and last.is_ok and last.next_boot.release != last.running:
        return True
    return bool(reboot_packages)


def _speaks_of_failure(look: Snapshot) -> bool:
    entries = [entry for log in look.logs for entry in log.entries]
    states = [t.state for history in look.histories for t in history.transactions]
    failed = any(entry.action is LogAction.FAILED for entry in entries)
    return failed or any(found is not TransactionState.OK for found in states)


def _unfinished(look: Snapshot) -> Tuple[str, ...]:
    return tuple(name for history in look.histories for name in history.unfinished)


def _judged(
    operation: Operation,
    looks: Sequence[Snapshot],
    changes: Changes,
    found: Way,
    severities: Severities,
    phase: Phase,
    hooks_today: Sequence[Hook],
) -> List[Check]:
    """Return the checks that `phase` judges by what was looked at (pre has its own too)."""
    if not looks:
        return []
    last = looks[-1]
    checks = [packages.unfinished_transaction(last, severities)]
    if phase is Phase.PRE:
        return [*checks, packages.readable(last, severities)]
    checks += [
        packages.duplicates(last, severities),
        agreement.log_agrees(looks, severities),
        kernel.next_boot_is_newest(last.kernel, severities),
        kernel.next_boot_files(last.kernel, severities),
    ]
    checks += patch_checks.judged(
        operation, looks, phase, severities, needs_reboot=_is_pending(looks, changes)
    )
    if phase is Phase.POST:
        return checks
    pre = operation.last(Phase.PRE)
    reasons = {undo.hook: _why(operation, undo) for undo in outstanding(operation, hooks_today)}
    checks += [
        kernel.running_is_promised(looks, changes.kernel, severities),
        boot.rebooted_as_expected(
            changes.boot,
            last.boot,
            severities,
            caller=_caller(operation),
            reboot_option=text(known_of(operation), "reboot_option"),
            pending_count=patch.pending_count(operation),
            was_scheduled=bool(operation.observed.get(REBOOT_RUN)),
        ),
        hooks.changed_since_pre(_hooks_at_pre(operation), hook_digests(hooks_today), severities),
        state.undo_outstanding(reasons, severities),
        boot.clean(compare.went_down(looks), severities),
        boot.loop(
            boots_of(operation),
            severities,
            by_recovery=_is_by_service(operation),
            is_unclean=last.boot.before.clean is False and changes.boot.rebooted is True,
        ),
    ]
    if found.path is Path.NOTHING_TO_DO and pre is None and operation.last(Phase.POST) is None:
        newest = patch.newest(operation)
        count = newest.installed_pending_reboot if newest else None
        is_needed = bool(_is_pending(looks, changes))
        checks.append(boot.needed(count, severities, is_needed=is_needed))
    if pre is not None and pre.outcome is not PhaseOutcome.PASSED:
        checks.append(state.pre_bypassed(found.pre_bypassed, severities))
    return checks


def _is_by_service(operation: Operation) -> bool:
    """Whether on-exit runs because the service found it due, and not because somebody asks."""
    on_exit = operation.last(Phase.ON_EXIT)
    is_recovery = on_exit is not None and on_exit.caller is CallerKind.RECOVERY
    return is_recovery and operation.observed.get(ASKED_BY) == "service"


def _caller(operation: Operation) -> CallerKind:
    return operation.opened.caller


def _why(operation: Operation, undo: Undo) -> str:
    on_exit = operation.last(Phase.ON_EXIT)
    run = on_exit.hooks.get(undo.hook) if on_exit else None
    run = run or last_try(operation, undo.hook)
    return _said(run) if run else "it was not run"


def _said(run: HookRun) -> str:
    return run.reason or (f"exit {run.exit_code}" if run.exit_code is not None else "")


def _hooks_at_pre(operation: Operation) -> Optional[Dict[str, str]]:
    seen = operation.observed.get("hooks")
    if not isinstance(seen, dict):
        return None
    return {str(name): str(sha256) for name, sha256 in seen.items()}


def hook_digests(found: Iterable[Hook]) -> Dict[str, str]:
    """Return sha256 by id of the hooks that may run: what pre records and on-exit compares."""
    states = (HookState.READY, HookState.REFUSED)
    return {hook.id: hook.sha256 for hook in found if hook.state in states}
