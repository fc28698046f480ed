"""What looks at a run's agent decide: dead only after two, resumed only by what this boot shows."""

from __future__ import annotations

import pytest
from support.journals import BOOT_1, BOOT_2, folded, opened, started

from hookd.core.journal import Observed
from hookd.core.liveness import Look, Sight, is_resumed, weigh
from hookd.core.model import Liveness

ALIVE, GONE, UNKNOWN = Look(Sight.ALIVE), Look(Sight.GONE), Look(Sight.UNKNOWN)

WEIGHED = {
    "alive is alive": (ALIVE, 0.0, (Liveness.ALIVE, None)),
    "gone at the first look": (GONE, 0.0, (Liveness.UNKNOWN, 60.0)),
    "gone again, too soon": (GONE, 59.0, (Liveness.UNKNOWN, 1.0)),
    "gone again after 60 s": (GONE, 60.0, (Liveness.DEAD, None)),
    "not to be asked": (UNKNOWN, 0.0, (Liveness.UNKNOWN, None)),
    "not to be asked, however long": (UNKNOWN, 3600.0, (Liveness.UNKNOWN, None)),
}


@pytest.mark.parametrize(("look", "gone_for_s", "expected"), WEIGHED.values(), ids=WEIGHED)
def test_looks_are_weighed(look, gone_for_s, expected):
    assert weigh(look, gone_for_s) == expected


def file_only(run_count):
    return Look(Sight.ALIVE, run_count=run_count)


COUNT_1 = {"boot_id": BOOT_2, "run_count": 1}

RESUMED = {
    "a worker has it": (Look(Sight.ALIVE, has_worker=True), None, True),
    "counted since the boot": (file_only(2), COUNT_1, True),
    "not counted since the boot": (file_only(1), COUNT_1, False),
    "the count cannot be read": (file_only(None), COUNT_1, False),
    "the count was not noted": (file_only(2), {"boot_id": BOOT_2, "run_count": None}, False),
    "noted in another boot": (file_only(2), {"boot_id": BOOT_1, "run_count": 1}, False),
    "nothing was noted": (file_only(2), None, False),
    "what was noted is of another shape": (file_only(2), [1], False),
}


@pytest.mark.parametrize(("look", "noted", "expected"), RESUMED.values(), ids=RESUMED)
def test_a_run_is_resumed_when_this_boot_shows_it(look, noted, expected):
    bodies = [opened(run_id="run-a"), started("pre")]
    operation = folded(*bodies, *([Observed("booted", noted)] if noted is not None else []))
    assert is_resumed(operation, look, BOOT_2) is expected
