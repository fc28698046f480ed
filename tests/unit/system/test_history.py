"""History databases are read whole, judged as evidence of now, and left as they were."""

from __future__ import annotations

import os
import pathlib
import shutil
import sqlite3
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hookd.core.readings import (
    History,
    LogAction,
    LogEntry,
    Standing,
    Transaction,
    TransactionState,
)
from hookd.system.packages import history, sqlite
from hookd.system.root import Root

DATA = pathlib.Path(__file__).parents[2] / "data/packages"
YUM = "var/lib/yum/history/history-2020-09-13.sqlite"
DNF = "var/lib/dnf/history.sqlite"

TOOL_10 = ("tool", "1.0-1", "noarch")
TOOL_11 = ("tool", "1.1-1", "noarch")
LIB = ("lib", "1:2.0-1", "x86_64")
NEWTOOL = ("newtool", "2.0-1", "noarch")

YUM_TRANSACTIONS = (
    Transaction(
        1,
        TransactionState.OK,
        "2020-09-13T12:26:40Z",
        "2020-09-13T12:26:50Z",
        return_code=0,
        command_line="-y install tool",
        rpmdb_before="100:aa",
        rpmdb_after="102:bb",
        items=(
            LogEntry(LogAction.INSTALLED, *TOOL_10),
            LogEntry(LogAction.INSTALLED, *LIB),
            LogEntry(LogAction.INSTALLED, "kernel", "4.14.1-1", "x86_64"),
        ),
    ),
    Transaction(
        2,
        TransactionState.FAILED,
        "2020-09-13T12:28:20Z",
        "2020-09-13T12:28:30Z",
        return_code=1,
        command_line="update",
        user_id=0,
        rpmdb_before="102:bb",
        rpmdb_after="102:cc",
        items=(
            LogEntry(LogAction.FAILED, *TOOL_11),
            LogEntry(LogAction.REPLACED, *TOOL_10),
            LogEntry(LogAction.REMOVED, *LIB),
        ),
        errors=("a scriptlet failed",),
    ),
    Transaction(
        3,
        TransactionState.UNFINISHED,
        "2020-09-13T12:30:00Z",
        user_id=1000,
        rpmdb_before="102:cc",
        items=(
            LogEntry(LogAction.INSTALLED, *NEWTOOL),
            LogEntry(LogAction.OBSOLETED, *TOOL_10),
        ),
    ),
    Transaction(
        4,
        TransactionState.OK,
        "2020-09-13T12:31:40Z",
        "2020-09-13T12:31:50Z",
        return_code=0,
        user_id=0,
        rpmdb_before="102:cc",
        rpmdb_after="102:cc",
        items=(
            LogEntry(LogAction.REINSTALLED, *LIB),
            LogEntry(LogAction.DOWNGRADED, *TOOL_10),
            LogEntry(LogAction.REPLACED, *TOOL_11),
        ),
        errors=("kernel has the state Vanished, which is not known",),
    ),
    Transaction(
        5,
        TransactionState.FAILED,
        "2020-09-13T12:33:20Z",
        "2020-09-13T12:33:30Z",
        return_code=2,
        user_id=0,
        rpmdb_before="102:cc",
        rpmdb_after="102:cc",
        errors=("test transaction failed",),
    ),
)

DNF_TRANSACTIONS = (
    Transaction(
        1,
        TransactionState.OK,
        "2023-11-14T22:13:20Z",
        "2023-11-14T22:13:30Z",
        command_line="install tool",
        rpmdb_before="aa",
        rpmdb_after="bb",
        items=(
            LogEntry(LogAction.INSTALLED, *TOOL_10),
            LogEntry(LogAction.INSTALLED, "kernel", "6.1.1-1", "x86_64"),
        ),
    ),
    Transaction(
        2,
        TransactionState.FAILED,
        "2023-11-14T22:15:00Z",
        "2023-11-14T22:15:10Z",
        command_line="upgrade",
        user_id=0,
        rpmdb_before="bb",
        rpmdb_after="cc",
        items=(
            LogEntry(LogAction.FAILED, *TOOL_11),
            LogEntry(LogAction.FAILED, *TOOL_10),
            LogEntry(LogAction.REMOVED, *LIB),
        ),
        errors=("error: tool-1.1-1.noarch: install failed",),
    ),
    Transaction(
        3,
        TransactionState.OK,
        "2023-11-14T22:16:40Z",
        "2023-11-14T22:16:50Z",
        command_line="downgrade tool",
        rpmdb_before="cc",
        rpmdb_after="dd",
        items=(
            LogEntry(LogAction.DOWNGRADED, *TOOL_10),
            LogEntry(LogAction.REPLACED, *TOOL_11),
            LogEntry(LogAction.REINSTALLED, "kernel", "6.1.1-1", "x86_64"),
            LogEntry(LogAction.REPLACED, "kernel", "6.1.1-1", "x86_64"),
        ),
        errors=("lib has the action 77, which is not known",),
    ),
    Transaction(
        4,
        TransactionState.UNFINISHED,
        "2023-11-14T22:18:20Z",
        user_id=1000,
        rpmdb_before="dd",
        items=(
            LogEntry(LogAction.INSTALLED, *NEWTOOL),
            LogEntry(LogAction.OBSOLETED, *TOOL_11),
        ),
    ),
)

NO_YUM = History(
    source="yum-history", database="history-2020-09-13.sqlite", last_id=0, transactions=()
)


@pytest.fixture
def root(tmp_path):
    return Root(str(tmp_path / "root"))


def make(root, path, script, *more):
    """Make a database and close it as a package manager does at its end."""
    where = root.join("/" + path)
    os.makedirs(os.path.dirname(where), exist_ok=True)
    connection = sqlite3.connect(where)
    connection.executescript((DATA / script).read_text())
    for statement in more:
        connection.execute(statement)
    connection.commit()
    connection.close()
    return where


def listing(root):
    """Return every file below the root with what it holds."""
    return {
        os.path.join(directory, name): pathlib.Path(directory, name).read_bytes()
        for directory, _, names in os.walk(str(root))
        for name in names
    }


def at(database, last_id):
    return History(source="yum-history", database=database, last_id=last_id)


def test_every_yum_transaction_is_listed(root):
    make(root, YUM, "yum-history.sql")
    since = at("history-2020-09-13.sqlite", 0)
    assert history.read_yum(root, since) == History(
        source="yum-history",
        database="history-2020-09-13.sqlite",
        last_id=5,
        transactions=YUM_TRANSACTIONS,
    )


def test_every_dnf_transaction_is_listed(root):
    make(root, DNF, "dnf-history.sql")
    since = History(source="dnf-history", database="history.sqlite", last_id=0)
    assert history.read_dnf(root, since) == History(
        source="dnf-history",
        database="history.sqlite",
        last_id=4,
        transactions=DNF_TRANSACTIONS,
        unfinished=("transaction 4 of history.sqlite",),
    )


def test_the_first_look_only_says_how_far_it_is(root):
    make(root, YUM, "yum-history.sql", "DELETE FROM trans_end WHERE tid = 5")
    make(root, DNF, "dnf-history.sql")
    assert history.read(root) == (
        History(
            source="yum-history",
            database="history-2020-09-13.sqlite",
            last_id=5,
            unfinished=("transaction 5 of history-2020-09-13.sqlite",),
        ),
        History(
            source="dnf-history",
            database="history.sqlite",
            last_id=4,
            unfinished=("transaction 4 of history.sqlite",),
        ),
    )


def test_the_next_look_lists_only_what_came_since(root):
    make(root, YUM, "yum-history.sql")
    make(root, DNF, "dnf-history.sql")
    yum, dnf = history.read(root)
    later = (replace(yum, last_id=3), replace(dnf, last_id=3))
    yum, dnf = history.read(root, later)
    assert yum.transactions == YUM_TRANSACTIONS[3:]
    assert dnf.transactions == DNF_TRANSACTIONS[3:]
    assert [one.transactions for one in history.read(root, (dnf, yum))] == [(), ()]


def test_no_database_is_absent_and_all_is_new_when_one_comes(root):
    before = history.read(root)
    assert before == (
        History(
            standing=Standing.ABSENT,
            reason="/var/lib/yum/history holds no history database",
            source="yum-history",
        ),
        History(
            standing=Standing.ABSENT,
            reason=f"{root}/var/lib/dnf/history.sqlite does not exist",
            source="dnf-history",
        ),
    )
    make(root, YUM, "yum-history.sql")
    make(root, DNF, "dnf-history.sql")
    yum, dnf = history.read(root, before)
    assert (yum.transactions, dnf.transactions) == (YUM_TRANSACTIONS, DNF_TRANSACTIONS)


def test_yum_history_new_begins_another_database_of_which_all_is_new(root):
    make(root, YUM, "yum-history.sql")
    before = history.read_yum(root)
    make(root, "var/lib/yum/history/history-2021-01-01.sqlite", "yum-history.sql")
    make(root, "var/lib/yum/history/history-x.sqlite", "yum-history.sql")
    found = history.read_yum(root, before)
    assert (found.database, found.transactions) == ("history-2021-01-01.sqlite", YUM_TRANSACTIONS)


def test_an_old_aborted_transaction_is_no_evidence_of_now_but_a_last_one_is(root):
    path = make(root, YUM, "yum-history.sql")
    assert history.read_yum(root).unfinished == ()
    with sqlite3.connect(path) as connection:
        connection.execute("INSERT INTO trans_beg VALUES (6, 1600000500, 'x', 0)")
    connection.close()
    assert history.read_yum(root).unfinished == ("transaction 6 of history-2020-09-13.sqlite",)


def test_what_a_killed_yum_left_in_its_directory_is_evidence(root):
    directory = root.join("/var/lib/yum")
    os.makedirs(directory)
    for name in (
        "transaction-all.2026-11-23.04:39.50",
        "transaction-done.2026-11-23.04:39.50",
        "transaction-all.2020-01-01.00:00.00.disabled",
    ):
        with open(os.path.join(directory, name), "w") as file:
            file.write("install 0:tool-1.1-1.noarch\n")
    found = history.read_yum(root)
    assert found.standing is Standing.ABSENT
    assert found.unfinished == ("transaction-all.2026-11-23.04:39.50",)


def test_the_tables_that_old_yums_lack_are_not_needed(root):
    make(root, YUM, "yum-history.sql", "DROP TABLE trans_error", "DROP TABLE trans_cmdline")
    found = history.read_yum(root, at("history-2020-09-13.sqlite", 4))
    assert found.transactions == (replace(YUM_TRANSACTIONS[4], errors=()),)


def test_a_database_in_use_by_yum_is_unknown_and_the_place_is_kept(root, monkeypatch):
    monkeypatch.setattr(sqlite, "BUSY_S", 0.01)
    path = make(root, YUM, "yum-history.sql")
    writer = sqlite3.connect(path, isolation_level=None)
    writer.execute("PRAGMA locking_mode = EXCLUSIVE")
    writer.execute("BEGIN EXCLUSIVE")
    since = at("history-2020-09-13.sqlite", 3)
    locked = history.read_yum(root, since)
    assert locked == replace(
        since,
        standing=Standing.UNKNOWN,
        reason=f"{path}: database is locked (a package manager is at work)",
    )
    writer.execute("ROLLBACK")
    writer.close()
    assert history.read_yum(root, locked).transactions == YUM_TRANSACTIONS[3:]


def test_a_first_look_that_failed_is_followed_by_another_first_look(root, monkeypatch):
    path = root.join("/" + DNF)
    os.makedirs(path)
    failed = history.read_dnf(root)
    assert failed == History(
        standing=Standing.UNKNOWN, reason=f"{path} is not a regular file", source="dnf-history"
    )
    os.rmdir(path)
    make(root, DNF, "dnf-history.sql")
    assert history.read_dnf(root, failed).transactions == ()


@pytest.mark.parametrize("content", [b"", b"not a database at all" * 99, b"SQLite format 3\0" * 99])
def test_what_is_no_database_is_unknown(root, content):
    for path in (YUM, DNF):
        where = root.join("/" + path)
        os.makedirs(os.path.dirname(where))
        pathlib.Path(where).write_bytes(content)
    assert [found.standing for found in history.read(root)] == [Standing.UNKNOWN] * 2


@pytest.mark.parametrize("path", [YUM, DNF])
def test_a_fifo_is_unknown_and_does_not_hang(root, path):
    where = root.join("/" + path)
    os.makedirs(os.path.dirname(where))
    os.mkfifo(where)
    standings = {found.source: found.standing for found in history.read(root)}
    assert Standing.UNKNOWN in standings.values()


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 20_000), st.binary(min_size=1, max_size=64))
def test_a_damaged_database_never_raises(tmp_path_factory, offset, garbage):
    root = Root(str(tmp_path_factory.mktemp("root")))
    for path, script in ((YUM, "yum-history.sql"), (DNF, "dnf-history.sql")):
        with open(make(root, path, script), "r+b") as file:
            file.seek(offset)
            file.write(garbage)
    history.read(root, (NO_YUM, History(source="dnf-history", database="history.sqlite")))


def test_columns_of_odd_types_do_not_raise(root):
    make(
        root,
        DNF,
        "dnf-history.sql",
        "UPDATE trans SET dt_begin = 'soon', dt_end = 9e18, user_id = 'me', cmdline = x'ff00'",
        "UPDATE rpm SET epoch = x'ff', name = x'ff41'",
        "UPDATE trans SET state = 'x' WHERE id = 4",
    )
    since = History(source="dnf-history", database="history.sqlite", last_id=3)
    found = history.read_dnf(root, since)
    assert found.transactions == (
        Transaction(
            4,
            TransactionState.UNFINISHED,
            command_line="\\xff\0",
            user_id=0,
            rpmdb_before="dd",
            items=(
                LogEntry(LogAction.INSTALLED, "\\xffA", "2.0-1", "noarch"),
                LogEntry(LogAction.OBSOLETED, "\\xffA", "1.1-1", "noarch"),
            ),
        ),
    )


def dnf_history(root, state):
    """Make a dnf history as a writer that is gone (in `state`) or alive leaves it."""
    path = make(root, DNF, "dnf-history.sql", "PRAGMA journal_mode = WAL")
    if state == "closed":
        return None
    writer = sqlite3.connect(path)
    writer.execute("INSERT INTO trans VALUES (5, 1, 2, '', '', '', 0, 'late', 1, '')")
    writer.commit()
    if state == "alive":
        return writer
    kept = {suffix: pathlib.Path(path + suffix).read_bytes() for suffix in ("", "-wal", "-shm")}
    writer.close()
    for suffix in ("", "-wal", "-shm") if state == "killed" else ("", "-wal"):
        pathlib.Path(path + suffix).write_bytes(kept[suffix])
    return None


@pytest.mark.parametrize("state", ["closed", "alive", "killed", "copied without -shm"])
def test_reading_a_database_in_wal_mode_leaves_its_directory_as_it_was(root, state):
    writer = dnf_history(root, state)
    before = listing(root)
    found = history.read_dnf(root)
    after = listing(root)
    if writer is not None:
        writer.close()
    assert found.last_id == (4 if state == "closed" else 5)
    shared = root.join("/" + DNF + "-shm")
    before.pop(shared, None)
    assert after.pop(shared, None) is None or state in ("alive", "killed")
    assert after == before


def test_a_hot_journal_is_played_back_in_a_copy(root):
    path = make(root, YUM, "yum-history.sql")
    writer = sqlite3.connect(path)
    writer.execute("PRAGMA cache_size = 1")
    for tid in range(100, 3000):
        row = (tid, 1, "x" * 200, 0)
        writer.execute("INSERT INTO trans_beg VALUES (?, ?, ?, ?)", row)
    dead = root.join("/dead")
    shutil.copytree(os.path.dirname(path), dead)
    writer.rollback()
    writer.close()
    shutil.rmtree(os.path.dirname(path))
    shutil.move(dead, os.path.dirname(path))
    assert os.path.exists(path + "-journal")
    before = listing(root)
    found = history.read_yum(root, NO_YUM)
    assert (found.standing, found.transactions) == (Standing.OK, YUM_TRANSACTIONS)
    assert listing(root) == before
