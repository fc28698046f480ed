"""`hookd doctor` as a process, and the locks of other processes that it sees."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys

import pytest
from support.fakeroot import FakeRoot

from hookd.doctor.table import QUESTIONS
from hookd.system.packages import locks

HOLD = """\
import fcntl, sys
file = open(sys.argv[1], "r+")
fcntl.lockf(file, fcntl.LOCK_EX)
print("held", flush=True)
sys.stdin.read()
"""


@contextlib.contextmanager
def _held(path):
    """Hold a record lock on `path` in another process; give its pid."""
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    try:
        assert holder.stdout.readline() == b"held\n"
        yield holder.pid
    finally:
        holder.communicate()


@pytest.fixture
def lock(tmp_path):
    path = tmp_path / ".rpm.lock"
    path.write_text("")
    return path


def test_a_record_lock_is_seen_and_not_taken(lock):
    paths = (str(lock), str(lock.parent / "gone"))
    with _held(lock) as pid:
        (found,) = locks.holders(paths, ())

    assert found.startswith(f"{lock} by pid {pid} (")
    assert locks.holders(paths, ()) == []


def test_a_pid_file_counts_while_its_process_lives(tmp_path):
    path = tmp_path / "yum.pid"
    seen = []
    for text in (str(os.getpid()), "4194305", "no number"):
        path.write_text(text)
        seen.append(len(locks.holders((), (str(path),))))

    assert seen == [1, 0, 0]


def test_doctor_tells_each_question_with_its_remedy_and_ends_by_the_failures(tmp_path):
    root = FakeRoot(tmp_path)
    good, _, _ = root.run("doctor")
    (root.path / "usr/bin").mkdir(parents=True)
    bad, text, _ = root.run("doctor")
    found = root.json("doctor")

    assert (good, bad) == (0, 1)
    assert [one["id"] for one in found] == list(QUESTIONS)
    assert set(found[0]) == {"id", "outcome", "expected", "found", "reason", "remedy"}
    assert text.splitlines()[0].split()[:2] == ["fail", "agent.present"]
    assert text.splitlines()[1].strip() == f"do: {QUESTIONS['agent.present'].remedy}"
    assert text.splitlines()[-1] == "1 failures, 2 warnings"  # no files of runs, no instance id
