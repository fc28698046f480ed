"""Whether the machine rebooted when it was to, and how often."""

from __future__ import annotations

import pytest

from hookd.core.checks.boot import count, rebooted_as_expected
from hookd.core.checks.table import CHECKS
from hookd.core.model import BootChange, CallerKind, Check, Outcome, Severity
from hookd.core.readings import Boot, Standing

PASS, FAIL, UNKNOWN, SKIP = Outcome.PASS, Outcome.FAIL, Outcome.UNKNOWN, Outcome.SKIP
PERSON, SSM = CallerKind.PERSON, CallerKind.SSM_COMMAND
F, W = Severity.FAIL, Severity.WARN
OUTSIDE = "outside SSM nobody told whether a reboot was wanted"
NOT_TOLD = "it is not known whether Patch Manager was to reboot this machine"


@pytest.mark.parametrize(
    ("rebooted", "caller", "option", "pending", "expected"),
    [
        (True, PERSON, "", None, (PASS, F, "")),
        (True, SSM, "RebootIfNeeded", 3, (PASS, F, "")),
        (True, SSM, "NoReboot", 0, (PASS, F, "")),
        (False, SSM, "RebootIfNeeded", 3, (FAIL, F, "")),
        (False, PERSON, "RebootIfNeeded", 3, (FAIL, F, "")),
        (False, SSM, "RebootIfNeeded", 0, (PASS, F, "")),
        (False, SSM, "NoReboot", 3, (PASS, F, "")),
        (False, PERSON, "", None, (SKIP, F, OUTSIDE)),
        (None, PERSON, "", None, (SKIP, F, OUTSIDE)),
        (False, SSM, "RebootIfNeeded", None, (UNKNOWN, W, NOT_TOLD)),
        (False, SSM, "", 3, (UNKNOWN, W, NOT_TOLD)),
        (None, SSM, "RebootIfNeeded", 3, (UNKNOWN, W, "boot_id is garbled")),
    ],
)
def test_a_reboot_that_was_wanted_happened(rebooted, caller, option, pending, expected):
    got = rebooted_as_expected(
        BootChange(rebooted=rebooted),
        Boot(Standing.UNKNOWN, "boot_id is garbled"),
        {},
        caller=caller,
        reboot_option=option,
        pending_count=pending,
    )
    assert (got.outcome, got.severity, got.reason) == expected


def test_without_any_boot_id_file_it_is_skipped():
    now = Boot(Standing.ABSENT, "boot_id does not exist")
    got = rebooted_as_expected(
        BootChange(), now, {}, caller=SSM, reboot_option="RebootIfNeeded", pending_count=1
    )
    assert (got.outcome, got.reason) == (SKIP, "boot_id does not exist")


@pytest.mark.parametrize(
    ("rebooted", "outcome", "found"),
    [
        (True, Outcome.PASS, "it rebooted"),
        (False, Outcome.FAIL, "it did not reboot, and its scheduled reboot has been"),
        (None, Outcome.UNKNOWN, ""),
    ],
)
def test_a_scheduled_reboot_that_has_been_was_to_reboot(rebooted, outcome, found):
    check = rebooted_as_expected(
        BootChange(rebooted), Boot(), {}, caller=CallerKind.PERSON, was_scheduled=True
    )
    assert (check.outcome, check.found) == (outcome, found)


# -- how often ---------------------------------------------------------------------------------

RUN, SCHEDULED = "the patch run's", "the scheduled one"
T1, T2, T3 = (f"2026-11-25T04:{minute}:00Z" for minute in (31, 33, 35))
COUNTS = {
    "none": (BootChange(False), (RUN,), PASS, "at most 1 boot: the patch run's", "it did not boot"),
    "one": (
        BootChange(True, 1, booted_at=(T1,)),
        (RUN,),
        PASS,
        "at most 1 boot: the patch run's",
        f"1 boot, at {T1}",
    ),
    "one that nobody knows the time of": (
        BootChange(True, 1),
        (RUN,),
        PASS,
        "at most 1 boot: the patch run's",
        "1 boot",
    ),
    "three": (
        BootChange(True, 3, booted_at=(T1, T2, T3)),
        (RUN,),
        Outcome.WARN,
        "at most 1 boot: the patch run's",
        f"3 boots, at {T1}, {T2}, {T3}",
    ),
    "two that were ordered": (
        BootChange(True, 2, booted_at=(T1, T2)),
        (RUN, SCHEDULED),
        PASS,
        "at most 2 boots: the patch run's, the scheduled one",
        f"2 boots, at {T1}, {T2}",
    ),
    "one more than was ordered": (
        BootChange(True, 3, booted_at=(T1, T2, T3)),
        (RUN, SCHEDULED),
        Outcome.WARN,
        "at most 2 boots: the patch run's, the scheduled one",
        f"3 boots, at {T1}, {T2}, {T3}",
    ),
}


@pytest.mark.parametrize(
    ("change", "ordered", "outcome", "expected", "found"), COUNTS.values(), ids=COUNTS
)
def test_more_boots_than_somebody_ordered_are_a_warning(change, ordered, outcome, expected, found):
    check = count(change, Boot(), ordered, {}, since="2026-11-20T00:00:00Z")
    assert check == Check(
        "boot.count",
        outcome,
        W,
        expected,
        found,
        remedy="" if outcome is PASS else CHECKS["boot.count"].remedy,
        before="up since 2026-11-20T00:00:00Z",
    )


@pytest.mark.parametrize(
    ("now", "outcome", "reason"),
    [
        (Boot(Standing.ABSENT, "boot_id does not exist"), SKIP, "boot_id does not exist"),
        (Boot(Standing.UNKNOWN, "boot_id is garbled"), UNKNOWN, "boot_id is garbled"),
        (Boot(), UNKNOWN, "the boot id before the operation is not known"),
    ],
)
def test_boots_that_cannot_be_told_apart_are_not_counted(now, outcome, reason):
    check = count(BootChange(), now, (RUN,), {"boot.count": F})
    severity = F if outcome is SKIP else W
    assert (check.outcome, check.severity, check.reason) == (outcome, severity, reason)
