"""The check `boot.loop`: recovery doubts a machine that keeps booting, SSM's on-exit does not."""

from __future__ import annotations

import pytest

from hookd.core.checks.boot import loop
from hookd.core.model import Outcome


@pytest.mark.parametrize(
    ("boots", "by_recovery", "expected"),
    [
        (0, True, Outcome.PASS),
        (2, True, Outcome.PASS),
        (3, True, Outcome.FAIL),
        (3, False, Outcome.PASS),
        (9, False, Outcome.PASS),
    ],
)
def test_a_loop_of_boots_begins_with_the_third(boots, by_recovery, expected):
    found = loop(boots, {}, by_recovery=by_recovery)
    assert (found.outcome, found.found) == (expected, f"{boots} boots")
