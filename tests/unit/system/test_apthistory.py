"""Every stanza of apt's history becomes a run; one without an end is read again until it ends."""

from __future__ import annotations

import pytest

from hookd.core.readings import (
    History,
    LogAction,
    LogEntry,
    Standing,
    Transaction,
    TransactionState,
)
from hookd.system.packages import apthistory
from hookd.system.packages.tail import NOWHERE
from hookd.system.root import Root

OK, FAILED, UNFINISHED = TransactionState.OK, TransactionState.FAILED, TransactionState.UNFINISHED

FIRST = """\

Start-Date: 2026-11-23  04:40:33
Commandline: apt-get -y upgrade
Requested-By: admin (1000)
Install: new:amd64 (1.0-1, automatic), linux-image-6.1.0-29-cloud-amd64:amd64 (6.1.123-1)
Upgrade: libssl3:amd64 (3.0.15-1~deb12u1, 3.0.17-1~deb12u2), app:amd64 (1:1.0-1, 1:1.1-1)
Remove: old:i386 (1.0-1)
End-Date: 2026-11-23  04:40:59
"""
FIRST_RUN = Transaction(
    20261123044033,
    OK,
    "2026-11-23T04:40:33",
    "2026-11-23T04:40:59",
    command_line="apt-get -y upgrade",
    user_id=1000,
    items=(
        LogEntry(LogAction.INSTALLED, "new", "1.0-1", "amd64"),
        LogEntry(LogAction.INSTALLED, "linux-image-6.1.0-29-cloud-amd64", "6.1.123-1", "amd64"),
        LogEntry(LogAction.UPDATED, "libssl3", "3.0.17-1~deb12u2", "amd64"),
        LogEntry(LogAction.REPLACED, "libssl3", "3.0.15-1~deb12u1", "amd64"),
        LogEntry(LogAction.UPDATED, "app", "1:1.1-1", "amd64"),
        LogEntry(LogAction.REPLACED, "app", "1:1.0-1", "amd64"),
        LogEntry(LogAction.REMOVED, "old", "1.0-1", "i386"),
    ),
)
BEGUN = """\

Start-Date: 2026-11-23  05:00:00
Commandline: apt-get -y install app
Install: app:amd64 (1.0-1)
"""
BEGUN_RUN = Transaction(
    20261123050000,
    UNFINISHED,
    "2026-11-23T05:00:00",
    command_line="apt-get -y install app",
    items=(LogEntry(LogAction.INSTALLED, "app", "1.0-1", "amd64"),),
)
END = "End-Date: 2026-11-23  05:00:09\n"


class Machine:
    def __init__(self, path):
        self.root = Root(str(path))
        self.log = path / "var/log/apt/history.log"
        self.log.parent.mkdir(parents=True)

    def append(self, text):
        with self.log.open("a") as file:
            file.write(text)

    def read(self, since=None):
        found = apthistory.read(self.root, since)
        assert (found.source, found.gap) == ("apt-history", False)
        return found


@pytest.fixture
def machine(tmp_path):
    return Machine(tmp_path)


def told(history):
    return history.standing, history.transactions, history.unfinished


def test_without_a_history_nothing_is_there_and_all_of_a_later_one_is_new(machine):
    before = machine.read()
    reason = f"{machine.log} does not exist"
    assert before == History(Standing.ABSENT, reason, "apt-history", cursor=NOWHERE)
    machine.append(FIRST)
    assert told(machine.read(before)) == (Standing.OK, (FIRST_RUN,), ())


def test_the_first_look_lists_nothing_and_the_next_what_came(machine):
    machine.append(BEGUN + END)
    before = machine.read()
    assert told(before) == (Standing.OK, (), ())
    machine.append(FIRST)
    after = machine.read(before)
    assert told(after) == (Standing.OK, (FIRST_RUN,), ())
    assert told(machine.read(after)) == (Standing.OK, (), ())


def test_a_run_without_its_end_is_listed_once_and_again_when_it_has_ended(machine):
    before = machine.read()
    machine.append(FIRST + BEGUN)
    during = machine.read(before)
    assert told(during) == (Standing.OK, (FIRST_RUN, BEGUN_RUN), ("run 20261123050000",))
    still = machine.read(during)
    assert told(still) == (Standing.OK, (), ("run 20261123050000",))
    machine.append(END)
    ended = Transaction(
        **{**vars(BEGUN_RUN), "state": OK, "ended_at": "2026-11-23T05:00:09"},
    )
    assert told(machine.read(still)) == (Standing.OK, (ended,), ())


def test_a_run_that_never_ended_is_no_evidence_behind_a_later_one(machine):
    machine.append(BEGUN)
    before = machine.read()
    assert told(before) == (Standing.OK, (), ("run 20261123050000",))
    machine.append(FIRST)
    assert told(machine.read(before)) == (Standing.OK, (FIRST_RUN,), ())


def test_the_end_of_a_rotated_log_is_read(machine):
    before = machine.read()
    machine.append(FIRST)
    seen = machine.read(before)
    machine.append(BEGUN + END)
    machine.log.rename(machine.log.with_name("history.log.1"))
    ended = Transaction(
        **{**vars(BEGUN_RUN), "state": OK, "ended_at": "2026-11-23T05:00:09"},
    )
    assert told(machine.read(seen)) == (Standing.OK, (ended,), ())


def test_a_log_that_cannot_be_read_keeps_its_place(machine):
    machine.append(BEGUN)
    before = machine.read()
    machine.log.rename(machine.log.with_name("history.log.1"))
    machine.log.mkdir()
    found = machine.read(before)
    assert (told(found), found.cursor) == (
        (Standing.UNKNOWN, (), ("run 20261123050000",)),
        before.cursor,
    )


@pytest.mark.parametrize(
    ("line", "items"),
    [
        ("Downgrade: a:amd64 (1.1, 1.0)", [("downgraded", "1.0"), ("replaced", "1.1")]),
        ("Reinstall: a:amd64 (1.0)", [("reinstalled", "1.0")]),
        ("Purge: a:amd64 (1.0)", [("removed", "1.0")]),
        ("Purge: a:amd64 ()", [("removed", "")]),
        ("Disappeared: a:amd64 (1.0)", [("removed", "1.0")]),
        ("Disappeared: a:amd64", [("removed", "")]),
    ],
)
def test_every_list_has_its_action(line, items):
    run = apthistory.transaction([b"Start-Date: 2026-11-23  04:40:33", line.encode()])
    assert run.items == tuple(
        LogEntry(LogAction(action), "a", evr, "amd64") for action, evr in items
    )
    assert run.errors == ()


def test_an_error_and_a_list_that_cannot_be_read_are_told(machine):
    run = apthistory.transaction(
        [
            b"Start-Date: yesterday",
            b"Requested-By: nobody",
            b"Install: a:amd64 (1.0), ?! (",
            b"\xff\xfe",
            b"Error: Sub-process /usr/bin/dpkg returned an error code (1)",
            b"End-Date: 2026-11-23  04:40:59",
        ]
    )
    assert run == Transaction(
        0,
        FAILED,
        ended_at="2026-11-23T04:40:59",
        items=(
            LogEntry(LogAction.INSTALLED, "a", "1.0", "amd64"),
            LogEntry(LogAction.INSTALLED, "?!"),
        ),
        errors=(
            "packages that cannot be read: 'a:amd64 (1.0), ?! ('",
            "Sub-process /usr/bin/dpkg returned an error code (1)",
        ),
    )
