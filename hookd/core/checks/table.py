"""The one table of checks: what each id means, how it counts by default, what to do about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Dict, Mapping, Sequence

from hookd.core.checks.node_rules import NODE_RULES
from hookd.core.checks.operation_rules import OPERATION_RULES
from hookd.core.checks.rule import Rule
from hookd.core.model import Check, Outcome, Severity

Severities = Mapping[str, Severity]
"""What the configuration says per check id; the table has the defaults."""

NAMED_AT_MOST = 5
"""How many packages or hooks a check names before it counts the rest."""


CHECKS: Dict[str, Rule] = {**OPERATION_RULES, **NODE_RULES}


def severity_of(check_id: str, severities: Severities) -> Severity:
    """Return how the check counts: by the configuration, else by the table."""
    return severities.get(check_id, CHECKS[check_id].severity)


@dataclass(frozen=True)
class Judge:
    """Makes the Check of one id, counting as the configuration says."""

    check_id: str
    severities: Severities

    @property
    def severity(self) -> Severity:
        return severity_of(self.check_id, self.severities)

    def passed(self, *, expected: str = "", found: str = "", before: str = "") -> Check:
        return Check(self.check_id, Outcome.PASS, self.severity, expected, found, before=before)

    def not_met(
        self,
        *,
        expected: str = "",
        found: str = "",
        reason: str = "",
        before: str = "",
        at_most: Severity = Severity.FAIL,
        **fields: str,
    ) -> Check:
        """Return a failure, or a warning when the severity is no more than that.

        `at_most` bounds how much it counts.
        """
        severity = self._bounded(at_most)
        outcome = Outcome.FAIL if severity is Severity.FAIL else Outcome.WARN
        remedy = CHECKS[self.check_id].remedy.format(**fields)
        return Check(
            self.check_id, outcome, severity, expected, found, reason, remedy, before=before
        )

    def unknown(
        self, reason: str, *, expected: str = "", at_most: Severity = Severity.FAIL
    ) -> Check:
        """Return a check that could not be judged. `at_most` bounds how much it counts."""
        reason = reason or "not known"
        severity = self._bounded(at_most)
        return Check(self.check_id, Outcome.UNKNOWN, severity, expected, "", reason, _LOOK)

    def skipped(self, reason: str) -> Check:
        """Return a check that was not judged: what it speaks of does not exist here."""
        return Check(self.check_id, Outcome.SKIP, self.severity, reason=reason)

    def _bounded(self, at_most: Severity) -> Severity:
        is_more = at_most is Severity.WARN and self.severity is Severity.FAIL
        return at_most if is_more else self.severity


_LOOK = "Mend what the reason names, then run the phase again: nobody knows whether this is well."


def listed(names: Sequence[str]) -> str:
    """Return at most five of `names` in one line, and how many more there are."""
    shown = ", ".join(names[:NAMED_AT_MOST])
    more = len(names) - NAMED_AT_MOST
    return f"{shown} and {more} more" if more > 0 else shown
