"""Judges whether the hooks are still the ones that pre saw."""

from __future__ import annotations

from typing import Mapping, Optional

from hookd.core.checks.table import Judge, Severities, listed
from hookd.core.model import Check

CHANGED_SINCE_PRE = "hooks.changed-since-pre"


def changed_since_pre(
    at_pre: Optional[Mapping[str, str]], now: Mapping[str, str], severities: Severities
) -> Check:
    """Judge the hooks by id (`pre/10-drain`) and sha256; `at_pre` is None when pre never ran."""
    if at_pre is None:
        return Judge(CHANGED_SINCE_PRE, severities).skipped(
            "pre recorded no hooks in this operation"
        )
    different = [
        f"{hook} {_how(at_pre.get(hook), now.get(hook))}"
        for hook in sorted({**at_pre, **now})
        if at_pre.get(hook) != now.get(hook)
    ]
    expected = "the hooks that pre saw"
    if not different:
        return Judge(CHANGED_SINCE_PRE, severities).passed(expected=expected, found="the same")
    return Judge(CHANGED_SINCE_PRE, severities).not_met(expected=expected, found=listed(different))


def _how(at_pre: Optional[str], now: Optional[str]) -> str:
    if at_pre is None:
        return "is new"
    return "is gone" if now is None else "changed"
