"""A log is followed through growth, rotation and compression, and no line comes twice."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import lzma
import os
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hookd.core.readings import LogCursor, Standing
from hookd.system.packages.tail import LINE_CAP, NOWHERE, Tail, follow

PACKERS = {"gz": gzip.compress, "bz2": bz2.compress, "xz": lzma.compress}


class Log:
    """A log file whose writes and rotations get times that tell their order."""

    def __init__(self, directory):
        self.path = str(directory / "yum.log")
        self.clock = 1_600_000_000

    def append(self, text):
        with open(self.path, "ab") as file:
            file.write(text)
        self.touch(self.path)

    def rename(self, suffix):
        os.rename(self.path, self.path + suffix)

    def pack(self, suffix, kind):
        plain = self.path + suffix
        with open(plain, "rb") as file:
            packed = PACKERS[kind](file.read())
        stamp = os.stat(plain).st_mtime
        os.unlink(plain)
        with open(f"{plain}.{kind}", "wb") as file:
            file.write(packed)
        os.utime(f"{plain}.{kind}", (stamp, stamp))

    def touch(self, path):
        self.clock += 10
        os.utime(path, (self.clock, self.clock))


@pytest.fixture
def log(tmp_path):
    return Log(tmp_path)


def lines(tail):
    return [line.decode() for line in tail.lines]


def test_the_first_look_only_finds_the_end(log):
    log.append(b"one\ntwo\n")
    status = os.stat(log.path)
    assert follow(log.path, None) == Tail(
        cursor=LogCursor(
            status.st_dev, status.st_ino, 8, hashlib.sha256(b"one\ntwo\n").hexdigest()
        ),
        mtime=log.clock,
    )


def test_the_mark_covers_256_bytes(log):
    log.append(b"x" * 300 + b"\n")
    mark = hashlib.sha256(b"x" * 255 + b"\n").hexdigest()
    assert follow(log.path, None).cursor.tail_sha256 == mark


def test_each_new_line_comes_once(log):
    log.append(b"one\n")
    cursor = follow(log.path, None).cursor
    log.append(b"two\n\nthree\n")
    second = follow(log.path, cursor)
    assert (lines(second), second.gap, second.reason) == (["two", "", "three"], False, "")
    assert lines(follow(log.path, second.cursor)) == []


def test_a_line_that_is_still_being_written_is_left_for_later(log):
    log.append(b"one\ntw")
    first = follow(log.path, None)
    log.append(b"o\nthr")
    second = follow(log.path, first.cursor)
    log.append(b"ee\n")
    assert [lines(second), lines(follow(log.path, second.cursor))] == [["two"], ["three"]]


def test_a_missing_log_is_absent_and_all_its_lines_are_new_when_it_comes(log):
    first = follow(log.path, None)
    expected = Tail(Standing.ABSENT, f"{log.path} does not exist", cursor=NOWHERE)
    assert (first, follow(log.path, first.cursor)) == (expected, expected)
    log.append(b"one\ntwo\n")
    second = follow(log.path, first.cursor)
    assert (lines(second), second.gap) == (["one", "two"], False)


def test_a_log_whose_directory_is_missing_is_absent(tmp_path):
    assert follow(str(tmp_path / "no/yum.log"), None).standing is Standing.ABSENT


def test_an_empty_log_that_grows_is_read_from_its_start(log):
    log.append(b"")
    cursor = follow(log.path, None).cursor
    log.append(b"one\n")
    assert lines(follow(log.path, cursor)) == ["one"]


@pytest.mark.parametrize("suffix", [".1", "-20210101", "-2021-01-01", "-20210101-1609459200"])
def test_a_rotated_log_is_read_to_its_end_before_the_new_one(log, suffix):
    log.append(b"one\n")
    cursor = follow(log.path, None).cursor
    log.append(b"two\nlast without newline")
    log.rename(suffix)
    log.append(b"three\n")
    found = follow(log.path, cursor)
    assert (lines(found), found.gap) == (["two", "last without newline", "three"], False)
    assert lines(follow(log.path, found.cursor)) == []


@pytest.mark.parametrize("kind", sorted(PACKERS))
def test_a_packed_rotated_log_is_known_by_what_is_in_it(log, kind):
    log.append(b"one\n" * 1000)
    cursor = follow(log.path, None).cursor
    log.append(b"two\n")
    log.rename(".1")
    log.pack(".1", kind)
    log.append(b"three\n")
    found = follow(log.path, cursor)
    assert (lines(found), found.gap) == (["two", "three"], False)


def test_rotations_in_between_are_read_whole_in_the_order_of_their_age(log):
    log.append(b"zero\n")
    log.rename(".4")
    log.append(b"one\n")
    cursor = follow(log.path, None).cursor
    log.append(b"two\n")
    log.rename(".3")
    log.pack(".3", "gz")
    log.append(b"three\n")
    log.rename(".2")
    log.append(b"four\n")
    log.rename(".1")
    log.append(b"five\n")
    found = follow(log.path, cursor)
    assert (lines(found), found.gap) == (["two", "three", "four", "five"], False)


def test_rotations_within_one_clock_tick_are_ordered_by_their_numbers(log):
    log.append(b"one\n")
    cursor = follow(log.path, None).cursor
    for number, text in ((3, b"two\n"), (2, b"three\n"), (1, b"four\n")):
        log.append(text)
        log.rename(f".{number}")
        os.utime(f"{log.path}.{number}", (log.clock - number % 1, 1_600_000_000))
    log.append(b"five\n")
    assert lines(follow(log.path, cursor)) == ["two", "three", "four", "five"]


def test_a_log_rotated_and_not_written_since_is_read_to_its_end(log):
    log.append(b"one\n")
    cursor = follow(log.path, None).cursor
    log.append(b"two\n")
    log.rename("-20210101")
    found = follow(log.path, cursor)
    inode = os.stat(log.path + "-20210101").st_ino
    mark = hashlib.sha256(b"one\ntwo\n").hexdigest()
    end = LogCursor(cursor.device, inode, 8, mark)
    assert found == Tail(cursor=end, lines=(b"two",), mtime=log.clock)
    assert follow(log.path, found.cursor) == Tail(cursor=end, mtime=log.clock)
    log.append(b"three\n")
    log.rename("-20220101")
    log.append(b"four\n")
    assert lines(follow(log.path, found.cursor)) == ["three", "four"]


def test_a_log_that_is_gone_without_a_trace_is_absent_with_a_gap(log):
    log.append(b"one\n")
    cursor = follow(log.path, None).cursor
    os.unlink(log.path)
    assert follow(log.path, cursor) == Tail(
        Standing.ABSENT, f"{log.path} does not exist", cursor=NOWHERE, gap=True
    )


def test_a_truncated_log_is_read_from_its_start_with_a_gap(log):
    log.append(b"one\ntwo\n")
    cursor = follow(log.path, None).cursor
    os.truncate(log.path, 0)
    log.append(b"new\n")
    found = follow(log.path, cursor)
    assert (lines(found), found.gap, found.standing) == (["new"], True, Standing.OK)
    assert found.reason == (
        f"{log.path} does not hold the place where it was left, nor does a rotated log"
    )


def test_a_truncated_log_that_grew_beyond_the_old_place_is_noticed(log):
    log.append(b"one\n")
    cursor = follow(log.path, None).cursor
    os.truncate(log.path, 0)
    log.append(b"other\nlines\n")
    found = follow(log.path, cursor)
    assert (lines(found), found.gap) == (["other", "lines"], True)


def test_copytruncate_loses_nothing_as_long_as_the_copy_is_there(log):
    log.append(b"one\n")
    cursor = follow(log.path, None).cursor
    log.append(b"two\n")
    with open(log.path, "rb") as file, open(log.path + ".1", "wb") as copy:
        copy.write(file.read())
    log.touch(log.path + ".1")
    os.truncate(log.path, 0)
    log.append(b"three\n")
    found = follow(log.path, cursor)
    assert (lines(found), found.gap) == (["two", "three"], False)


def test_a_rotated_log_and_its_packed_copy_are_read_once(log):
    log.append(b"one\n")
    cursor = follow(log.path, None).cursor
    log.append(b"two\n")
    log.rename("-20210101")
    with open(log.path + "-20210101", "rb") as file, open(log.path + "-20210101.gz", "wb") as copy:
        copy.write(gzip.compress(file.read()))
    log.touch(log.path + "-20210101.gz")
    log.append(b"three\n")
    assert lines(follow(log.path, cursor)) == ["two", "three"]


def test_an_administrators_copy_is_no_rotated_log(log):
    log.append(b"one\n")
    cursor = follow(log.path, None).cursor
    log.append(b"two\n")
    log.rename("-20210101")
    with open(log.path + "-before-patching", "wb") as copy:
        copy.write(b"invented\n")
    log.touch(log.path + "-before-patching")
    log.append(b"three\n")
    assert lines(follow(log.path, cursor)) == ["two", "three"]


def test_a_device_number_that_changed_at_the_boot_does_not_matter(log):
    log.append(b"one\n")
    seen = follow(log.path, None).cursor
    log.append(b"two\n")
    cursor = LogCursor(seen.device + 7, seen.inode + 7, seen.offset, seen.tail_sha256)
    found = follow(log.path, cursor)
    assert (lines(found), found.gap) == (["two"], False)


def test_a_damaged_packed_log_is_a_gap_and_never_raises(log):
    log.append(b"one\n" * 9000)
    cursor = follow(log.path, None).cursor
    for number in range(9000):
        log.append(b"%d\n" % number) if number % 3000 == 0 else None
    log.rename(".1")
    log.pack(".1", "gz")
    with open(log.path + ".1.gz", "r+b") as file:
        file.truncate(os.path.getsize(log.path + ".1.gz") - 6)
    log.append(b"new\n")
    found = follow(log.path, cursor)
    assert (lines(found)[-1], found.gap) == ("new", True)


@pytest.mark.parametrize("make", ["directory", "fifo", "loop"])
def test_what_is_no_readable_file_is_unknown_and_keeps_the_place(log, make):
    log.append(b"one\n")
    cursor = follow(log.path, None).cursor
    os.unlink(log.path)
    if make == "directory":
        os.mkdir(log.path)
    elif make == "fifo":
        os.mkfifo(log.path)
    else:
        os.symlink(log.path, log.path)
    found = follow(log.path, cursor)
    assert (found.standing, found.cursor, found.lines) == (Standing.UNKNOWN, cursor, ())
    assert found.reason.startswith(log.path)


def test_only_the_youngest_lines_are_kept_beyond_the_bound(log):
    log.append(b"start\n")
    cursor = follow(log.path, None).cursor
    log.append(b"".join(b"%07d\n" % number for number in range(10_000)))
    found = follow(log.path, cursor, most=8000)
    assert found.gap
    assert found.reason == "only the youngest 8000 bytes of it were kept"
    assert lines(found) == [f"{number:07d}" for number in range(10_000 - len(found.lines), 10_000)]
    assert 50 < len(found.lines) < 1000


def test_an_endless_line_is_cut(log):
    log.append(b"start\n")
    cursor = follow(log.path, None).cursor
    log.append(b"x" * (3 * LINE_CAP) + b"\nlast\n")
    found = follow(log.path, cursor)
    assert found.lines == (b"x" * LINE_CAP, b"last")


def test_an_endless_line_without_an_end_does_not_stop_the_cursor(log):
    log.append(b"start\n")
    cursor = follow(log.path, None).cursor
    log.append(b"\0" * (3 * LINE_CAP))
    found = follow(log.path, cursor)
    assert (found.lines, found.cursor.offset) == ((b"\0" * LINE_CAP,), 6 + 3 * LINE_CAP)


def test_a_bomb_among_the_rotated_logs_is_stopped(log):
    log.append(b"one\n")
    cursor = follow(log.path, None).cursor
    with open(log.path, "ab") as file:
        file.truncate(64 * 1024 * 1024)
    log.rename(".1")
    log.pack(".1", "gz")
    log.append(b"new\n")
    began = time.process_time()
    found = follow(log.path, cursor, most=1024 * 1024)
    assert (lines(found)[-1], found.gap) == ("new", True)
    assert time.process_time() - began < 2


def test_an_old_log_of_any_size_costs_nothing(log):
    with open(log.path, "wb") as file:
        file.truncate(1 << 40)
        file.seek(0, os.SEEK_END)
        file.write(b"\nlast\n")
    began = time.process_time()
    cursor = follow(log.path, None).cursor
    log.append(b"new\n")
    assert lines(follow(log.path, cursor)) == ["new"]
    assert time.process_time() - began < 0.2


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(["write", "write part", "rotate", "pack", "look"]), max_size=25))
def test_whatever_happens_every_line_comes_once_and_in_order(tmp_path_factory, steps):
    log = Log(tmp_path_factory.mktemp("log"))
    log.append(b"start\n")
    cursor = follow(log.path, None).cursor
    written, seen, rotations, newline = 0, [], 0, True
    for step in [*steps, "write", "look"]:
        if step.startswith("write"):
            written += newline
            text = b"line %d" % written if newline else b""
            newline = step == "write"
            log.append(text + (b"\n" if newline else b""))
        elif step == "rotate" and os.path.exists(log.path) and newline:
            rotations += 1
            log.rename(f"-2021{rotations:04d}")
        elif step == "pack" and os.path.exists(f"{log.path}-2021{rotations:04d}"):
            log.pack(f"-2021{rotations:04d}", "gz")
        elif step == "look":
            found = follow(log.path, cursor)
            cursor = found.cursor
            seen += lines(found)
            assert not found.gap
    assert seen == [f"line {number}" for number in range(1, written + 1)]
