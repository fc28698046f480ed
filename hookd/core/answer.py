"""What a phase answers: how it ends, and the exit codes that follow from it."""

from __future__ import annotations

from dataclasses import replace
from typing import Iterable, Tuple

from hookd.core.judge import Judgement, phase_verdict
from hookd.core.model import Check, Phase, PhaseOutcome
from hookd.core.operation import Operation, PhaseRun
from hookd.core.verdict import deserved_exit, given_exit, is_bad, stops_pre, vetoes
from hookd.errors import Exit


def final_outcome(
    phase: Phase,
    planned: PhaseOutcome,
    reason: str,
    checks: Iterable[Check],
    veto: Tuple[str, ...],
) -> Tuple[PhaseOutcome, str]:
    """Return how a phase ends, and why, once its last checks are judged.

    A check that would have stopped pre fails it after its hooks as well.
    """
    if phase is Phase.PRE and planned is PhaseOutcome.PASSED:
        failing = sorted(check.id for check in checks if stops_pre(check))
        if failing:
            return PhaseOutcome.FAILED, "after the last hook: " + ", ".join(failing) + " failed"
    if phase is Phase.POST and planned is not PhaseOutcome.FAILED:
        vetoing = vetoes(checks, veto)
        if vetoing:
            return PhaseOutcome.FAILED, f"{vetoing[0].id} vetoes the reboot: {vetoing[0].found}"
    return planned, reason


def as_ended(
    operation: Operation, phase: Phase, outcome: PhaseOutcome, reason: str
) -> Tuple[Operation, PhaseRun]:
    """Return `operation` and its attempt at `phase` as they will be once that has ended."""
    run = operation.last(phase)
    if run is None:
        raise ValueError("the phase has not started")
    last = replace(run, outcome=outcome, reason=reason)
    phases = tuple(last if one is run else one for one in operation.phases)
    return replace(operation, phases=phases), last


def exit_codes(
    run: PhaseRun, judgement: Judgement, *, by_ssm: bool, cancelled: bool = False
) -> Tuple[Exit, Exit]:
    """Return the exit code that the ended `run` deserves, and the one its caller is given.

    `judgement` is of the operation with that end.
    """
    found = judgement.verdict
    if run.phase is not Phase.ON_EXIT:
        found = phase_verdict(run, judgement.checks)
    cancelled = cancelled and run.outcome is PhaseOutcome.INTERRUPTED
    deserved = deserved_exit(run.phase, run.outcome, found, cancelled=cancelled)
    failed = run.outcome is PhaseOutcome.FAILED or any(
        hook.required and is_bad(hook) for hook in run.hooks.values()
    )
    return deserved, given_exit(run.phase, deserved, by_ssm=by_ssm, failed=failed)
