"""Writes that replace a file as a whole, directories with their mode, and reserved room."""

from __future__ import annotations

import os
import stat

import pytest

from hookd.system import durable


def mode_of(path):
    return stat.S_IMODE(os.stat(path).st_mode)


def test_a_file_is_written_whole_with_its_mode(tmp_path):
    path = tmp_path / "a"
    durable.write_file(str(path), b"one")
    assert (path.read_bytes(), mode_of(path), os.listdir(tmp_path)) == (b"one", 0o600, ["a"])


def test_a_file_is_replaced(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b"old")
    durable.write_file(str(path), b"new", mode=0o640)
    assert (path.read_bytes(), os.listdir(tmp_path)) == (b"new", ["a"])


def test_what_a_crash_left_behind_is_in_nobodys_way(tmp_path):
    path = tmp_path / "a"
    (tmp_path / "a.new").write_bytes(b"half of it")
    durable.write_file(str(path), b"new")
    assert (path.read_bytes(), os.listdir(tmp_path)) == (b"new", ["a"])


def test_a_link_in_the_way_is_not_written_through(tmp_path):
    (tmp_path / "victim").write_bytes(b"mine")
    os.symlink("victim", tmp_path / "a.new")
    os.symlink("victim", tmp_path / "a")
    durable.write_file(str(tmp_path / "a"), b"new")
    assert (tmp_path / "victim").read_bytes() == b"mine"
    assert not os.path.islink(tmp_path / "a")
    assert (tmp_path / "a").read_bytes() == b"new"


def test_a_directory_in_the_way_raises_and_leaves_nothing_behind(tmp_path):
    (tmp_path / "a").mkdir()
    with pytest.raises(IsADirectoryError):
        durable.write_file(str(tmp_path / "a"), b"new")
    assert os.listdir(tmp_path) == ["a"]


def test_a_missing_directory_raises(tmp_path):
    with pytest.raises(FileNotFoundError):
        durable.write_file(str(tmp_path / "no" / "a"), b"new")


def test_a_full_disk_raises():
    fd = os.open("/dev/full", os.O_WRONLY)
    try:
        with pytest.raises(OSError, match="No space left"):
            durable.write_all(fd, b"x")
    finally:
        os.close(fd)


def test_a_short_write_is_continued(tmp_path):
    reader, writer = os.pipe()
    try:
        durable.write_all(writer, b"x" * 60_000)
        assert len(os.read(reader, 100_000)) == 60_000
    finally:
        os.close(reader)
        os.close(writer)


def test_directories_have_their_mode_whatever_the_umask(tmp_path):
    old = os.umask(0o077)
    try:
        durable.make_directory(str(tmp_path / "a" / "b" / "c"), mode=0o711)
    finally:
        os.umask(old)
    modes = [mode_of(tmp_path / name) for name in ("a", "a/b", "a/b/c")]
    assert modes == [0o755, 0o755, 0o711]


def test_a_directory_that_is_there_stays_as_it_is(tmp_path):
    (tmp_path / "a").mkdir(mode=0o700)
    durable.make_directory(str(tmp_path / "a"), mode=0o711)
    assert mode_of(tmp_path / "a") == 0o700


def test_a_file_where_a_directory_belongs_raises(tmp_path):
    (tmp_path / "a").write_bytes(b"")
    with pytest.raises(OSError, match=r"exists|Not a directory"):
        durable.make_directory(str(tmp_path / "a" / "b"), mode=0o711)
    with pytest.raises(FileExistsError):
        durable.make_directory(str(tmp_path / "a"), mode=0o711)


@pytest.fixture
def log(tmp_path):
    fd = os.open(tmp_path / "log", os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
    yield fd
    os.close(fd)


SIZE = 1 << 20


def test_reserved_room_lies_beyond_the_end_and_can_be_given_back(log):
    os.write(log, b"one\n")
    why = durable.reserve(log, SIZE)
    if why:
        pytest.skip(f"fallocate: {why}")
    reserved = os.fstat(log)
    os.write(log, b"two\n")
    durable.release(log)
    released = os.fstat(log)
    assert (reserved.st_size, reserved.st_blocks * 512 >= SIZE) == (4, True)
    assert (released.st_size, released.st_blocks * 512 < SIZE) == (8, True)
    assert os.pread(log, 100, 0) == b"one\ntwo\n"


def test_room_that_cannot_be_reserved_is_told_and_no_failure():
    reader, writer = os.pipe()
    try:
        assert durable.reserve(writer, SIZE)
        durable.release(writer)
    finally:
        os.close(reader)
        os.close(writer)


def test_a_growing_file_is_seen_whole_or_not_at_all(tmp_path):
    path = tmp_path / "a"

    with durable.growing_file(str(path), mode=0o600) as file:
        file.write(b"one")
        assert not path.exists()
    assert (path.read_bytes(), os.stat(str(path)).st_mode & 0o777) == (b"one", 0o600)

    with pytest.raises(FileExistsError), durable.growing_file(str(path), mode=0o600) as file:
        file.write(b"two")
    with pytest.raises(ZeroDivisionError), durable.growing_file(str(tmp_path / "b"), mode=0o600):
        raise ZeroDivisionError
    assert (path.read_bytes(), os.listdir(str(tmp_path))) == (b"one", ["a"])
