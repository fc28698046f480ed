"""Whether the histories and the package database tell the same: what is explained, what is not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hookd.core.checks.histories import history_agrees
from hookd.core.compare import compare
from hookd.core.model import Outcome
from hookd.core.readings import (
    Boot,
    History,
    Kernel,
    LogAction,
    LogCursor,
    LogEntry,
    PackageSet,
    Standing,
    Transaction,
    TransactionState,
)
from hookd.core.snapshot import Snapshot

PASS, WARN, UNKNOWN, SKIP = Outcome.PASS, Outcome.WARN, Outcome.UNKNOWN, Outcome.SKIP
OK, FAILED, DIED = TransactionState.OK, TransactionState.FAILED, TransactionState.UNFINISHED
OLD, NEW = "1.0-1", "1.1-1"
NONE = History(Standing.ABSENT, "none", "dnf-history")


def look(name, packages, *histories):
    sets = () if packages is None else (packages,)
    return Snapshot(name, "", Boot(), Kernel(), sets, (), histories)


def rpmdb(**packages):
    rows = {k: (v,) if isinstance(v, str) else v for k, v in packages.items()}
    return PackageSet(
        installed={f"{k}.x86_64": tuple((evr, 1) for evr in evrs) for k, evrs in rows.items()}
    )


def run(number, *items, state=OK, code=None):
    entries = tuple(
        LogEntry(LogAction(action), name, evr, arch) for action, name, evr, arch in items
    )
    return Transaction(number, state, return_code=code, items=entries)


def history(*transactions, source="dnf-history", **more):
    return History(source=source, database="d", transactions=transactions, **more)


def item(action, name, evr, arch="x86_64"):
    return action, name, evr, arch


def judge(*looks):
    got = history_agrees(looks, compare(looks).packages, {})
    return got.outcome, got.found or got.reason


def between(before, after, *transactions, source="dnf-history"):
    quiet = history(source=source)
    made = history(*transactions, source=source)
    return judge(look("ready", before, quiet), look("installed", after, made))


YUMS_WAY = "yum marks every package done when it ends with 0"
FOO_OLD, FOO_NEW, NOTHING = rpmdb(foo=OLD), rpmdb(foo=NEW), rpmdb()
UPDATE = item("updated", "foo", NEW), item("replaced", "foo", OLD)


@pytest.mark.parametrize(
    ("before", "after", "transactions"),
    [
        pytest.param(FOO_OLD, FOO_OLD, (), id="nothing"),
        pytest.param(FOO_OLD, FOO_NEW, (run(1, *UPDATE),), id="updated"),
        pytest.param(FOO_OLD, NOTHING, (run(1, item("removed", "foo", OLD)),), id="removed"),
        pytest.param(
            rpmdb(kernel=("1-1", "2-1", "3-1")),
            rpmdb(kernel=("2-1", "3-1", "4-1")),
            (run(1, item("installed", "kernel", "4-1"), item("removed", "kernel", "1-1")),),
            id="a kernel pushes out another",
        ),
        pytest.param(
            FOO_OLD,
            FOO_OLD,
            (run(1, *UPDATE), run(2, item("downgraded", "foo", OLD), item("replaced", "foo", NEW))),
            id="there and back",
        ),
        pytest.param(
            NOTHING,
            NOTHING,
            (run(1, item("installed", "foo", OLD)), run(2, item("removed", "foo", OLD))),
            id="came and went",
        ),
    ],
)
def test_a_history_that_names_all_changes_and_no_others_agrees(before, after, transactions):
    assert between(before, after, *transactions) == (PASS, "the same")


@pytest.mark.parametrize(
    ("before", "after", "transactions", "found"),
    [
        pytest.param(
            FOO_OLD,
            FOO_NEW,
            (),
            "foo.x86_64 1.1-1 came by rpm alone, in no history (ready..installed)",
            id="plain rpm -U",
        ),
        pytest.param(
            FOO_OLD,
            NOTHING,
            (),
            "foo.x86_64 1.0-1 went by rpm alone, in no history (ready..installed)",
            id="plain rpm -e",
        ),
        pytest.param(
            FOO_OLD,
            FOO_OLD,
            (run(7, *UPDATE),),
            "dnf-history 7 says foo.x86_64 1.1-1 came",
            id="it did not come",
        ),
        pytest.param(
            FOO_OLD,
            FOO_OLD,
            (run(7, item("removed", "foo", OLD)),),
            "dnf-history 7 says foo.x86_64 1.0-1 went",
            id="it did not go",
        ),
        pytest.param(
            FOO_OLD,
            rpmdb(foo="1.2-1"),
            (run(7, *UPDATE),),
            "foo.x86_64 1.2-1 came by rpm alone, in no history (ready..installed)",
            id="rpm -U after the transaction: told once",
        ),
    ],
)
def test_what_nothing_explains_is_named(before, after, transactions, found):
    assert between(before, after, *transactions) == (WARN, found)


def test_yum_marks_every_package_done_when_it_ends_with_0():
    assert between(FOO_OLD, FOO_OLD, run(12, *UPDATE, code=0), source="yum-history") == (
        WARN,
        f"yum-history 12 says foo.x86_64 1.1-1 came ({YUMS_WAY})",
    )


@pytest.mark.parametrize(
    ("after", "transaction", "cause"),
    [
        pytest.param(
            FOO_OLD,
            run(5, item("failed", "foo", NEW), state=FAILED),
            "dnf-history 5 failed for foo",
            id="a %pre that failed",
        ),
        pytest.param(
            FOO_NEW,
            run(5, *UPDATE, state=DIED),
            "dnf-history 5 recorded no end, and did all it meant to",
            id="SIGTERM",
        ),
        pytest.param(
            FOO_NEW,
            run(5, *UPDATE, item("updated", "bar", NEW), state=DIED),
            "dnf-history 5 recorded no end, and left undone that bar.x86_64 1.1-1 came",
            id="SIGKILL",
        ),
    ],
)
def test_a_known_cause_is_told_and_is_no_disagreement(after, transaction, cause):
    assert between(FOO_OLD, after, transaction) == (PASS, f"the same but for: {cause}")


def test_what_came_before_a_transaction_that_died_is_not_expected_to_have_stayed():
    first, died = run(4, item("installed", "foo", OLD)), run(5, *UPDATE, state=DIED)
    assert between(NOTHING, FOO_NEW, first, died) == (
        PASS,
        "the same but for: dnf-history 5 recorded no end, and did all it meant to",
    )


def test_apt_names_what_it_is_about_to_do():
    def dpkg(version):
        return PackageSet(source="dpkg", installed={"foo.all": ((version, 0),)})

    quiet = History(source="apt-history", cursor=LogCursor(1, 2, 3))
    failed = run(20261123044033, item("updated", "foo", NEW, "amd64"), state=FAILED)
    made = replace(quiet, transactions=(failed,))
    run_ = "apt-history 20261123044033 failed, and"
    assert judge(look("ready", dpkg(OLD), quiet), look("installed", dpkg(NEW), made)) == (
        PASS,
        f"the same but for: {run_} did all it meant to",
    )
    assert judge(look("ready", dpkg(OLD), quiet), look("installed", dpkg(OLD), made)) == (
        PASS,
        f"the same but for: {run_} left undone that foo.amd64 1.1-1 came",
    )
    well = replace(quiet, transactions=(replace(failed, state=OK),))
    assert judge(look("ready", dpkg(OLD), quiet), look("installed", dpkg(OLD), well)) == (
        WARN,
        "apt-history 20261123044033 says foo.amd64 1.1-1 came",
    )


@pytest.mark.parametrize(
    ("first", "last", "expected"),
    [
        (look("ready", FOO_OLD), look("installed", FOO_NEW), (SKIP, "no history")),
        (look("ready", FOO_OLD, NONE), look("installed", FOO_NEW, NONE), (SKIP, "no history")),
        (look("ready", None, history()), look("installed", None, history()), (SKIP, "no database")),
        (
            look("ready", FOO_OLD, history()),
            look("installed", PackageSet(Standing.UNKNOWN, "torn"), history()),
            (UNKNOWN, "torn"),
        ),
        (
            look("ready", FOO_OLD, history()),
            look("installed", FOO_NEW, History(Standing.UNKNOWN, "locked", "dnf-history")),
            (UNKNOWN, "dnf-history: locked"),
        ),
        (
            look("ready", FOO_OLD, history()),
            look("installed", FOO_NEW, history(gap=True)),
            (UNKNOWN, "dnf-history may have lost lines"),
        ),
    ],
)
def test_what_cannot_be_compared_is_unknown_or_skipped(first, last, expected):
    reasons = {
        "no history": "no package manager's history here",
        "no database": "no package database to compare the history with",
    }
    outcome, reason = expected
    assert judge(first, last) == (outcome, reasons.get(reason, reason))


def test_a_look_between_that_could_not_read_the_history_lost_nothing():
    locked = History(Standing.UNKNOWN, "locked", "dnf-history", "d")
    looks = (
        look("ready", FOO_OLD, history()),
        look("installed", FOO_NEW, locked),
        look("arrived", FOO_NEW, history(run(7, *UPDATE))),
    )
    assert judge(*looks) == (PASS, "the same")
