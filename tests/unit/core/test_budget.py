"""How much time a phase, its hooks and its undos have."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hookd.core.budget import Budget, budget


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        (None, Budget(1000.0, 4300.0, "[run] deadline")),
        (3300.0, Budget(1000.0, 4300.0, "[run] deadline")),
        (7200.0, Budget(1000.0, 4300.0, "[run] deadline")),
        (600.0, Budget(1000.0, 1600.0, "--deadline")),
    ],
)
def test_the_shorter_deadline_rules(asked, expected):
    assert budget(1000.0, asked_s=asked, configured_s=3300.0) == expected


@pytest.mark.parametrize(
    ("asked", "step", "expected"),
    [
        (None, 570.0, Budget(1000.0, 1570.0, "timeoutSeconds of the step")),
        (600.0, 570.0, Budget(1000.0, 1570.0, "timeoutSeconds of the step")),
        (560.0, 570.0, Budget(1000.0, 1560.0, "--deadline")),
        (None, 3420.0, Budget(1000.0, 4300.0, "[run] deadline")),
    ],
)
def test_the_least_of_call_step_and_configuration_rules(asked, step, expected):
    assert budget(1000.0, asked_s=asked, configured_s=3300.0, step_s=step) == expected


@pytest.mark.parametrize(
    ("length", "undos", "hooks_until", "undos_until"),
    [
        (3300.0, 0.0, 3240.0, 3240.0),
        (3300.0, 600.0, 2640.0, 3240.0),
        (3300.0, 1650.0, 1590.0, 3240.0),
        # six undos of ten minutes take no more than half
        (3300.0, 3600.0, 1590.0, 3240.0),
        (600.0, 0.0, 540.0, 540.0),
        (600.0, 600.0, 240.0, 540.0),
        # a tenth of a short phase
        (60.0, 0.0, 54.0, 54.0),
        (60.0, 600.0, 24.0, 54.0),
        (0.0, 600.0, 0.0, 0.0),
    ],
)
def test_the_result_and_the_undos_have_their_reserves(length, undos, hooks_until, undos_until):
    found = Budget(1000.0, 1000.0 + length, undos_s=undos)
    assert (found.length_s, found.hooks_until - 1000.0, found.undos_until - 1000.0) == (
        length,
        hooks_until,
        undos_until,
    )


def test_a_phase_that_came_too_late_has_no_time():
    found = Budget(1000.0, 900.0, undos_s=60.0)
    assert (found.length_s, found.undos_until, found.hooks_until) == (0.0, 900.0, 900.0)


@settings(max_examples=100, deadline=None)
@given(st.floats(0, 1e6), st.floats(0, 1e5), st.floats(0, 1e6))
def test_hooks_end_before_undos_and_undos_before_the_deadline(began, length, undos):
    found = Budget(began, began + length, undos_s=undos)
    assert found.hooks_until <= found.undos_until <= found.ends_at
    assert found.hooks_until >= found.began - 1e-6
