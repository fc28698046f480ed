"""Ends what a dead engine left behind, before anything is planned (lifecycle: called again)."""

from __future__ import annotations

from hookd.core.belong import Again
from hookd.core.journal import Body, HookCutOff, PhaseEnded
from hookd.core.model import Phase, PhaseOutcome
from hookd.core.operation import HookRun, PhaseRun
from hookd.errors import Exit
from hookd.system.process.family import end_leftovers
from hookd.system.record import Record

_GRACE_S = 10.0
_NO_SESSION = -1


def end_what_was_cut_off(record: Record, boot_id: str, phase: Phase, again: Again) -> None:
    """Record every hook in flight as interrupted, after ending what is left of it in this boot.

    A phase that nobody will resume ends as interrupted.
    """
    for run in record.operation.phases:
        if not run.is_running:
            continue
        bodies: list[Body] = [
            _cut_off(run, hook, boot_id)
            for hook in run.hooks.values()
            if hook.outcome is None and hook.was_started
        ]
        if run.phase is not phase or again is not Again.RESUME:
            failed = int(Exit.FAILED)
            reason = "its engine died"
            ended = PhaseEnded(
                run.phase, run.attempt, PhaseOutcome.INTERRUPTED, failed, failed, reason
            )
            bodies.append(ended)
        if bodies:
            record.add(*bodies)


def _cut_off(run: PhaseRun, hook: HookRun, boot_id: str) -> HookCutOff:
    if hook.boot_id != boot_id:
        reason = "the machine went down while it ran"
        return HookCutOff(run.phase, run.attempt, hook.name, hook.try_, reason)
    session = hook.pid or _NO_SESSION
    found = end_leftovers(
        hook.token, session, hook.process_started_at, session, _GRACE_S, hook.cgroup
    )
    reason = "its engine died" + (f"; {len(found)} processes of it were ended" if found else "")
    return HookCutOff(run.phase, run.attempt, hook.name, hook.try_, reason, found)
