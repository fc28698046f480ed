"""A process that is stopped while it has a lock that is held for a moment only."""

from __future__ import annotations

import fcntl
import os
import signal
import time

import pytest
from support.faults import FaultRoot, end_all, wait_for

from hookd.core.undo import outstanding
from hookd.system.process.table import read_process

RUN = ("--operation-id", "run-1")


@pytest.fixture(name="root")
def _root(tmp_path):
    root = FaultRoot(tmp_path / "root")
    root.hook("pre/30-leave", "exit 0\n")
    root.hook("on-exit/70-join", 'echo done > "$HOOKD_ROOT/undone"\n', undoes="pre/30-leave")
    yield root
    end_all(str(tmp_path))


@pytest.fixture(name="stopped")
def _stopped():
    """Return `stopped(path)`: the pid of a process that has the lock there and is stopped."""
    pids = []

    def take(path):
        pid = os.fork()
        if pid == 0:
            fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
            fcntl.flock(fd, fcntl.LOCK_EX)
            os.kill(os.getpid(), signal.SIGSTOP)
            os._exit(0)
        pids.append(pid)
        wait_for(lambda: read_process(pid).state == "T")
        return pid

    yield take
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def busy(pid, path):
    return (
        f"hookd: busy: pid {pid} has {path} and is stopped\n"
        f"  `kill -CONT {pid}` lets it go on, `kill -KILL {pid}` ends it\n"
    )


@pytest.mark.parametrize("phase", ["pre", "post", "on-exit"])
def test_every_phase_waits_within_its_deadline_and_names_who_has_the_lock(root, stopped, phase):
    assert root.hookd("run", "pre", *RUN).code == 0
    path = root.state / "lock"
    pid = stopped(path)
    done = root.hookd("run", phase, *RUN, "--deadline", "2s", timeout=30)
    assert (done.code, done.err) == (75, busy(pid, path))
    assert not (root.path / "undone").exists()


def test_a_call_goes_on_when_the_stopped_one_does(root, stopped):
    assert root.hookd("run", "pre", *RUN).code == 0
    pid = stopped(root.state / "lock")
    call = root.start("run", "post", *RUN, "-v", stderr=-1)
    said = [call.stderr.readline() for _ in range(1)]
    os.kill(pid, signal.SIGCONT)
    _, err = call.communicate(timeout=30)
    assert said == [f"busy: pid {pid} has {root.state}/lock and is stopped\n".encode()]
    assert (call.returncode, b"busy" in err) == (0, False), err


def test_recovery_needs_no_lock_of_those_who_choose_and_goes_on(root, stopped):
    assert root.hookd("run", "pre", *RUN).code == 0
    stopped(root.state / "lock")
    done = root.hookd("recover", timeout=40)
    assert done.code == 1, done
    assert (root.path / "undone").read_text() == "done\n"
    assert not root.operation().is_open
    assert outstanding(root.operation()) == ()


def test_what_a_stopped_look_at_a_boot_holds_up_is_told(root, stopped):
    assert root.hookd("run", "pre", *RUN).code == 0
    path = root.folder() / "lock"
    pid = stopped(path)
    done = root.hookd("run", "on-exit", *RUN, "--deadline", "2s", timeout=30)
    assert (done.code, done.err) == (75, busy(pid, path))


def test_a_call_that_is_ended_while_it_waits_ends(root, stopped):
    assert root.hookd("run", "pre", *RUN).code == 0
    stopped(root.state / "lock")
    call = root.start("run", "post", *RUN, "-v", stderr=-1)
    call.stderr.readline()
    began = time.monotonic()
    call.terminate()
    _, err = call.communicate(timeout=30)
    assert (call.returncode, err) == (130, b"hookd: cancelled by SIGTERM\n")
    assert time.monotonic() - began < 20
