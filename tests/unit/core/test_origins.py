"""Which transaction made a change over the looks of an operation, or that none did."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hookd.core.compare import compare
from hookd.core.node import Aftermath
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

OLD, NEW = "1.0-1", "1.1-1"
ENDED = "2026-11-23T04:22:10Z"
ENDED_S = 1795407730
PLACE = LogCursor(1, 2, 3)


def rpmdb(**packages):
    return PackageSet(installed={f"{k}.x86_64": ((evr, 1),) for k, evr in packages.items()})


def dpkg(**packages):
    return PackageSet(
        source="dpkg", installed={f"{k}.all": ((evr, 0),) for k, evr in packages.items()}
    )


def run(number, *items, state=TransactionState.OK, ended=ENDED):
    entries = tuple(LogEntry(LogAction(action), *rest) for action, *rest in items)
    return Transaction(number, state, ended_at=ended, items=entries)


def history(*transactions, source="dnf-history", **more):
    return History(source=source, database="history.sqlite", transactions=transactions, **more)


def look(name, packages, *histories, **began):
    return Snapshot(
        name,
        "",
        Boot(),
        Kernel(),
        (packages,),
        histories=histories,
        aftermath=Aftermath(transactions={f"{k}.x86_64": when for k, when in began.items()}),
    )


def by(*looks):
    return [(change.name, change.between, change.by) for change in compare(looks).packages]


FOO_OLD, FOO_NEW = rpmdb(foo=OLD), rpmdb(foo=NEW)
UPDATED = ("updated", "foo", NEW, "x86_64")
QUIET = history()


@pytest.mark.parametrize(
    ("first", "last", "item"),
    [
        (FOO_OLD, FOO_NEW, UPDATED),
        (rpmdb(), FOO_NEW, ("installed", "foo", NEW, "x86_64")),
        (FOO_NEW, FOO_OLD, ("downgraded", "foo", OLD, "x86_64")),
        (FOO_OLD, rpmdb(), ("removed", "foo", OLD, "x86_64")),
        (FOO_OLD, rpmdb(), ("obsoleted", "foo", OLD, "x86_64")),
        (FOO_OLD, rpmdb(), ("removed", "foo")),
        (
            FOO_OLD,
            PackageSet(installed={"foo.x86_64": ((OLD, 2),)}),
            ("reinstalled", "foo", OLD, "x86_64"),
        ),
    ],
)
def test_the_transaction_that_names_the_change_made_it(first, last, item):
    looks = look("ready", first, QUIET), look("installed", last, history(run(7, item)))
    assert by(*looks) == [("foo", "ready..installed", "dnf-history 7")]


@pytest.mark.parametrize(
    "item",
    [
        None,
        ("updated", "foo", "1.2-1", "x86_64"),
        ("updated", "foo", NEW, "i686"),
        ("updated", "foo-libs", NEW, "x86_64"),
        ("failed", "foo", NEW, "x86_64"),
        ("removed", "foo", OLD, "x86_64"),
    ],
)
def test_what_no_transaction_names_was_done_by_rpm_alone(item):
    made = [run(7, item)] if item else []
    looks = look("ready", FOO_OLD, QUIET), look("installed", FOO_NEW, history(*made))
    assert by(*looks) == [("foo", "ready..installed", "rpm")]


@pytest.mark.parametrize(
    ("first", "last"),
    [
        ([], [QUIET]),
        ([QUIET], []),
        ([QUIET], [History(Standing.UNKNOWN, "locked", "dnf-history")]),
        ([QUIET], [History(Standing.ABSENT, "none", "dnf-history")]),
        ([History(Standing.UNKNOWN, "locked", "dnf-history")], [QUIET]),
        ([QUIET], [history(gap=True)]),
        ([QUIET], [QUIET, History(Standing.UNKNOWN, "locked", "yum-history")]),
        ([history(source="apt-history")], [history(source="apt-history")]),
    ],
)
def test_where_the_history_is_not_known_whole_nobody_is_blamed(first, last):
    looks = look("ready", FOO_OLD, *first), look("installed", FOO_NEW, *last)
    assert by(*looks) == [("foo", "ready..installed", "")]


def test_a_history_that_could_not_be_read_once_kept_its_place():
    locked = history(standing=Standing.UNKNOWN, reason="locked")
    looks = look("ready", FOO_OLD, locked), look("installed", FOO_NEW, history())
    assert by(*looks) == [("foo", "ready..installed", "rpm")]


def test_keys_come_by_whoever_checks_signatures():
    keys = PackageSet(installed={"gpg-pubkey.(none)": (("1-1", 1),)})
    looks = look("ready", rpmdb(), QUIET), look("installed", keys, QUIET)
    assert by(*looks) == [("gpg-pubkey", "ready..installed", "")]


@pytest.mark.parametrize(
    ("began", "expected"),
    [(0, "dnf-history 7"), (ENDED_S, "dnf-history 7"), (ENDED_S + 31, "rpm")],
)
def test_what_began_after_the_end_of_its_transaction_was_done_by_rpm_alone(began, expected):
    looks = (
        look("ready", FOO_OLD, QUIET),
        look("installed", FOO_NEW, history(run(7, UPDATED)), foo=began),
    )
    assert by(*looks) == [("foo", "ready..installed", expected)]


def test_a_second_install_pass_and_plain_rpm_are_told_apart_from_the_first():
    first = run(7, UPDATED, ("updated", "bar", NEW, "x86_64"))
    second = run(8, ("downgraded", "foo", OLD, "x86_64"))
    looks = (
        look("ready", rpmdb(foo=OLD, bar=OLD), QUIET),
        look("installed", rpmdb(foo=NEW, bar=NEW), history(first)),
        look("leaving", rpmdb(foo=NEW, bar=NEW), QUIET),
        look("arrived", rpmdb(foo=OLD), history(second)),
    )
    assert by(*looks) == [
        ("bar", "ready..installed", "dnf-history 7"),
        ("foo", "ready..installed", "dnf-history 7"),
        ("bar", "leaving..arrived", "rpm"),
        ("foo", "leaving..arrived", "dnf-history 8"),
    ]


def test_a_boots_look_reads_no_history_and_the_next_one_does():
    leaving = look("leaving", FOO_OLD, QUIET)
    booted = look("booted-1", FOO_NEW, QUIET)
    arrived = look("arrived", FOO_NEW, history(run(8, UPDATED)), foo=ENDED_S)
    assert by(leaving, booted) == [("foo", "leaving..booted-1", "")]
    assert by(leaving, booted, arrived) == [("foo", "leaving..booted-1", "dnf-history 8")]
    late = replace(arrived, aftermath=Aftermath(transactions={"foo.x86_64": ENDED_S + 60}))
    assert by(leaving, booted, late) == [("foo", "leaving..booted-1", "rpm")]


def test_a_transaction_made_nothing_that_came_after_a_later_look():
    looks = (
        look("ready", FOO_OLD, QUIET),
        look("installed", FOO_NEW, history(run(7, UPDATED))),
        look("leaving", FOO_OLD, QUIET),
        look("arrived", FOO_NEW, QUIET),
    )
    assert by(*looks) == [
        ("foo", "ready..installed", "dnf-history 7"),
        ("foo", "installed..leaving", "rpm"),
        ("foo", "leaving..arrived", "rpm"),
    ]


def test_of_two_transactions_that_name_it_the_later_one_of_the_span_made_it():
    again = run(8, ("reinstalled", "foo", NEW, "x86_64"))
    looks = (
        look("ready", FOO_OLD, QUIET),
        look("installed", FOO_NEW, history(run(7, UPDATED), again)),
    )
    assert by(*looks) == [("foo", "ready..installed", "dnf-history 8")]


def test_a_transaction_that_died_made_what_it_meant_to_make():
    died = run(7, UPDATED, state=TransactionState.UNFINISHED, ended="")
    looks = look("ready", FOO_OLD, QUIET), look("installed", FOO_NEW, history(died), foo=ENDED_S)
    assert by(*looks) == [("foo", "ready..installed", "dnf-history 7")]


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        # apt gives the machine's own architecture for `all`
        (("updated", "foo", NEW, "amd64"), "apt-history 20261123044033"),
        (("updated", "bar", NEW, "amd64"), "dpkg"),
    ],
)
def test_apts_runs_and_plain_dpkg_are_told_apart(item, expected):
    quiet = History(source="apt-history", cursor=PLACE)
    made = replace(quiet, transactions=(run(20261123044033, item, ended="2026-11-23T04:40:33"),))
    looks = look("ready", dpkg(foo=OLD), quiet), look("installed", dpkg(foo=NEW), made)
    assert by(*looks) == [("foo", "ready..installed", expected)]
