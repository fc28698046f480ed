"""Whether the hooks are still those that pre saw."""

from __future__ import annotations

import pytest

from hookd.core.checks.hooks import changed_since_pre
from hookd.core.model import Outcome

SAME = {"pre/10-drain": "aa", "on-exit/90-join": "bb"}


@pytest.mark.parametrize(
    ("at_pre", "now", "outcome", "found"),
    [
        (SAME, SAME, Outcome.PASS, "the same"),
        ({}, {}, Outcome.PASS, "the same"),
        (None, SAME, Outcome.SKIP, ""),
        (
            SAME,
            {"pre/10-drain": "cc", "post/50-new": "dd"},
            Outcome.WARN,
            "on-exit/90-join is gone, post/50-new is new, pre/10-drain changed",
        ),
    ],
)
def test_hooks_that_changed_are_named(at_pre, now, outcome, found):
    got = changed_since_pre(at_pre, now, {})
    assert (got.outcome, got.found) == (outcome, found)
