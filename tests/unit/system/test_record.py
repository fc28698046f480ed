"""An operation while it is written: always the fold of what was recorded, snapshots included."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import zlib
from dataclasses import replace

import pytest
from support.journals import BOOT_1, ID, events, opened, started

from hookd.core.codec import encode
from hookd.core.journal import Noted, Observed, SnapshotTaken, to_line
from hookd.core.readings import (
    Boot,
    History,
    Kernel,
    LogAction,
    LogEntry,
    PackageLog,
    PackageSet,
    Transaction,
    TransactionState,
)
from hookd.core.snapshot import Snapshot
from hookd.system.journal import JournalUnwritable
from hookd.system.record import Record, merge_spilled, snapshots_of
from hookd.system.root import Root
from hookd.system.state import State

LOG = PackageLog(entries=(LogEntry(LogAction.UPDATED, "bash", "5.2-1", "x86_64"),))
HISTORY = History(last_id=7, transactions=(Transaction(7, TransactionState.OK),))
LOOK = Snapshot(
    "installed",
    "2026-11-05T04:18:07.123456Z",
    Boot(boot_id=BOOT_1),
    Kernel(running="4.14.214-160.339.amzn2.x86_64"),
    packages=(PackageSet(installed={"bash.x86_64": (("5.2-1", 1612490160),)}),),
    logs=(LOG,),
    histories=(HISTORY,),
    os="amzn 2",
)


@pytest.fixture
def state(tmp_path):
    one = State(Root(str(tmp_path)))
    one.prepare()
    one.make_operation(ID)
    return one


@pytest.fixture
def make(state):
    found = []

    def opened_record(*, may_spill=False):
        one = Record(state, ID, BOOT_1)
        one.may_spill = may_spill
        found.append(one)
        one.open()
        return one

    yield opened_record
    for one in found:
        one.close()


@pytest.fixture
def record(make):
    one = make()
    one.add(opened())
    return one


def break_disk(record):
    """From now on the record's disk is full."""
    fd = os.open("/dev/full", os.O_WRONLY)
    os.dup2(fd, record.journal._fd)
    os.close(fd)


def test_before_its_first_event_there_is_no_operation(make):
    with pytest.raises(ValueError, match="never opened"):
        make().operation  # noqa: B018 - asking is enough


def test_what_was_recorded_is_folded_and_stands_in_the_journal(record, state):
    record.add(started("pre"), Noted("a", "b"))
    assert record.operation.last_n == 3
    assert record.operation.notes == (Noted("a", "b"),)
    assert state.load(ID).phases == record.operation.phases


def test_who_listens_hears_every_event_with_the_operation_after_it(record):
    heard = []
    record.listener = lambda event, operation: heard.append((event.n, operation.last_n))
    record.add(started("pre"), Noted("a", "b"))
    assert heard == [(2, 2), (3, 3)]


def test_what_was_added_without_a_sync_can_be_made_durable(record):
    before = record.journal.syncs
    record.add(Noted("a", "b"), sync=False)
    record.sync()
    assert (record.journal.syncs, record.operation.last_n) == (before + 1, 2)


def test_without_leave_to_spill_a_full_disk_stops_it(record):
    break_disk(record)
    with pytest.raises(JournalUnwritable, match="No space left"):
        record.add(Noted("a", "b"))
    assert (record.operation.notes, record.is_lossy) == ((), False)


def test_with_leave_to_spill_it_goes_on_and_says_that_events_are_elsewhere(record, make, state):
    record.may_spill = True
    break_disk(record)
    record.add(Noted("a", "b"))
    lost = f"{state.journal_path(ID)}: No space left on device"
    assert record.operation.notes == (Noted("a", "b"),)
    assert record.operation.observed == {"journal.lost": lost}
    assert record.is_lossy
    record.close()
    assert state.load(ID) == record.operation
    again = make()
    assert not os.path.exists(state.spill_path(ID))
    assert again.operation == record.operation
    assert not again.is_lossy


def test_spilled_events_come_home_without_a_call(record, state):
    record.may_spill = True
    break_disk(record)
    record.add(Noted("a", "b"))
    record.close()
    merge_spilled(state, BOOT_1)
    assert state.spilled() == ()
    assert state.load(ID).notes == (Noted("a", "b"),)


def test_a_journal_that_cannot_be_opened_stops_all_but_who_may_spill(record, make, state):
    record.close()
    os.rename(state.journal_path(ID), state.journal_path(ID) + ".away")
    os.symlink("journal.jsonl.away", state.journal_path(ID))
    with pytest.raises(OSError, match="symbolic links"):
        make()
    assert make(may_spill=True).is_lossy


def test_a_torn_line_is_noted(record, make, state):
    record.close()
    with open(state.journal_path(ID), "ab") as file:
        file.write(b"half")
    again = make()
    message = "a torn last line of 4 bytes was set aside"
    assert again.operation.notes == (Noted("journal.torn", message),)
    assert again.operation.observed == {}
    assert make().operation == again.operation


@pytest.mark.parametrize(
    ("lines", "lost"),
    [
        ((0, None, 1, 2), "1 lines are no events (first: 2)"),
        ((0, 2), "1 events are missing (first: 2)"),
        ((0, None, 2), "1 lines are no events (first: 2); 1 events are missing (first: 2)"),
        ((0, *[None] * 7, 1), "7 lines are no events (first: 2, 3, 4, 5, 6)"),
    ],
)
def test_what_the_journal_lost_is_observed_once(make, state, lines, lost):
    good = list(map(to_line, events(opened(), started("pre"), Noted("a", "b"))))
    with open(state.journal_path(ID), "wb") as file:
        file.write(b"".join(b"\0\n" if n is None else good[n] for n in lines))
    first = make()
    assert first.operation.observed == {"journal.lost": lost}
    again = make()
    assert again.operation == first.operation


def test_a_snapshot_is_stored_before_it_is_named(record, state):
    taken = record.store(LOOK)
    assert record.operation.snapshots == {}
    with open(os.path.join(state.folder(ID), taken.file), "rb") as file:
        assert json.load(file) == encode(LOOK)
    record.add(taken)
    assert record.snapshots() == {"installed": LOOK}
    assert snapshots_of(state.load(ID), state.folder(ID)) == {"installed": LOOK}


def test_a_snapshot_that_cannot_be_a_file_goes_into_the_journal(record, state):
    os.rmdir(os.path.join(state.folder(ID), "snapshots"))
    taken = record.store(LOOK)
    assert (taken.file, taken.name) == ("", "installed")
    assert json.loads(zlib.decompress(base64.b64decode(taken.inline))) == encode(LOOK)
    record.add(taken)
    assert snapshots_of(state.load(ID), state.folder(ID)) == {"installed": LOOK}


def test_the_same_look_again_has_gained_nothing(record):
    record.add(record.store(LOOK), SnapshotTaken("leaving", same_as="installed"))
    leaving = replace(
        LOOK,
        name="leaving",
        logs=(replace(LOG, entries=()),),
        histories=(replace(HISTORY, transactions=()),),
    )
    assert record.snapshots() == {"installed": LOOK, "leaving": leaving}


def test_a_look_taken_anew_replaces_the_old_one(record, state):
    later = replace(LOOK, os="amzn 2023")
    record.add(record.store(replace(LOOK, name="leaving")), record.store(LOOK))
    assert record.snapshots()["leaving"].os == "amzn 2"
    record.add(record.store(later), SnapshotTaken("leaving", same_as="installed"))
    assert [one.os for one in record.snapshots().values()] == ["amzn 2023", "amzn 2023"]
    assert snapshots_of(state.load(ID), state.folder(ID)) == record.snapshots()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\0",
        b"{}",
        b"[" * 100_000,
        json.dumps({**encode(LOOK), "format": 2}).encode(),
        json.dumps({**encode(LOOK), "packages": 5}).encode(),
    ],
    ids=range(6),
)
def test_a_snapshot_that_tells_nothing_is_not_there(record, state, data):
    with open(os.path.join(state.folder(ID), "snapshots/installed.json"), "wb") as file:
        file.write(data)
    digest = hashlib.sha256(data).hexdigest()
    record.add(SnapshotTaken("installed", "snapshots/installed.json", digest))
    assert record.snapshots() == {}


def test_a_snapshot_that_is_not_the_one_that_was_stored_is_not_there(record, state):
    record.add(record.store(LOOK))
    with open(os.path.join(state.folder(ID), "snapshots/installed.json"), "a") as file:
        file.write(" ")
    assert snapshots_of(state.load(ID), state.folder(ID)) == {}


@pytest.mark.parametrize(
    "taken",
    [
        SnapshotTaken("installed", failed="it took too long"),
        SnapshotTaken("installed", same_as="before"),
        SnapshotTaken("installed", same_as="installed"),
        SnapshotTaken("installed", inline="no base64!", sha256="0"),
        SnapshotTaken("installed", inline="AAAA", sha256="0"),
        SnapshotTaken("installed", file="fifo", sha256="0"),
        SnapshotTaken("installed", file="no/such", sha256="0"),
    ],
    ids=range(7),
)
def test_a_snapshot_that_cannot_be_read_is_not_there(record, state, taken):
    os.mkfifo(os.path.join(state.folder(ID), "fifo"))
    record.add(taken)
    assert record.snapshots() == {}


def test_looks_stand_in_the_order_of_an_operations_life(record):
    for name in ("before", "installed", "leaving", "booted-2", "booted-10", "arrived"):
        record.add(record.store(replace(LOOK, name=name)))
    names = [look.name for look in record.ordered_snapshots()]
    assert names == ["before", "installed", "leaving", "booted-2", "booted-10", "arrived"]
    assert record.look_before("arrived").name == "booted-10"
    assert record.look_before("before") is None


def test_what_was_observed_is_there_for_the_next_reader(record, make):
    record.add(Observed("liveness", "alive"))
    assert make().operation.observed == {"liveness": "alive"}
