"""Locks that say who holds them, and that nobody who is gone holds."""

from __future__ import annotations

import json
import os

import pytest

from hookd.system.lock import Holder, Lock, holder

ME = Holder("20261105T041807Z-7f3a", "post", 2, 4711, 9.25, "2026-11-05T04:18:07.123456Z")


@pytest.fixture
def path(tmp_path):
    return str(tmp_path / "lock")


@pytest.fixture
def lock(path):
    one = Lock(path)
    yield one
    one.release()


def test_a_lock_is_taken_once(lock, path):
    other = Lock(path)
    assert lock.take()
    assert not other.take()
    lock.release()
    assert other.take()
    other.release()


def test_who_has_it_may_take_it_again(lock):
    assert lock.take()
    assert lock.take()


def test_the_holder_says_who_it_is(lock, path):
    lock.take()
    lock.say(ME)
    assert holder(path) == ME
    assert str(holder(path)) == (
        "post of operation 20261105T041807Z-7f3a (pid 4711) since 2026-11-05T04:18:07.123456Z"
    )


def test_what_was_said_last_counts(lock, path):
    lock.take()
    lock.say(Holder("a" * 500, "pre", 1, 1, 0.0, ""))
    lock.say(ME)
    assert holder(path) == ME


def test_what_the_last_holder_said_is_no_longer_true(lock, path):
    lock.take()
    lock.say(ME)
    lock.release()
    assert holder(path) is None


def test_asking_takes_nothing(lock, path):
    lock.take()
    lock.release()
    assert holder(path) is None
    assert lock.take()


def test_without_the_file_nobody_holds_it(path):
    assert holder(path) is None
    assert not os.path.exists(path)


def test_a_holder_of_a_newer_hookd_is_known(lock, path):
    lock.take()
    value = {**vars(ME), "slot": "post", "since_boot": [1]}
    with open(path, "w", encoding="utf-8") as file:
        file.write(json.dumps(value))
    assert holder(path) == ME


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"{",
        b"[]",
        b"5",
        b"{}",
        b"\xff\xfe",
        b"[" * 4096,
        json.dumps({**vars(ME), "pid": "4711"}).encode(),
        json.dumps({**vars(ME), "phase": None}).encode(),
    ],
    ids=range(9),
)
def test_a_holder_that_says_nothing_sensible_is_not_known(lock, path, said):
    lock.take()
    with open(path, "wb") as file:
        file.write(said)
    assert holder(path) is None


def test_a_full_disk_does_not_keep_anybody_from_holding_it(lock):
    lock.take()
    full = os.open("/dev/full", os.O_WRONLY)
    os.dup2(full, lock._fd)
    os.close(full)
    lock.say(ME)


def test_a_link_is_no_lock(path, tmp_path):
    os.symlink("victim", path)
    with pytest.raises(OSError, match="symbolic links"):
        Lock(path).take()
    assert not os.path.exists(tmp_path / "victim")


def test_a_lock_lasts_as_long_as_its_block(path):
    other = Lock(path)
    with Lock(path) as lock:
        assert lock.take()
        assert not other.take()
    assert other.take()
    other.release()
