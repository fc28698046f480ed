"""The checks `boot.clean` and `boot.loop`: how the machine went down, and whether it keeps to.

Recovery doubts a machine that keeps booting; an on-exit that somebody calls does not.
"""

from __future__ import annotations

import pytest

from hookd.core.checks.boot import clean, loop
from hookd.core.model import Check, Outcome, Severity
from hookd.core.readings import Standing, WentDown


@pytest.mark.parametrize(
    ("boots", "is_unclean", "by_recovery", "expected"),
    [
        (0, False, True, Outcome.PASS),
        (2, False, True, Outcome.PASS),
        (3, False, True, Outcome.FAIL),
        (3, False, False, Outcome.PASS),
        (9, False, False, Outcome.PASS),
        (1, True, True, Outcome.FAIL),
        (1, True, False, Outcome.PASS),
    ],
)
def test_a_loop_of_boots_begins_with_the_third_or_with_a_crash(
    boots, is_unclean, by_recovery, expected
):
    found = loop(boots, {}, by_recovery=by_recovery, is_unclean=is_unclean)
    more = ", the last without a shutdown before" if is_unclean else ""
    assert (found.outcome, found.found) == (expected, f"{boots} boots{more}")


CLEAN, UNCLEAN = WentDown(clean=True, down_s=40.0), WentDown(clean=False)
UNTOLD = WentDown(Standing.UNKNOWN, "wtmp begins with this boot")
ABSENT = WentDown(Standing.ABSENT, "/var/log/wtmp does not exist")
EXPECTED = "a shutdown before each boot"

DOWNS = {
    "no boot": ((), Outcome.PASS, "it did not boot", ""),
    "clean": ((CLEAN, CLEAN), Outcome.PASS, "2 boots, each after a shutdown", ""),
    "one is not": (
        (CLEAN, UNCLEAN, UNTOLD),
        Outcome.WARN,
        "1 of 3 boots came without a shutdown before",
        "",
    ),
    "one is not known": ((CLEAN, UNTOLD), Outcome.UNKNOWN, "", UNTOLD.reason),
    "one has no source": ((CLEAN, ABSENT), Outcome.UNKNOWN, "", ABSENT.reason),
    "no source at all": ((ABSENT, ABSENT), Outcome.SKIP, "", ABSENT.reason),
}


@pytest.mark.parametrize(("downs", "outcome", "found", "reason"), DOWNS.values(), ids=DOWNS)
def test_a_boot_without_a_shutdown_before_is_a_warning(downs, outcome, found, reason):
    check = clean(downs, {})
    expected = "" if outcome is Outcome.SKIP else EXPECTED
    assert (check.outcome, check.expected, check.found, check.reason) == (
        outcome,
        expected,
        found,
        reason,
    )
    assert (check.id, check.severity) == ("boot.clean", Severity.WARN)


LEFT = {"/var/crash/127.0.0.1-2026-11-25-04:31:10": "2026-11-25T04:31:00Z"}
DUMP = "a crash left /var/crash/127.0.0.1-2026-11-25-04:31:10 (boot of 2026-11-25T04:31:00Z)"
CRASHES = {
    "and so it was": ((CLEAN, UNCLEAN), f"1 of 2 boots came without a shutdown before; {DUMP}"),
    "after its shutdown was recorded": ((CLEAN,), DUMP),
    "that nobody else tells of": ((UNTOLD,), DUMP),
    "that nobody else could tell of": ((ABSENT,), DUMP),
}


@pytest.mark.parametrize(("downs", "found"), CRASHES.values(), ids=CRASHES)
def test_what_a_crash_left_is_a_crash(downs, found):
    check = clean(downs, {}, left=LEFT)
    assert (check.outcome, check.expected, check.found) == (Outcome.WARN, EXPECTED, found)


def test_a_dump_of_a_boot_of_unknown_time_is_named_alone():
    assert clean((UNCLEAN,), {}, left={"/sys/fs/pstore/dmesg-efi-1": ""}).found == (
        "1 of 1 boots came without a shutdown before; a crash left /sys/fs/pstore/dmesg-efi-1"
    )


def test_a_crash_can_be_made_a_failure():
    found = clean((UNCLEAN,), {"boot.clean": Severity.FAIL})
    assert isinstance(found, Check)
    assert found.outcome is Outcome.FAIL


def test_what_is_not_known_is_never_more_than_a_warning():
    assert clean((UNTOLD,), {"boot.clean": Severity.FAIL}).severity is Severity.WARN


@pytest.mark.parametrize("downs", [(CLEAN,), (UNCLEAN,)])
@pytest.mark.parametrize(
    ("before", "text"),
    [
        (CLEAN, "a shutdown before its boot"),
        (UNCLEAN, "no shutdown before its boot"),
        (UNTOLD, ""),
        (ABSENT, ""),
    ],
)
def test_how_the_machine_had_gone_down_before_is_told_where_it_is_known(downs, before, text):
    assert clean(downs, {}, before=before).before == text


@pytest.mark.parametrize("boots", [0, 3])
@pytest.mark.parametrize(
    ("since", "text"), [("2026-11-20T00:00:00Z", "up since 2026-11-20T00:00:00Z"), ("", "")]
)
def test_since_when_it_was_up_before_is_told(boots, since, text):
    assert loop(boots, {}, by_recovery=True, since=since).before == text
