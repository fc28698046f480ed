"""The journal file: nothing that was recorded is lost, nothing is appended to a torn line."""

from __future__ import annotations

import os
import stat

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.journals import BOOT_1, events, opened

from hookd.core.journal import Noted, from_line, to_line
from hookd.system import journal
from hookd.system.journal import Journal, JournalUnwritable

ONE, TWO, THREE = Noted("a", "one"), Noted("b", "two"), Noted("c", "three")
LINES = [to_line(event) for event in events(opened(), ONE, TWO)]
UNKNOWN = b'{"n":4,"at":"","boot_id":"","up_s":0,"event":"hook-dreamt","of":[1,{"b":null}]}\n'


@pytest.fixture
def made(tmp_path):
    """Make a journal; whatever is open at the end is closed."""
    found = []

    def make():
        one = Journal(str(tmp_path / "journal.jsonl"), str(tmp_path / "run" / "x.jsonl"), BOOT_1)
        found.append(one)
        return one

    yield make
    for one in found:
        one.close()


def put(tmp_path, *lines):
    (tmp_path / "journal.jsonl").write_bytes(b"".join(lines))


def stored(tmp_path):
    return (tmp_path / "journal.jsonl").read_bytes()


def spilled(tmp_path, *lines):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "x.jsonl").write_bytes(b"".join(lines))


def bodies(found):
    return [event.body for event in found]


def numbers(found):
    return [event.n for event in found]


def test_a_new_journal_is_empty_and_roots_own(made, tmp_path):
    one = made()
    assert one.open() == journal.Read(())
    assert stat.S_IMODE((tmp_path / "journal.jsonl").stat().st_mode) == 0o600


def test_what_is_appended_stands_there_in_its_order(made, tmp_path):
    one = made()
    one.open()
    first = one.append(opened(), ONE)
    second = one.append(TWO)
    assert stored(tmp_path) == b"".join(map(to_line, (*first, *second)))
    assert bodies(first + second) == [opened(), ONE, TWO]
    assert (numbers(first + second), one.n, one.syncs) == ([1, 2, 3], 3, 2)
    assert [event.boot_id for event in first] == [BOOT_1, BOOT_1]


def test_events_that_go_together_share_one_moment_and_one_sync(made):
    one = made()
    one.open()
    found = one.append(opened(), ONE, TWO, THREE)
    assert len({(event.at, event.up_s) for event in found}) == 1
    one.append(ONE, sync=False)
    assert one.syncs == 1
    one.append()
    assert (one.syncs, one.n) == (2, 5)


def test_the_numbers_go_on_where_they_were(made, tmp_path):
    put(tmp_path, *LINES)
    one = made()
    assert numbers(one.open().events) == [1, 2, 3]
    assert numbers(one.append(THREE)) == [4]
    assert numbers(made().open().events) == [1, 2, 3, 4]


def test_a_torn_last_line_is_moved_aside(made, tmp_path):
    torn = LINES[2][:-7]
    put(tmp_path, *LINES[:2], torn)
    one = made()
    found = one.open()
    assert (bodies(found.events), found.torn, found.bad) == ([opened(), ONE], torn, ())
    assert stored(tmp_path) == b"".join(LINES[:2])
    assert (tmp_path / "journal.torn").read_bytes() == torn + b"\n"
    assert numbers(one.append(TWO)) == [3]
    assert bodies(made().open().events) == [opened(), ONE, TWO]


def test_every_torn_line_is_kept(made, tmp_path):
    for torn in (b"first", b"sec\0nd"):
        put(tmp_path, LINES[0], torn)
        made().open()
    assert (tmp_path / "journal.torn").read_bytes() == b"first\nsec\0nd\n"


def test_a_line_that_lacks_only_its_end_is_torn_as_well(made, tmp_path):
    put(tmp_path, LINES[0], LINES[1].rstrip(b"\n"))
    assert made().open().torn == LINES[1].rstrip(b"\n")


def test_garbage_in_the_middle_is_passed_over_told_and_kept(made, tmp_path):
    put(tmp_path, LINES[0], b"\0\xff\n", LINES[1], b"\n", b"[]\n", LINES[2])
    before = stored(tmp_path)
    one = made()
    found = one.open()
    assert (bodies(found.events), found.bad, found.torn) == ([opened(), ONE, TWO], (2, 4, 5), b"")
    assert stored(tmp_path) == before
    assert numbers(one.append(THREE)) == [4]


def test_an_event_of_a_newer_hookd_is_kept(made, tmp_path):
    put(tmp_path, *LINES, UNKNOWN)
    one = made()
    assert one.open().events[3].event == "hook-dreamt"
    assert numbers(one.append(THREE)) == [5]
    assert stored(tmp_path).splitlines(keepends=True)[3] == UNKNOWN


def test_what_was_spilled_is_merged_once(made, tmp_path):
    put(tmp_path, LINES[0])
    spilled(tmp_path, *LINES[1:], UNKNOWN)
    one = made()
    found = one.open()
    assert numbers(found.events) == [1, 2, 3, 4]
    assert stored(tmp_path) == b"".join((*LINES, UNKNOWN))
    assert os.listdir(tmp_path / "run") == []
    assert numbers(one.append(THREE)) == [5]
    assert numbers(made().open().events) == [1, 2, 3, 4, 5]


def test_what_stands_in_both_is_taken_once(made, tmp_path):
    put(tmp_path, *LINES[:2])
    spilled(tmp_path, *LINES[1:])
    assert numbers(made().open().events) == [1, 2, 3]
    assert stored(tmp_path) == b"".join(LINES)


def test_garbage_in_the_spill_is_told(made, tmp_path):
    put(tmp_path, LINES[0])
    spilled(tmp_path, b"?\n", LINES[1], b"half a li")
    found = made().open()
    assert (numbers(found.events), found.bad) == ([1, 2], (1,))


def full():
    return os.open("/dev/full", os.O_WRONLY)


def replace_descriptor(one, fd):
    """Let writes of `one` go to `fd` from now on, as if its disk had changed under it."""
    os.dup2(fd, one._fd)
    os.close(fd)


def test_on_a_full_disk_nothing_more_is_written(made, tmp_path):
    one = made()
    one.open()
    one.append(opened())
    replace_descriptor(one, full())
    with pytest.raises(JournalUnwritable, match="No space left"):
        one.append(ONE)
    assert (one.n, one.failed.endswith("No space left on device")) == (1, True)


def test_after_a_failed_sync_the_file_is_never_tried_again(made, tmp_path):
    one = made()
    one.open()
    one.append(opened())
    again = os.dup(one._fd)
    reader, writer = os.pipe()
    replace_descriptor(one, writer)  # a pipe takes the line, and cannot be synced
    with pytest.raises(JournalUnwritable, match="Invalid argument"):
        one.append(ONE)
    os.read(reader, 4096)
    os.close(reader)
    replace_descriptor(one, again)  # the disk is well again
    with pytest.raises(JournalUnwritable, match="Invalid argument"):
        one.append(ONE)
    with pytest.raises(JournalUnwritable, match="Invalid argument"):
        one.append(ONE, sync=False)
    assert stored(tmp_path).count(b"\n") == 1


def test_a_closed_journal_is_unwritable(made):
    one = made()
    one.open()
    one.close()
    with pytest.raises(JournalUnwritable, match="closed"):
        one.append(ONE)


def test_a_deleted_journal_is_unwritable(made, tmp_path):
    one = made()
    one.open()
    one.append(opened())
    (tmp_path / "journal.jsonl").unlink()
    with pytest.raises(JournalUnwritable, match="deleted"):
        one.append(ONE)


def test_what_cannot_be_written_is_spilled_and_comes_home(made, tmp_path):
    one = made()
    one.open()
    one.append(opened())
    replace_descriptor(one, full())
    with pytest.raises(JournalUnwritable):
        one.append(ONE)
    one.spill()
    assert numbers(one.append(ONE, TWO)) == [2, 3]
    one.close()
    assert stored(tmp_path).count(b"\n") == 1
    assert bodies(made().open().events) == [opened(), ONE, TWO]


def test_without_any_place_to_spill_the_engine_goes_on(made, tmp_path):
    put(tmp_path, LINES[0])
    (tmp_path / "run").write_bytes(b"a file where the directory belongs")
    one = made()
    one.open()
    one.spill()
    assert numbers(one.append(ONE)) == [2]
    assert numbers(one.append(TWO)) == [3]


def test_a_journal_that_cannot_be_opened_is_read_and_spilled(made, tmp_path):
    put(tmp_path, LINES[0], b"torn")
    spilled(tmp_path, LINES[1])
    one = made()
    found = one.open_spilling(OSError(30, "Read-only file system"))
    assert (numbers(found.events), found.torn) == ([1, 2], b"torn")
    assert one.failed.endswith("journal.jsonl: Read-only file system")
    assert numbers(one.append(TWO)) == [3]
    one.close()
    assert stored(tmp_path) == LINES[0] + b"torn"
    assert numbers(made().open().events) == [1, 2, 3]


def test_reserved_room_leaves_the_size_and_is_given_back(made, tmp_path):
    one = made()
    one.open()
    one.append(opened())
    size = os.stat(one.path).st_size
    why = one.reserve()
    if why:
        pytest.skip(f"fallocate: {why}")
    reserved = os.stat(one.path)
    assert (reserved.st_size, reserved.st_blocks * 512 >= 8 << 20) == (size, True)
    one.append(ONE)
    one.release()
    assert os.stat(one.path).st_blocks * 512 < 1 << 20
    assert bodies(made().open().events) == [opened(), ONE]


def test_a_link_is_no_journal(made, tmp_path):
    (tmp_path / "victim").write_bytes(b"mine")
    os.symlink("victim", tmp_path / "journal.jsonl")
    with pytest.raises(OSError, match="symbolic links"):
        made().open()
    assert (tmp_path / "victim").read_bytes() == b"mine"


def test_a_fifo_is_no_journal(made, tmp_path):
    os.mkfifo(tmp_path / "journal.jsonl")
    with pytest.raises(OSError, match="no regular file"):
        made().open()


def test_a_journal_too_long_to_be_read_is_not_cut(made, tmp_path):
    put(tmp_path, LINES[0])
    os.truncate(tmp_path / "journal.jsonl", (256 << 20) + 1)
    with pytest.raises(OSError, match="longer than"):
        made().open()
    assert os.stat(tmp_path / "journal.jsonl").st_size == (256 << 20) + 1


@pytest.mark.parametrize(
    ("present", "expected"),
    [
        ((), ()),
        ((1, 2, 3), ()),
        ((1, 4), (2, 3)),
        ((3,), (1, 2)),
        ((2, 2, 1), ()),
        ((-5, 0, 1), ()),
    ],
)
def test_the_numbers_that_no_event_has_are_missing(present, expected):
    assert journal.missing([from_line(with_number(n)) for n in present]) == expected


def with_number(n):
    return b'{"n":%d,"at":"","boot_id":"","up_s":0,"event":"noted","code":"","message":""}' % n


def test_a_number_out_of_this_world_costs_no_memory():
    found = journal.missing([from_line(with_number(n)) for n in (1, 10**18)])
    assert found[:3] == (2, 3, 4)
    assert len(found) <= 1000


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.binary(max_size=60), place=st.integers(0, len(b"".join(LINES))))
def test_whatever_stands_in_the_file_it_opens_and_takes_events(made, tmp_path, data, place):
    whole = b"".join(LINES)
    put(tmp_path, whole[:place], data, whole[place:])
    one = made()
    found = one.open()
    (event,) = one.append(THREE)
    one.close()
    again = made()
    assert again.open().events == (*found.events, from_line(to_line(event)))
    again.close()
