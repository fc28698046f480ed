"""The judgement of package databases and histories."""

from __future__ import annotations

import pytest

from hookd.core.checks.packages import duplicates, readable, unfinished_transaction
from hookd.core.checks.table import CHECKS
from hookd.core.model import Check, Outcome, Severity
from hookd.core.readings import Boot, History, Kernel, PackageSet, Standing
from hookd.core.snapshot import Snapshot

PASS, FAIL, UNKNOWN, SKIP = Outcome.PASS, Outcome.FAIL, Outcome.UNKNOWN, Outcome.SKIP


def look(packages=(), histories=()):
    return Snapshot("before", "", Boot(), Kernel(), tuple(packages), histories=tuple(histories))


def found(check):
    return check.outcome, check.found, check.reason


CLEAN = PackageSet(installed={"bash.x86_64": (("4.2.46-34.amzn2", 1),)})
LOCKED = PackageSet(Standing.UNKNOWN, "rpm: error: cannot open Packages")
NO_DPKG = PackageSet(Standing.ABSENT, "no dpkg", "dpkg")


@pytest.mark.parametrize(
    ("packages", "expected"),
    [
        ([], (SKIP, "", "no package database here")),
        ([NO_DPKG], (SKIP, "", "no package database here")),
        ([CLEAN, NO_DPKG], (PASS, "read", "")),
        ([LOCKED], (FAIL, "rpmdb: rpm: error: cannot open Packages", "")),
        (
            [CLEAN, PackageSet(Standing.UNKNOWN, "torn", "dpkg")],
            (FAIL, "dpkg: torn", ""),
        ),
    ],
)
def test_a_database_that_exists_must_be_readable(packages, expected):
    assert found(readable(look(packages), {})) == expected


def doubled(*names):
    return PackageSet(installed=dict.fromkeys(names, (("1.0-1", 1), ("1.1-1", 2))))


@pytest.mark.parametrize(
    ("packages", "expected"),
    [
        ([CLEAN], (PASS, "none", "")),
        ([], (SKIP, "", "no package database here")),
        ([LOCKED], (UNKNOWN, "", "rpm: error: cannot open Packages")),
        ([CLEAN, LOCKED], (UNKNOWN, "", "rpm: error: cannot open Packages")),
        ([doubled("aaa.noarch")], (FAIL, "aaa.noarch is there as 1.0-1 and 1.1-1", "")),
        ([doubled("aaa.noarch"), LOCKED], (FAIL, "aaa.noarch is there as 1.0-1 and 1.1-1", "")),
        (
            [
                doubled(
                    "kernel.x86_64",
                    "kernel-devel.x86_64",
                    "kernel-modules-extra.x86_64",
                    "kernel-core.x86_64",
                    "kernel6.12.x86_64",
                    "gpg-pubkey.(none)",
                )
            ],
            (PASS, "none", ""),
        ),
        (
            [PackageSet(installed={"bash.x86_64": (("1-1", 1), ("1-1", 2))})],
            (PASS, "none", ""),
        ),
        (
            [PackageSet(source="dpkg", broken=("dash.amd64",))],
            (FAIL, "dash.amd64 is half-installed", ""),
        ),
    ],
)
def test_a_package_is_there_once_unless_it_may_be_more_often(packages, expected):
    assert found(duplicates(look(packages), {})) == expected


def test_at_most_five_duplicates_are_named():
    got = duplicates(look([doubled(*(f"p{n}.noarch" for n in range(7)))]), {})
    assert got.found.endswith("p4.noarch is there as 1.0-1 and 1.1-1 and 2 more")


ROW = "transaction 7 of history.sqlite"


@pytest.mark.parametrize(
    ("histories", "expected"),
    [
        ([], (SKIP, "", "no package history here")),
        ([History(Standing.ABSENT, "none")], (SKIP, "", "no package history here")),
        ([History(source="dnf-history")], (PASS, "none", "")),
        ([History(source="dnf-history", unfinished=(ROW,))], (FAIL, f"dnf-history: {ROW}", "")),
        ([History(Standing.UNKNOWN, "database is locked")], (UNKNOWN, "", "database is locked")),
        (
            # yum left its file although its history is gone
            [History(Standing.ABSENT, "none", unfinished=("transaction-all.2026-11-23.04:39.50",))],
            (FAIL, "yum-history: transaction-all.2026-11-23.04:39.50", ""),
        ),
        (
            [History(), History(Standing.UNKNOWN, "database is locked", "dnf-history")],
            (UNKNOWN, "", "database is locked"),
        ),
    ],
)
def test_a_transaction_that_never_ended_is_named(histories, expected):
    assert found(unfinished_transaction(look((), histories), {})) == expected


APT = History(source="apt-history", unfinished=("run 20261123044033",))
WHOLE = PackageSet(source="dpkg", installed={"dash.amd64": (("0.5", 0),)})
HALF = PackageSet(source="dpkg", broken=("dash.amd64",))


@pytest.mark.parametrize(
    ("packages", "histories", "expected"),
    [
        ([WHOLE], [History(source="apt-history")], (PASS, "none", "")),
        (
            [WHOLE],
            [APT],
            (PASS, "none: apt-history: run 20261123044033 recorded no end, and dpkg is whole", ""),
        ),
        (
            [HALF],
            [APT],
            (FAIL, "apt-history: run 20261123044033, dpkg: dash.amd64 is half-installed", ""),
        ),
        ([HALF], [], (FAIL, "dpkg: dash.amd64 is half-installed", "")),
        (
            [PackageSet(Standing.UNKNOWN, "torn", "dpkg")],
            [APT],
            (FAIL, "apt-history: run 20261123044033", ""),
        ),
    ],
)
def test_what_dpkg_has_half_done_was_cut_off_and_a_run_of_apt_only_beside_it(
    packages, histories, expected
):
    assert found(unfinished_transaction(look(packages, histories), {})) == expected


def test_a_failed_check_is_a_whole_sentence():
    history = History(source="dnf-history", unfinished=(ROW,))
    id_ = "packages.unfinished-transaction"
    assert unfinished_transaction(look((), [history]), {}) == Check(
        id_, FAIL, Severity.FAIL, "none", f"dnf-history: {ROW}", "", CHECKS[id_].remedy
    )
