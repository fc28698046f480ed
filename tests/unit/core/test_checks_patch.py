"""What Patch Manager says, judged against the machine."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hookd.core.checks.patch import counts_agree, failed_patches, reboot_predicted
from hookd.core.model import Severity
from hookd.core.patch import Entry, Summary

SCAN = Summary("c", "scan", missing=25, failed=0, installed_pending_reboot=0)
INSTALL = Summary("c", "install", missing=0, failed=0, installed_pending_reboot=25)
ALL_FAILED = replace(INSTALL, failed=25, installed_pending_reboot=0)
ONE_INSTALLED = replace(INSTALL, failed=24, installed_pending_reboot=1)
WAITED = replace(SCAN, missing=0, installed_pending_reboot=9)
WAITS = replace(INSTALL, installed_pending_reboot=9)
OTHERS = Entry(False, "another's")
ABSENT = Entry(False, "no file", is_absent=True)


def got(check):
    return check.outcome.value, check.found or check.reason


@pytest.mark.parametrize(
    ("summary", "last", "expected"),
    [
        (INSTALL, Entry(True), ("pass", "none")),
        (replace(INSTALL, failed=2), Entry(True), ("fail", "2 failed")),
        (None, OTHERS, ("unknown", "Patch Manager's summary: another's")),
        (replace(INSTALL, failed=None), Entry(True), ("unknown", "no summary")),
        (None, None, ("unknown", "no summary")),
        (None, ABSENT, ("skip", "no file")),
    ],
)
def test_failed_patches(summary, last, expected):
    assert got(failed_patches(summary, last, {})) == expected


def test_a_summary_that_is_not_known_warns_and_no_more():
    assert failed_patches(None, OTHERS, {}).severity is Severity.WARN


NONE_CHANGED = "Patch Manager installed 25 patches and no package changed"
NONE_INSTALLED = "packages changed and Patch Manager installed no patch"


@pytest.mark.parametrize(
    ("scan", "install", "changed", "expected"),
    [
        (SCAN, INSTALL, True, ("pass", "25 patches were installed")),
        (SCAN, INSTALL, False, ("warn", NONE_CHANGED)),
        (SCAN, INSTALL, None, ("unknown", "package changes are not known")),
        # an Install calls what it left missing failed
        (SCAN, ALL_FAILED, True, ("warn", NONE_INSTALLED)),
        (SCAN, ALL_FAILED, False, ("pass", "0 patches were installed")),
        (SCAN, ONE_INSTALLED, True, ("pass", "1 patches were installed")),
        # nothing was missing, and a reboot had been pending before
        (WAITED, WAITS, False, ("pass", "0 patches were installed")),
        (SCAN, replace(INSTALL, missing=None), True, ("unknown", "the counts are not whole")),
        (None, INSTALL, False, ("skip", "no summaries of both Scan and Install to compare")),
        (SCAN, None, True, ("skip", "no summaries of both Scan and Install to compare")),
    ],
)  # fmt: skip
def test_counts_agree_with_the_package_database(scan, install, changed, expected):
    assert got(counts_agree(scan, install, {}, changed=changed, absent=())) == expected


def test_a_package_that_waits_and_is_not_there_is_a_disagreement():
    found = counts_agree(None, INSTALL, {}, changed=True, absent=("bash.noarch 2-1",))
    said = "Patch Manager says installed, the database has not: bash.noarch 2-1"
    assert got(found) == ("warn", said)


@pytest.mark.parametrize(
    ("summary", "last", "option", "needs", "expected"),
    [
        (INSTALL, None, "RebootIfNeeded", True, ("pass", "a reboot, for 25 patches")),
        (INSTALL, None, "RebootIfNeeded", False, ("pass", "a reboot, for 25 patches")),
        (SCAN, None, "RebootIfNeeded", False, ("pass", "none is needed")),
        (SCAN, None, "RebootIfNeeded", None, ("pass", "none is needed")),
        (SCAN, None, "RebootIfNeeded", True, ("warn", "no reboot: no patch waits for one")),
        (INSTALL, None, "NoReboot", True, ("skip", "RebootOption is NoReboot")),
        (INSTALL, None, "", True, ("unknown", "RebootOption is not known")),
        (None, OTHERS, "RebootIfNeeded", True, ("unknown", "Patch Manager's summary: another's")),
        (None, ABSENT, "RebootIfNeeded", True, ("skip", "no file")),
    ],
)  # fmt: skip
def test_a_reboot_that_is_needed_is_predicted(summary, last, option, needs, expected):
    found = reboot_predicted(summary, last, {}, reboot_option=option, needed=needs)
    assert got(found) == expected
