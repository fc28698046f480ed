"""The judgement of hookd's own ground."""

from __future__ import annotations

import pytest

from hookd.core.checks import state
from hookd.core.model import Outcome, Phase

PASS, FAIL, UNKNOWN = Outcome.PASS, Outcome.FAIL, Outcome.UNKNOWN
MIB = 1 << 20
LEAST = {"/boot": 100 * MIB, "/var": 64 * MIB}


@pytest.mark.parametrize(
    ("check", "expected"),
    [
        (state.writable("", {}), (PASS, "it can", "")),
        (state.writable("No space left on device", {}), (FAIL, "No space left on device", "")),
        (
            state.disk_low({"/boot": 100 * MIB, "/var": 900 * MIB}, LEAST, {}),
            (PASS, "enough", ""),
        ),
        (
            state.disk_low({"/boot": 100 * MIB - 1, "/var": None}, LEAST, {}),
            (FAIL, "/boot 99 MiB free", ""),
        ),
        (
            state.disk_low({"/boot": 200 * MIB, "/var": None}, LEAST, {}),
            (UNKNOWN, "", "free space not known: /var"),
        ),
        (state.config_loads((), {}), (PASS, "none", "")),
        (state.config_loads(("a.toml: no",), {}), (FAIL, "a.toml: no", "")),
        (state.undo_outstanding({}, {}), (PASS, "none", "")),
        (
            state.undo_outstanding({"on-exit/90-join": "exit 3", "on-exit/10-a": ""}, {}),
            (FAIL, "on-exit/10-a, on-exit/90-join (exit 3)", ""),
        ),
        (state.pre_bypassed(False, {}), (PASS, "none", "")),
        (state.pre_bypassed(True, {}), (FAIL, "Install was entered", "")),
        (
            state.pre_bypassed(None, {}),
            (UNKNOWN, "", "it is not known whether Install was entered"),
        ),
        (state.slot_matches(Phase.PRE, Phase.PRE, {}), (PASS, "hookd run pre", "")),
        (state.slot_matches(Phase.POST, Phase.ON_EXIT, {}), (FAIL, "hookd run on-exit", "")),
    ],
)
def test_each_judgement(check, expected):
    assert (check.outcome, check.found, check.reason) == expected
