"""From checks, hooks and path to the verdict, the health and the exit code."""

from __future__ import annotations

from typing import Iterable, Optional, Tuple

from hookd.core.model import (
    Check,
    Health,
    HookOutcome,
    Outcome,
    Path,
    Phase,
    PhaseOutcome,
    Severity,
    Verdict,
)
from hookd.core.operation import HookRun
from hookd.errors import Exit

BAD = frozenset(
    (
        HookOutcome.FAILED,
        HookOutcome.TIMED_OUT,
        HookOutcome.REFUSED,
        HookOutcome.INTERRUPTED,
        HookOutcome.OUTSTANDING,
    )
)
_FAILED_PATHS = frozenset(
    (
        Path.PRE_FAILED,
        Path.INSTALL_FAILED,
        Path.POST_FAILED,
        Path.INTERRUPTED,
        Path.PRE_MISSING,
    )
)


def is_failing(check: Check) -> bool:
    return check.severity is Severity.FAIL and check.outcome is Outcome.FAIL


def is_open_question(check: Check) -> bool:
    return check.severity is Severity.FAIL and check.outcome is Outcome.UNKNOWN


def is_warning(check: Check) -> bool:
    """Whether a check lowers the verdict to passed-with-warnings."""
    if check.severity is Severity.FAIL:
        return check.outcome is Outcome.WARN
    return check.severity is Severity.WARN and check.outcome in (
        Outcome.WARN,
        Outcome.FAIL,
        Outcome.UNKNOWN,
    )


def is_bad(hook: HookRun) -> bool:
    """Whether a hook ended in any way but passed or skipped; one still running has not."""
    return hook.outcome in BAD


def verdict(
    path: Optional[Path],
    checks: Iterable[Check],
    hooks: Iterable[HookRun],
    *,
    outstanding: int = 0,
    recovered_first: bool = False,
    overridden: bool = False,
    cut_short: bool = False,
) -> Verdict:
    """Return the worst of what path, checks and hooks say.

    `cut_short`: a required hook never got its turn, so nobody knows what it would have said.
    """
    checks, bad = tuple(checks), tuple(hook for hook in hooks if is_bad(hook))
    required_failed = any(hook.required for hook in bad)
    if required_failed or outstanding or path in _FAILED_PATHS or any(map(is_failing, checks)):
        return Verdict.FAILED
    if cut_short or path is Path.UNCLEAR or any(map(is_open_question, checks)):
        return Verdict.INCOMPLETE
    if bad or recovered_first or overridden or any(map(is_warning, checks)):
        return Verdict.PASSED_WITH_WARNINGS
    return Verdict.PASSED


_NOT_OF_MACHINE = ("config.", "hooks.", "run.", "ssm.", "state.", "undo.")
"""Checks that say nothing of the machine's health: hookd's own affairs (an owed undo must not wait
for itself to be put back), and how patching went (a patch that failed breaks no node)."""


def health(checks: Iterable[Check]) -> Health:
    """Return the verdict over the machine's checks alone; open questions make it unknown."""
    found = verdict(
        None, (check for check in checks if not check.id.startswith(_NOT_OF_MACHINE)), ()
    )
    if found is Verdict.INCOMPLETE:
        return Health.UNKNOWN
    return Health(found.value)


def deserved_exit(
    phase: Phase, outcome: PhaseOutcome, found: Verdict, *, cancelled: bool = False
) -> Exit:
    """Return the exit code that a phase deserves (a person gets it)."""
    if cancelled:
        return Exit.INTERRUPTED
    if outcome is PhaseOutcome.TIMED_OUT:
        return Exit.DEADLINE
    bad = phase is Phase.ON_EXIT and found in (Verdict.FAILED, Verdict.INCOMPLETE)
    return Exit.FAILED if bad or outcome is not PhaseOutcome.PASSED else Exit.OK


def stops_pre(check: Check) -> bool:
    """Whether a check of pre itself fails it; unknown counts as fail (lifecycle: the phases)."""
    return check.phase == Phase.PRE and (is_failing(check) or is_open_question(check))


def given_exit(phase: Phase, deserved: Exit, *, by_ssm: bool, failed: bool) -> Exit:
    """Return the exit code the process ends with.

    A post that fails costs the node its reboot, so towards SSM only a required hook or a vetoing
    check (`failed`) may end post with 1 (lifecycle: the phases).
    """
    if phase is Phase.POST and by_ssm:
        return Exit.FAILED if failed else Exit.OK
    return deserved


def vetoes(checks: Iterable[Check], veto: Tuple[str, ...]) -> Tuple[Check, ...]:
    """Return the checks that failed and that the configuration lets veto the reboot."""
    return tuple(check for check in checks if check.id in veto and check.outcome is Outcome.FAIL)
