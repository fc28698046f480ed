"""Who is asked how the machine went down: wtmp, and the journal where that does not know."""

from __future__ import annotations

import json

import pytest
from support.wtmp import booted, shut_down

from hookd.core.readings import Boot, Standing, WentDown
from hookd.system import went_down
from hookd.system.process.command import Completed
from hookd.system.root import Root

T = 1795500000.0
NOW, BEFORE = Boot(boot_id="b-2", btime=int(T)), Boot(boot_id="b-1")
ABSENT = WentDown(Standing.ABSENT, "/var/log/wtmp does not exist")
CRASH = json.dumps({"_PID": "812", "MESSAGE": "GET / 200"}).encode()
SILENT = WentDown(Standing.UNKNOWN, "journalctl exited 1")
CLEAN = WentDown(clean=True, down_s=40.0, boots=(T - 900, T))
ALONE = WentDown(Standing.UNKNOWN, "wtmp begins with this boot", boots=(T,))


def tells(argv, **_more):
    return Completed(tuple(argv), 0, CRASH)


def fails(argv, **_more):
    return Completed(tuple(argv), 1)


def refuse(argv, **_more):
    raise AssertionError(f"nobody should ask {argv}")


@pytest.fixture
def root(tmp_path):
    (tmp_path / "var/log/journal" / ("ab" * 16)).mkdir(parents=True)
    return Root(str(tmp_path))


def records(root, *data):
    with open(root.join("/var/log/wtmp"), "wb") as file:
        file.write(b"".join(data))


def test_wtmp_is_asked_first(root):
    records(root, booted(T - 900), shut_down(T - 40), booted(T))
    assert went_down.read(root, refuse, NOW, BEFORE) == CLEAN


def test_where_there_is_none_the_journal_is(root):
    assert went_down.read(root, tells, NOW, BEFORE) == WentDown(clean=False)


def test_where_it_was_rotated_the_journal_is_and_the_boots_are_kept(root):
    records(root, booted(T))
    found = went_down.read(root, tells, NOW, BEFORE)
    assert found == WentDown(clean=False, boots=(T,))


def test_a_journal_that_fails_is_told_of(root):
    assert went_down.read(root, fails, NOW, BEFORE) == SILENT


@pytest.mark.parametrize(
    ("now", "before"),
    [(NOW, NOW), (NOW, None), (NOW, Boot()), (Boot(btime=int(T)), BEFORE)],
    ids=["the same boot", "the first look", "of a boot without an id", "in one without"],
)
def test_the_journal_is_asked_once_a_boot(root, now, before):
    assert went_down.read(root, refuse, now, before) == ABSENT


def test_a_journal_that_is_not_kept_changes_nothing(tmp_path):
    root = Root(str(tmp_path))
    assert went_down.read(root, refuse, NOW, BEFORE) == ABSENT
    (tmp_path / "var/log").mkdir(parents=True)
    records(root, booted(T))
    assert went_down.read(root, refuse, NOW, BEFORE) == ALONE
