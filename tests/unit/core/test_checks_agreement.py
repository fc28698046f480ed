"""Whether the logs and the rpm database tell the same: what is explained, and what is not."""

from __future__ import annotations

import pytest

from hookd.core.checks.agreement import log_agrees
from hookd.core.model import Outcome
from hookd.core.readings import (
    Boot,
    History,
    Kernel,
    LogAction,
    LogEntry,
    PackageLog,
    PackageSet,
    Standing,
    Transaction,
    TransactionState,
)
from hookd.core.snapshot import Snapshot

PASS, WARN, UNKNOWN, SKIP = Outcome.PASS, Outcome.WARN, Outcome.UNKNOWN, Outcome.SKIP
OLD, NEW = "1.0-1", "1.1-1"


def look(packages, logs=(), histories=()):
    sets = () if packages is None else (packages,)
    return Snapshot("s", "", Boot(), Kernel(), sets, tuple(logs), tuple(histories))


def rpmdb(**packages):
    return PackageSet(installed={k + ".x86_64": tuple(sorted(v)) for k, v in packages.items()})


def entry(action, name, evr="", arch="x86_64"):
    return LogEntry(LogAction(action), name, evr, arch)


def judge(before, after, *entries, source="yum.log", state=None):
    histories = []
    if state is not None:
        histories = [History(source="dnf-history", transactions=(Transaction(1, state),))]
    log = PackageLog(source=source, entries=entries)
    got = log_agrees((look(before, [PackageLog(source=source)]), look(after, [log], histories)), {})
    return got.outcome, got.found


FOO_OLD, FOO_NEW, NOTHING = rpmdb(foo=[(OLD, 1)]), rpmdb(foo=[(NEW, 2)]), rpmdb()
AGREES = (PASS, "the same")
DNF = "dnf.rpm.log"
OK, DIED = TransactionState.OK, TransactionState.UNFINISHED


@pytest.mark.parametrize(
    ("before", "after", "entries"),
    [
        pytest.param(FOO_OLD, FOO_OLD, (), id="nothing"),
        pytest.param(FOO_OLD, FOO_NEW, (entry("updated", "foo", NEW),), id="updated"),
        pytest.param(FOO_NEW, FOO_OLD, (entry("installed", "foo", OLD),), id="yum's downgrade"),
        pytest.param(FOO_OLD, NOTHING, (entry("removed", "foo", OLD),), id="removed"),
        pytest.param(FOO_OLD, NOTHING, (entry("removed", "foo", "", ""),), id="bare removal"),
        pytest.param(
            FOO_OLD,
            rpmdb(foo=[(OLD, 2)]),
            (entry("installed", "foo", OLD),),
            id="yum's reinstall",
        ),
        pytest.param(
            FOO_OLD, FOO_OLD, (entry("failed", "foo", NEW),), id="a failed element is named"
        ),
        pytest.param(
            NOTHING,
            NOTHING,
            (entry("installed", "foo", OLD), entry("removed", "foo", OLD)),
            id="came and went",
        ),
        pytest.param(
            NOTHING,
            NOTHING,
            (entry("installed", "foo", OLD), entry("removed", "foo", "", "")),
            id="came and went by its bare name",
        ),
        pytest.param(
            FOO_OLD,
            FOO_NEW,
            (entry("updated", "foo", "1.0-9"), entry("updated", "foo", NEW)),
            id="updated twice",
        ),
        pytest.param(
            NOTHING,
            PackageSet(installed={"gpg-pubkey.(none)": (("1-1", 1),)}),
            (),
            id="keys are in no log",
        ),
        pytest.param(
            PackageSet(installed={"foo.noarch": ((OLD, 1),)}),
            FOO_NEW,
            (entry("updated", "foo", NEW),),
            id="another architecture",
        ),
        pytest.param(
            rpmdb(kernel=[("1-1", 1)]),
            rpmdb(kernel=[("1-1", 1)]),
            (entry("installed", "kernel", "2-1"), entry("removed", "kernel", "2-1")),
            id="a kernel came and went",
        ),
    ],
)
def test_what_is_logged_agrees(before, after, entries):
    assert judge(before, after, *entries) == AGREES


def but_for(text):
    return PASS, f"the same but for: {text}"


def test_yum_does_not_log_the_kernel_that_is_pushed_out():
    before = rpmdb(kernel=[("1-1", 1), ("2-1", 1)])
    after = rpmdb(kernel=[("2-1", 1), ("3-1", 2)])
    assert judge(before, after, entry("installed", "kernel", "3-1")) == but_for(
        "kernel.x86_64 1-1 went, and yum.log leaves out what a new kernel pushes out"
    )


def test_what_the_history_tells_needs_no_log():
    log, first = PackageLog(source=DNF), look(FOO_OLD, [PackageLog(source=DNF)])
    made = Transaction(7, OK, items=(entry("updated", "foo", NEW),))
    last = look(FOO_NEW, [log], [History(source="dnf-history", transactions=(made,))])
    got = log_agrees((first, last), {})
    assert (got.outcome, got.found) == but_for(
        "foo.x86_64 1.1-1 came and is in no log but in the history"
    )


def test_dpkg_and_its_log_are_compared_as_well():
    def dpkg(version):
        return PackageSet(source="dpkg", installed={"foo.all": ((version, 0),)})

    log = PackageLog(source="dpkg.log", entries=(entry("updated", "foo", NEW, "all"),))
    quiet = PackageLog(source="dpkg.log")
    told = log_agrees((look(dpkg(OLD), [quiet]), look(dpkg(NEW), [log])), {})
    untold = log_agrees((look(dpkg(OLD), [quiet]), look(dpkg(NEW), [quiet])), {})
    assert (told.outcome, told.found) == AGREES
    assert (untold.outcome, untold.found) == (WARN, "foo.all 1.1-1 came and is in no log")


@pytest.mark.parametrize(
    ("before", "after", "entries", "found"),
    [
        pytest.param(
            FOO_OLD, FOO_NEW, (), "foo.x86_64 1.1-1 came and is in no log", id="plain rpm -U"
        ),
        pytest.param(
            FOO_OLD, NOTHING, (), "foo.x86_64 1.0-1 went and is in no log", id="plain rpm -e"
        ),
        pytest.param(
            FOO_OLD,
            rpmdb(foo=[(OLD, 2)]),
            (),
            "foo.x86_64 1.0-1 came and is in no log",
            id="plain rpm --reinstall",
        ),
        pytest.param(
            FOO_OLD,
            rpmdb(foo=[("1.2-1", 3)]),
            (entry("updated", "foo", NEW),),
            "foo.x86_64 1.2-1 came and is in no log, yum.log says foo.x86_64 1.1-1 came",
            id="another version than logged",
        ),
        pytest.param(
            FOO_OLD,
            FOO_OLD,
            (entry("updated", "foo", NEW),),
            "yum.log says foo.x86_64 1.1-1 came",
            id="logged and not there",
        ),
        pytest.param(
            FOO_OLD,
            FOO_OLD,
            (entry("removed", "foo", OLD),),
            "yum.log says foo.x86_64 1.0-1 went",
            id="logged as gone and still there",
        ),
    ],
)
def test_what_nothing_explains_is_named(before, after, entries, found):
    assert judge(before, after, *entries) == (WARN, found)


EXPLAINED = but_for(
    "dnf.rpm.log says foo.x86_64 1.1-1 came: a line is written before the act, which did not end"
)


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        (DIED, EXPLAINED),
        (TransactionState.FAILED, EXPLAINED),
        (None, EXPLAINED),
        (OK, (WARN, "dnf.rpm.log says foo.x86_64 1.1-1 came")),
    ],
)
def test_dnf_logs_before_it_acts_so_a_transaction_that_stopped_explains_a_line(state, expected):
    line = entry("updated", "foo", NEW)
    assert judge(FOO_OLD, FOO_OLD, line, source=DNF, state=state) == expected


def test_dnf_failures_give_the_bare_name():
    lines = entry("updated", "foo", NEW), entry("failed", "foo", "", "")
    assert judge(FOO_OLD, FOO_OLD, *lines, source=DNF, state=OK) == but_for(
        "dnf.rpm.log says foo.x86_64 1.1-1 came, and it failed"
    )


def test_at_most_five_packages_are_named():
    many = rpmdb(**{f"p{n}": [(OLD, 1)] for n in range(8)})
    _outcome, found = judge(NOTHING, many)
    assert found.endswith("p4.x86_64 1.0-1 came and is in no log and 3 more")


LOG = PackageLog()
NO_DATABASE = "no package database to compare the log with"
NO_LOG = PackageLog(Standing.ABSENT, "none")


@pytest.mark.parametrize(
    ("first", "last", "outcome", "reason"),
    [
        (look(FOO_OLD), look(FOO_NEW), SKIP, "no package manager's log here"),
        (look(FOO_OLD, [NO_LOG]), look(FOO_NEW, [NO_LOG]), SKIP, "no package manager's log here"),
        (look(None, [LOG]), look(None, [LOG]), SKIP, NO_DATABASE),
        (
            look(FOO_OLD, [LOG]),
            look(PackageSet(Standing.UNKNOWN, "locked"), [LOG]),
            UNKNOWN,
            "locked",
        ),
        (
            look(FOO_OLD, [LOG]),
            look(FOO_OLD, [PackageLog(gap=True)]),
            UNKNOWN,
            "yum.log may have lost lines",
        ),
        (
            look(FOO_OLD, [LOG]),
            look(FOO_NEW, [PackageLog(Standing.UNKNOWN, "is binary")]),
            UNKNOWN,
            "yum.log: is binary",
        ),
    ],
)
def test_what_cannot_be_compared_is_unknown_or_skipped(first, last, outcome, reason):
    got = log_agrees((first, last), {})
    assert (got.outcome, got.reason) == (outcome, reason)
