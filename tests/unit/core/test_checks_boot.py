"""Whether the machine rebooted when it was to."""

from __future__ import annotations

import pytest

from hookd.core.checks.boot import rebooted_as_expected
from hookd.core.model import BootChange, CallerKind, Outcome, Severity
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
