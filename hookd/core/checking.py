"""Which checks each phase judges, and by what."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Dict, Iterable, List, Mapping, Optional, Sequence, Tuple

from hookd.core import boots, patch, pending
from hookd.core.belong import REBOOT_RUN
from hookd.core.blame import Blame
from hookd.core.called import known_of, text
from hookd.core.checks import (
    agreement,
    boot,
    expect,
    histories,
    hooks,
    kernel,
    node,
    packages,
    reboot,
    state,
)
from hookd.core.checks import patch as patch_checks
from hookd.core.checks.ends import Ends
from hookd.core.due import boots_of
from hookd.core.ignore import Ignore
from hookd.core.looks import LAST_KNOWN
from hookd.core.model import (
    CallerKind,
    Changes,
    Check,
    Hook,
    HookState,
    Path,
    Phase,
    PhaseOutcome,
    Severity,
)
from hookd.core.operation import HookRun, Operation
from hookd.core.path import Way
from hookd.core.rest import restless
from hookd.core.snapshot import Snapshot
from hookd.core.undo import Undo, last_try, outstanding

ASKED_BY = "recovery.asked-by"
"""The subject under which recovery notes who wanted it: `service`, `person` or the next `pre`."""


@dataclass(frozen=True)
class Scene:
    """What there is to judge by. `looks` are in the order of time; `hooks_today` of all phases."""

    operation: Operation
    looks: Tuple[Snapshot, ...]
    changes: Changes
    way: Way
    severities: Mapping[str, Severity]
    hooks_today: Sequence[Hook] = ()
    ignore: Ignore = Ignore()

    @property
    def last(self) -> Snapshot:
        return self.looks[-1]


def judge_phase(scene: Scene, phase: Phase) -> List[Check]:
    """Return the checks that `phase` judges by what was looked at (pre has its own too)."""
    if not scene.looks:
        return []
    checks = [packages.unfinished_transaction(scene.last, scene.severities)]
    ends = _ends(scene)
    checks += node.judged(ends, phase)
    if phase is Phase.PRE:
        return [*checks, packages.readable(scene.last, scene.severities)]
    checks += [*_installed(scene), *_patch_manager(scene, phase)]
    if phase is Phase.POST:
        return checks
    checks += expect.judged(scene.looks, scene.severities, is_final=ends.is_final)
    return [*checks, *_boots(scene), *_hooks(scene), *_run(scene)]


def _ends(scene: Scene) -> Ends:
    """Return what the running node is judged by; once on-exit has ended nothing is put back."""
    on_exit, severities = scene.operation.last(Phase.ON_EXIT), scene.severities
    if scene.way.path is Path.NOTHING_TO_DO and scene.looks[0].name == LAST_KNOWN:
        severities = node.as_warnings(severities)
    return Ends(
        scene.looks,
        Blame(scene.looks, scene.changes.packages),
        severities,
        scene.ignore,
        is_final=on_exit is not None and not on_exit.is_running,
        restless=restless(scene.operation, scene.last.boot.boot_id),
    )


def _installed(scene: Scene) -> List[Check]:
    """Judge what the installation left."""
    severities = scene.severities
    return [
        packages.duplicates(scene.last, severities),
        agreement.log_agrees(scene.looks, severities),
        histories.history_agrees(scene.looks, scene.changes.packages, severities),
        kernel.next_boot_is_newest(scene.last.kernel, severities),
        kernel.next_boot_files(scene.last.kernel, severities),
    ]


def _patch_manager(scene: Scene, phase: Phase) -> Sequence[Check]:
    needs_reboot = pending.is_pending(scene.looks, scene.changes)
    return patch_checks.judged(
        scene.operation, scene.looks, phase, scene.severities, needs_reboot=needs_reboot
    )


def _boots(scene: Scene) -> List[Check]:
    """Judge whether, how often and into what the machine booted."""
    operation, change, severities = scene.operation, scene.changes.boot, scene.severities
    return [
        kernel.running_is_promised(scene.looks, scene.changes.kernel, severities),
        kernel.livepatch_kept(scene.looks, severities),
        boot.rebooted_as_expected(
            change,
            scene.last.boot,
            severities,
            caller=operation.opened.caller,
            reboot_option=text(known_of(operation), "reboot_option"),
            pending_count=patch.pending_count(operation),
            was_scheduled=_is_told_of_reboot(operation),
        ),
        boot.clean(
            boots.went_down(scene.looks),
            severities,
            left=boots.crashes(scene.looks),
            before=scene.looks[0].boot.before,
        ),
        _boot_count(scene),
        boot.loop(
            boots_of(operation),
            severities,
            by_recovery=_is_by_service(operation),
            is_unclean=scene.last.boot.before.clean is False and change.rebooted is True,
            since=boots.utc_text(_own(scene)[0].boot.btime),
        ),
        reboot_needed(operation, scene.looks, scene.changes, severities),
    ]


def _boot_count(scene: Scene) -> Check:
    """Judge the boots since the operation began; those since the last one are none of its own."""
    own = _own(scene)
    ordered = boots.ordered(own, scene.changes, is_scheduled=_is_told_of_reboot(scene.operation))
    since = boots.utc_text(own[0].boot.btime)
    return boot.count(
        boots.boot_change(own), scene.last.boot, ordered, scene.severities, since=since
    )


def _own(scene: Scene) -> Sequence[Snapshot]:
    """Return the looks that the operation took itself."""
    return [look for look in scene.looks if look.name != LAST_KNOWN] or scene.looks


def reboot_needed(
    operation: Operation,
    looks: Sequence[Snapshot],
    changes: Changes,
    severities: Mapping[str, Severity],
) -> Check:
    """Judge whether a reboot is still to come after the last of `looks` (not empty)."""
    now, before = pending.waiting(looks, changes), pending.waiting_at(looks[0])
    return reboot.needed(
        looks[-1],
        reboot.Reasons(now, patch.pending_since_boot(operation, looks[-1].boot.boot_id)),
        reboot.Reasons(before, patch.pending_at_scan(operation)),
        severities,
        is_forbidden=text(known_of(operation), "reboot_option") == boot.NO_REBOOT,
    )


def _hooks(scene: Scene) -> List[Check]:
    """Judge whether the hooks are the same, and whether what they took away is back."""
    operation, today = scene.operation, scene.hooks_today
    reasons = {undo.hook: _why(operation, undo) for undo in outstanding(operation, today)}
    at_pre = _hooks_at_pre(operation)
    return [
        hooks.changed_since_pre(at_pre, hook_digests(today), scene.severities),
        state.undo_outstanding(reasons, scene.severities),
    ]


def _run(scene: Scene) -> List[Check]:
    pre = scene.operation.last(Phase.PRE)
    if pre is None or pre.outcome is PhaseOutcome.PASSED:
        return []
    return [state.pre_bypassed(scene.way.pre_bypassed, scene.severities)]


def _is_told_of_reboot(operation: Operation) -> bool:
    """Whether a scheduled reboot said that it has been."""
    return bool(operation.observed.get(REBOOT_RUN))


def _is_by_service(operation: Operation) -> bool:
    """Whether on-exit runs because the service found it due, and not because somebody asks."""
    on_exit = operation.last(Phase.ON_EXIT)
    is_recovery = on_exit is not None and on_exit.caller is CallerKind.RECOVERY
    return is_recovery and operation.observed.get(ASKED_BY) == "service"


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
