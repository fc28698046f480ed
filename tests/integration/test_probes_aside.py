"""Probes in processes of their own: what hangs, breaks, babbles or dies costs its reading only."""

from __future__ import annotations

import json
import os
import pathlib
import signal
import subprocess
import sys
import time

import pytest

CHECKOUT = pathlib.Path(__file__).resolve().parents[2]

ASKING = """\
from __future__ import annotations
import fcntl, json, os, resource, signal, socket, sys, time
from hookd.core.codec import encode
from hookd.core.node import Crashes, Selinux
from hookd.core.readings import Standing
from hookd.system.process import aside, command
from hookd.system.process.aside import Question

ROOT = sys.argv[1]

def fine():
    return Selinux(mode="enforcing")

def ask(*probes, limit_s=0.5, failed=Selinux()):
    return aside.ask([Question(probe, failed, limit_s) for probe in probes])

def tell(readings):
    print(json.dumps([encode(one) for one in readings]))
"""
OK = {"standing": "ok", "reason": "", "mode": "enforcing"}


def unknown(reason):
    return {"standing": "unknown", "reason": reason, "mode": ""}


@pytest.fixture
def asking(tmp_path):
    """Return a function that runs Python lines in a process that asks, and what they tell."""

    def run(lines):
        argv = [sys.executable, "-c", ASKING + lines, str(tmp_path)]
        done = subprocess.run(
            argv,
            cwd=str(CHECKOUT),
            capture_output=True,
            timeout=60,
            check=False,
        )
        assert (done.returncode, done.stderr.decode()) == (0, "")
        return json.loads(done.stdout)

    return run


def processes_with(text):
    """Return who has `text` in its command line or environment, but for this process."""
    found = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{name}/cmdline", "rb") as file:
                data = file.read()
        except OSError:
            continue
        if text.encode() in data and int(name) != os.getpid():
            found.append(int(name))
    return found


BROKEN = {
    "a FIFO that nobody writes": (
        "os.mkfifo(ROOT + '/fifo')\ndef probe(): return open(ROOT + '/fifo')",
        "did not answer within 0.5 s",
    ),
    "one that is stopped": (
        "def probe(): os.kill(os.getpid(), signal.SIGSTOP)",
        "did not answer within 0.5 s",
    ),
    "one that ignores everything": (
        """
def probe():
    for number in signal.Signals:
        if number not in (signal.SIGKILL, signal.SIGSTOP):
            signal.signal(number, signal.SIG_IGN)
    time.sleep(60)
""",
        "did not answer within 0.5 s",
    ),
    "one that raises": (
        "def probe(): raise OSError(5, 'Input/output error')",
        "broke: OSError: [Errno 5] Input/output error",
    ),
    "one that takes all memory": (
        """
def probe():
    resource.setrlimit(resource.RLIMIT_AS, (1 << 28, 1 << 28))
    return Selinux(mode="x" * (1 << 29))
""",
        "broke: MemoryError: ",
    ),
    "one that kills itself": (
        "def probe(): os.kill(os.getpid(), signal.SIGKILL)",
        "was killed by SIGKILL",
    ),
    "one that leaves": ("def probe(): sys.exit(0)", "ended without an answer"),
    "one that ends at once": ("def probe(): os._exit(0)", "ended without an answer"),
    "one that answers something else": (
        "def probe(): return Selinux(mode=7)",
        "ended without an answer",
    ),
    "one that answers no reading": ("def probe(): return object()", "ended without an answer"),
    "one that never stops answering": (
        "def probe(): return Selinux(mode='x' * (9 << 20))",
        "answered more than 8 MiB",
    ),
}


@pytest.mark.parametrize(("probe", "why"), BROKEN.values(), ids=BROKEN)
def test_a_probe_without_an_answer_says_why_and_the_others_have_theirs(asking, probe, why):
    told = asking(f"{probe}\ntell(ask(fine, probe, fine)())")
    assert told == [OK, unknown(f"the probe {why}"), OK]


def test_an_answer_larger_than_any_pipe_comes_whole_though_it_is_waited_for_late(asking):
    lines = """
def large(): return Crashes(files=tuple(f"{n:05}" for n in range(650_000)))
collect = ask(large, large, failed=Crashes())
time.sleep(2.5)  # longer than its limit: it waits for us, not we for it
first, second = collect()
print(json.dumps([len(first.files), first.files[-1], first == second, first.reason]))
"""
    assert asking(lines) == [650_000, "649999", True, ""]


def test_all_are_asked_at_the_same_time(asking):
    lines = """
def slow():
    time.sleep(2)
    return fine()
began = time.monotonic()
readings = ask(*[slow] * 5, limit_s=20.0)()
print(json.dumps([[one.mode for one in readings], time.monotonic() - began < 9]))
"""
    assert asking(lines) == [["enforcing"] * 5, True]


def test_what_a_late_probe_has_started_goes_with_it_in_whatever_session(asking, tmp_path):
    lines = """
argv = ("tail", "-f", ROOT + "/endless")
open(argv[2], "w").close()
def probe():
    if os.fork() == 0:
        os.setsid()
    return command.run(argv, timeout_s=60)
tell(ask(probe, limit_s=2.0)())
"""
    assert asking(lines) == [unknown("the probe did not answer within 2 s")]
    assert processes_with(f"{tmp_path}/endless") == []


def test_no_child_of_an_asker_that_waited_is_left_and_none_is_a_zombie(asking):
    lines = """
def hangs(): time.sleep(60)
ask(fine, hangs, fine)()
try:
    os.waitpid(-1, os.WNOHANG)
    print("true")
except ChildProcessError:
    print("false")
"""
    assert asking(lines) is False


def test_a_probe_whose_asker_was_killed_ends_by_itself(tmp_path):
    """It cannot be waited for: a minute. What ends it then is there from its start."""
    lines = """
def hangs():
    left_s, _ = signal.getitimer(signal.ITIMER_REAL)
    open(ROOT + "/told", "w").write(json.dumps([os.getpid(), left_s]))
    os.rename(ROOT + "/told", ROOT + "/pid")
    time.sleep(60)
ask(hangs, limit_s=1.0)
while not os.path.exists(ROOT + "/pid"): time.sleep(0.01)
os.kill(os.getpid(), signal.SIGKILL)
"""
    argv = [sys.executable, "-c", ASKING + lines, str(tmp_path)]
    assert subprocess.run(argv, cwd=str(CHECKOUT), check=False).returncode == -signal.SIGKILL
    pid, left_s = json.loads((tmp_path / "pid").read_text())
    assert 0 < left_s <= 61.0
    os.kill(pid, signal.SIGALRM)
    until = time.monotonic() + 30
    while pid in processes_with(str(tmp_path)) and time.monotonic() < until:
        time.sleep(0.01)
    assert processes_with(str(tmp_path)) == []


def test_a_probe_holds_nothing_of_its_asker(asking):
    """Neither a lock nor a connection outlives its owner because a probe hangs."""
    lines = """
lock = open(ROOT + "/lock", "w")
fcntl.flock(lock, fcntl.LOCK_EX)
ours, theirs = socket.socketpair()
os.mkfifo(ROOT + "/began")
def hangs():
    open(ROOT + "/began", "w").close()
    time.sleep(60)
collect = ask(hangs, limit_s=5.0)
open(ROOT + "/began").close()
lock.close()
ours.close()
theirs.settimeout(3)
other = open(ROOT + "/lock", "w")
try:
    fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
    locked = False
except OSError:
    locked = True
print(json.dumps([locked, theirs.recv(1).decode()]))
"""
    assert asking(lines) == [False, ""]


def test_a_probe_has_no_handlers_no_output_and_a_session_of_its_own(asking):
    lines = """
signal.signal(signal.SIGTERM, lambda *_: None)
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP})
reading, writing = os.pipe()
os.set_blocking(writing, False)
signal.set_wakeup_fd(writing)
def probe():
    print("noise", flush=True)
    os.write(2, b"noise")
    found = {
        "handled": [n.name for n in signal.Signals if signal.getsignal(n) != signal.SIG_DFL],
        "blocked": sorted(signal.pthread_sigmask(signal.SIG_BLOCK, ())),
        "own session": os.getsid(0) == os.getpid(),
        "standard": [os.readlink(f"/proc/self/fd/{n}") for n in range(3)],
        "descriptors": len(os.listdir("/proc/self/fd")) - 1,
        "wakes": signal.set_wakeup_fd(-1),
        "commands": command.run(("false",), timeout_s=5).exit_code,
    }
    return Selinux(mode=json.dumps(found))
(told,) = ask(probe, limit_s=10.0)()
print(told.mode)
"""
    found = {
        "handled": [],
        "blocked": [],
        "own session": True,
        "standard": ["/dev/null"] * 3,
        "descriptors": 4,
        "wakes": -1,
        "commands": 1,
    }
    assert asking(lines) == found


def test_without_its_exit_status_an_answer_counts_and_its_absence_is_told(asking):
    lines = """
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
def dies(): os.kill(os.getpid(), signal.SIGKILL)
def hangs(): time.sleep(60)
tell(ask(fine, dies, hangs)())
"""
    assert asking(lines) == [
        OK,
        unknown("the probe ended without an answer"),
        unknown("the probe did not answer within 0.5 s"),
    ]


def test_where_no_process_can_be_started_that_is_the_reading(asking):
    lines = """
resource.setrlimit(resource.RLIMIT_NPROC, (0, 0))
if os.geteuid() == 0:
    os.setuid(65533)  # no limit holds for root
tell(ask(fine)())
"""
    reason = "the probe could not be asked: Resource temporarily unavailable"
    assert asking(lines) == [unknown(reason)]


def test_where_no_pipe_can_be_made_that_is_the_reading(asking):
    lines = """
resource.setrlimit(resource.RLIMIT_NOFILE, (3, 3))
tell(ask(fine)())
"""
    assert asking(lines) == [unknown("the probe could not be asked: Too many open files")]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may trace what is not its child")
def test_a_probe_that_will_not_die_is_left_behind(asking, tmp_path):
    """Killed, it cannot be collected while somebody traces it (ptrace(2)); as in D state."""
    tracer = tmp_path / "tracer.py"
    tracer.write_text(f"""
import ctypes, os, time
while not os.path.exists("{tmp_path}/pid"):
    time.sleep(0.01)
pid = int(open("{tmp_path}/pid").read())
seized = ctypes.CDLL(None, use_errno=True).ptrace(0x4206, pid, None, None)
os.rename("{tmp_path}/pid", "{tmp_path}/traced" if seized == 0 else "{tmp_path}/not-traced")
time.sleep(60)
""")
    lines = """
import subprocess
tracer = subprocess.Popen([sys.executable, ROOT + "/tracer.py"])
def probe():
    open(ROOT + "/new", "w").write(str(os.getpid()))
    os.rename(ROOT + "/new", ROOT + "/pid")
    time.sleep(60)
collect = ask(fine, probe, limit_s=3.0)
while not os.path.exists(ROOT + "/traced"):
    time.sleep(0.01)
began = time.monotonic()
readings = collect()
took = time.monotonic() - began
tracer.kill()
tracer.wait()
print(json.dumps([[encode(one) for one in readings], took < 20, os.wait()[1]]))
"""
    (first, second), was_soon, status = asking(lines)
    assert first == OK
    assert second == unknown("the probe did not answer within 3 s and will not die")
    assert (was_soon, status) == (True, signal.SIGKILL)


def test_a_probe_that_is_left_behind_is_no_leftover_of_the_next_hook(asking, tmp_path):
    hook = tmp_path / "hook"
    hook.write_text("#!/bin/sh\nexit 0\n")
    hook.chmod(0o755)
    lines = """
from hookd.system.process.children import Children
from hookd.system.process.spawn import Start
start = Start(
    (ROOT + "/hook",), "/", {"HOOKD_HOOK": "token", "PATH": "/bin"}, "token",
    10.0, 1.0, ROOT + "/out", ROOT + "/err", 1000,
)
def hangs(): time.sleep(60)
with Children() as children:
    collect = ask(hangs, limit_s=30.0)  # never collected: as if it would not die
    began = time.monotonic()
    (ended,) = children.run([start])
    took = time.monotonic() - began
print(json.dumps([ended.exit_code, ended.left_running, took < 5]))
os.killpg(int(collect.__closure__[0].cell_contents[0].pid), signal.SIGKILL)
"""
    assert asking(lines) == [0, [], True]
