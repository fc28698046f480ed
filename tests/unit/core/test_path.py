"""The path of an operation: every row of the table, which row wins, and what is not known."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hookd.core.model import Path
from hookd.core.path import Call, Evidence, Way, way

PASSED, FAILED = Call.PASSED, Call.FAILED
NOT_CALLED, NOT_EXPECTED = Call.NOT_CALLED, Call.NOT_EXPECTED

NO_BASELINE = "pre and post were not called and no earlier state is known"
PRE_MISSING = "packages changed and pre was never called"
PRE_SKIPPED = "patches were missing and pre was never called"
PRE_FAILED = "pre did not pass and nothing was installed"
UNREADABLE = "it is not known whether packages changed"
NO_BOOT_ID = "no boot id was readable before and after"
NO_PRE = "pre was never called"


def evidence(pre=PASSED, post=PASSED, **more):
    """A run that changed nothing and did not reboot, unless `more` says otherwise."""
    return Evidence(pre, post, **{"changed": False, "rebooted": False, "pending": False, **more})


def alone(expected=NOT_CALLED, **more):
    """On-exit only."""
    return evidence(expected, expected, **more)


@pytest.mark.parametrize(
    ("given", "path", "reason"),
    [
        # on-exit only
        (alone(scan_failed=True), Path.UNCLEAR, "the scan failed"),
        (alone(scan_failed=True, missing=0), Path.UNCLEAR, "the scan failed"),
        (alone(changed=True), Path.UNCLEAR, NO_BASELINE),
        (alone(changed=None), Path.UNCLEAR, NO_BASELINE),
        (alone(NOT_EXPECTED, changed=None), Path.UNCLEAR, NO_BASELINE),
        (alone(missing=0), Path.NOTHING_TO_DO, "nothing was missing"),
        (alone(missing=0, changed=None), Path.NOTHING_TO_DO, "nothing was missing"),
        (alone(missing=0, pending=True), Path.NOTHING_TO_DO, "nothing was missing"),
        (alone(has_last_known=True), Path.NOTHING_TO_DO, "nothing was missing"),
        (alone(has_last_known=True, rebooted=True), Path.NOTHING_TO_DO, "nothing was missing"),
        (alone(missing=12), Path.PRE_MISSING, PRE_SKIPPED),
        (alone(missing=12, changed=None), Path.PRE_MISSING, PRE_SKIPPED),
        (alone(missing=12, has_last_known=True), Path.PRE_MISSING, PRE_SKIPPED),
        (alone(has_last_known=True, changed=True), Path.PRE_MISSING, PRE_MISSING),
        # pre expected and never called, post was
        (evidence(NOT_CALLED, PASSED, changed=True), Path.PRE_MISSING, PRE_MISSING),
        (evidence(NOT_CALLED, FAILED, changed=True), Path.PRE_MISSING, PRE_MISSING),
        (evidence(NOT_CALLED, PASSED, missing=3), Path.PRE_MISSING, PRE_SKIPPED),
        (evidence(NOT_CALLED, PASSED, missing=0), Path.NOTHING_TO_DO, "nothing changed"),
        # pre called, not passed
        (evidence(FAILED, NOT_CALLED), Path.PRE_FAILED, PRE_FAILED),
        (evidence(FAILED, PASSED), Path.PRE_FAILED, PRE_FAILED),
        (
            evidence(FAILED, NOT_CALLED, changed=True, install_entered=False),
            Path.PRE_FAILED,
            PRE_FAILED,
        ),
        # Install entered: as if pre had passed
        (
            evidence(FAILED, NOT_CALLED, changed=True),
            Path.INSTALL_FAILED,
            "post was never called",
        ),
        (
            evidence(FAILED, NOT_CALLED, install_entered=True),
            Path.INSTALL_FAILED,
            "post was never called",
        ),
        (
            evidence(FAILED, PASSED, changed=True, rebooted=True),
            Path.PATCHED_REBOOTED,
            "the machine booted since pre",
        ),
        (evidence(FAILED, PASSED, changed=True), Path.PATCHED_NO_REBOOT, "packages changed"),
        # post expected and never called
        (
            evidence(PASSED, NOT_CALLED, post_slot_entered=True),
            Path.POST_FAILED,
            "its document never reached hookd",
        ),
        (
            evidence(PASSED, NOT_CALLED, post_slot_entered=False),
            Path.INSTALL_FAILED,
            "post was never called",
        ),
        (evidence(PASSED, NOT_CALLED), Path.INSTALL_FAILED, "post was never called"),
        (
            evidence(PASSED, NOT_CALLED, changed=True, unfinished=("transaction 7", "8")),
            Path.INSTALL_FAILED,
            "post was never called; unfinished: transaction 7, 8",
        ),
        # the rest
        (evidence(PASSED, FAILED), Path.POST_FAILED, "post failed"),
        (evidence(PASSED, FAILED, rebooted=True), Path.POST_FAILED, "post failed"),
        (evidence(rebooted=True), Path.PATCHED_REBOOTED, "the machine booted since pre"),
        (evidence(pending=True), Path.PATCHED_REBOOT_PENDING, "a reboot is needed"),
        (evidence(changed=True), Path.PATCHED_NO_REBOOT, "packages changed"),
        (
            evidence(failed=2),
            Path.INSTALL_FAILED,
            "the patch summary of this run counts failures",
        ),
        (evidence(failed=0), Path.NOTHING_TO_DO, "nothing changed"),
        (evidence(), Path.NOTHING_TO_DO, "nothing changed"),
        (evidence(PASSED, NOT_EXPECTED), Path.NOTHING_TO_DO, "nothing changed"),
        (evidence(NOT_EXPECTED, PASSED), Path.NOTHING_TO_DO, "nothing changed"),
        (evidence(NOT_EXPECTED, PASSED, changed=True), Path.PATCHED_NO_REBOOT, "packages changed"),
        (
            evidence(speaks_of_failure=True),
            Path.UNCLEAR,
            "nothing changed, and a package source speaks of a failure",
        ),
    ],
)
def test_the_evidence_shows_the_path(given, path, reason):
    found = way(given)
    assert (found.path, found.reason, found.path_so_far) == (path, reason, None)


@pytest.mark.parametrize(
    ("given", "path"),
    [
        # each fits the row it is given for, and a later one
        (alone(scan_failed=True, missing=0), Path.UNCLEAR),
        (alone(scan_failed=True, missing=12, changed=True), Path.UNCLEAR),
        (alone(missing=0, has_last_known=True, changed=True), Path.NOTHING_TO_DO),
        (evidence(NOT_CALLED, FAILED, changed=True, rebooted=True), Path.PRE_MISSING),
        (evidence(FAILED, FAILED, rebooted=True, pending=True), Path.PRE_FAILED),
        (
            evidence(PASSED, NOT_CALLED, post_slot_entered=True, rebooted=True),
            Path.POST_FAILED,
        ),
        (evidence(PASSED, NOT_CALLED, rebooted=True, changed=True), Path.INSTALL_FAILED),
        (evidence(PASSED, FAILED, rebooted=True, changed=True), Path.POST_FAILED),
        (evidence(rebooted=True, pending=True, changed=True), Path.PATCHED_REBOOTED),
        (evidence(pending=True, changed=True), Path.PATCHED_REBOOT_PENDING),
        (evidence(changed=True, failed=2), Path.PATCHED_NO_REBOOT),
        (evidence(failed=2, changed=False), Path.INSTALL_FAILED),
    ],
)
def test_of_two_rows_that_fit_the_first_wins(given, path):
    assert way(given).path is path


@pytest.mark.parametrize(
    ("given", "path", "reason"),
    [
        (evidence(changed=None), Path.UNCLEAR, UNREADABLE),
        (evidence(changed=None, rebooted=None), Path.UNCLEAR, f"{UNREADABLE}; {NO_BOOT_ID}"),
        (evidence(changed=None, rebooted=True), Path.PATCHED_REBOOTED, None),
        (evidence(changed=None, pending=True), Path.PATCHED_REBOOT_PENDING, None),
        (evidence(rebooted=None), Path.NOTHING_TO_DO, "nothing changed"),
        (evidence(pending=None), Path.NOTHING_TO_DO, "nothing changed"),
        (evidence(rebooted=None, changed=True), Path.PATCHED_NO_REBOOT, "packages changed"),
        (evidence(pending=None, changed=True), Path.PATCHED_NO_REBOOT, "packages changed"),
        (evidence(failed=None), Path.NOTHING_TO_DO, "nothing changed"),
        (evidence(missing=None), Path.NOTHING_TO_DO, "nothing changed"),
        (alone(has_last_known=True, changed=None), Path.UNCLEAR, f"{UNREADABLE}; {NO_PRE}"),
        (
            alone(has_last_known=True, changed=None, rebooted=True),
            Path.UNCLEAR,
            f"{UNREADABLE}; {NO_PRE}",
        ),
        (evidence(NOT_CALLED, PASSED, changed=None), Path.UNCLEAR, f"{UNREADABLE}; {NO_PRE}"),
        (
            evidence(NOT_CALLED, PASSED, changed=None, rebooted=True, pending=True),
            Path.UNCLEAR,
            f"{UNREADABLE}; {NO_PRE}",
        ),
        (
            evidence(FAILED, NOT_CALLED, changed=None),
            Path.PRE_FAILED,
            "pre did not pass and nothing shows that anything was installed",
        ),
        (
            evidence(FAILED, NOT_CALLED, changed=None, install_entered=True),
            Path.INSTALL_FAILED,
            "post was never called",
        ),
        (
            evidence(PASSED, NOT_CALLED, post_slot_entered=None),
            Path.INSTALL_FAILED,
            "post was never called",
        ),
        (alone(scan_failed=None, missing=0), Path.NOTHING_TO_DO, "nothing was missing"),
    ],
)
def test_what_is_not_known_fits_no_row_that_asks_for_it(given, path, reason):
    found = way(given)
    assert found.path is path
    assert reason in (None, found.reason)


@pytest.mark.parametrize(
    ("given", "bypassed"),
    [
        (evidence(), False),
        (evidence(changed=True, install_entered=True), False),
        (evidence(NOT_CALLED, PASSED, changed=True), False),
        (evidence(FAILED, PASSED), False),
        (evidence(FAILED, PASSED, changed=True), True),
        (evidence(FAILED, PASSED, changed=False, install_entered=True), True),
        (evidence(FAILED, PASSED, changed=True, install_entered=False), False),
        (evidence(FAILED, PASSED, changed=None), None),
        (evidence(FAILED, PASSED, changed=None, install_entered=False), False),
    ],
)
def test_patching_went_past_a_pre_that_had_not_passed(given, bypassed):
    assert way(given).pre_bypassed is bypassed


@pytest.mark.parametrize(
    ("given", "so_far"),
    [
        (evidence(changed=True), Path.PATCHED_NO_REBOOT),
        (evidence(rebooted=True), Path.PATCHED_REBOOTED),
        (evidence(FAILED, NOT_CALLED), Path.PRE_FAILED),
        (evidence(PASSED, NOT_CALLED), Path.INSTALL_FAILED),
        (alone(), Path.UNCLEAR),
        (evidence(), Path.NOTHING_TO_DO),
    ],
)
def test_what_recovery_had_to_end_is_interrupted_with_the_path_so_far(given, so_far):
    assert way(replace(given, recovered=True)) == Way(
        Path.INTERRUPTED, "hookd itself ran on-exit, its caller never did", so_far
    )


def test_an_interrupted_operation_says_too_that_pre_was_bypassed():
    found = way(evidence(FAILED, PASSED, changed=True, recovered=True))
    assert found == Way(
        Path.INTERRUPTED,
        "hookd itself ran on-exit, its caller never did",
        Path.PATCHED_NO_REBOOT,
        pre_bypassed=True,
    )


maybe = st.sampled_from([None, False, True])
counts = st.sampled_from([None, 0, 1, 12])
any_evidence = st.builds(
    Evidence,
    pre=st.sampled_from(Call),
    post=st.sampled_from(Call),
    recovered=st.booleans(),
    scan_failed=maybe,
    missing=counts,
    failed=counts,
    has_last_known=st.booleans(),
    changed=maybe,
    install_entered=maybe,
    post_slot_entered=maybe,
    rebooted=maybe,
    pending=maybe,
    speaks_of_failure=st.booleans(),
    unfinished=st.sampled_from([(), ("transaction 7",)]),
)


@settings(max_examples=300, deadline=None)
@given(any_evidence)
def test_every_evidence_has_a_path_and_a_reason(found):
    got = way(found)
    assert isinstance(got.path, Path)
    assert got.reason
    assert (got.path is Path.INTERRUPTED) == found.recovered
    assert (got.path_so_far is not None) == found.recovered


GOOD = {
    Path.NOTHING_TO_DO,
    Path.PATCHED_NO_REBOOT,
    Path.PATCHED_REBOOTED,
    Path.PATCHED_REBOOT_PENDING,
}


@settings(max_examples=300, deadline=None)
@given(any_evidence)
def test_a_path_that_may_pass_is_known_to_be_so(found):
    """Never a good path where a phase failed or was missed, or nobody knows what changed."""
    path = way(found).path
    if path not in GOOD:
        return
    assert found.post is not FAILED or path is Path.NOTHING_TO_DO
    if found.pre is NOT_CALLED:
        assert not found.changed or found.missing == 0
        assert path is Path.NOTHING_TO_DO or found.changed is False
    known = (found.changed is not None, found.rebooted, found.pending, found.missing == 0)
    assert any(known)
