"""`hookd doctor`: is this machine ready to be patched with hooks."""

from __future__ import annotations

from hookd.commands.context import Context, print_json, say
from hookd.core.codec import encode
from hookd.core.model import Check, Outcome
from hookd.doctor.examination import examine
from hookd.errors import Exit

_BAD = (Outcome.FAIL, Outcome.WARN, Outcome.UNKNOWN)


def doctor(context: Context) -> int:
    """Print what was found; 1 when something failed. What is not known is a warning."""
    found = examine(context.machine())
    failures = [check for check in found if check.outcome is Outcome.FAIL]
    if context.as_json:
        print_json([_shown(check) for check in found])
    else:
        for check in found:
            _say(check)
        warnings = sum(check.outcome in _BAD for check in found) - len(failures)
        say(f"{len(failures)} failures, {warnings} warnings")
    return Exit.FAILED if failures else Exit.OK


def _shown(check: Check) -> dict[str, object]:
    names = ("id", "outcome", "expected", "found", "reason", "remedy")
    encoded = encode(check)
    return {name: encoded[name] for name in names}


def _say(check: Check) -> None:
    say(f"{check.outcome:<8} {check.id:<22} {check.found or check.reason}".rstrip())
    if check.outcome in _BAD:
        say(f"{'':<9}do: {check.remedy}")
