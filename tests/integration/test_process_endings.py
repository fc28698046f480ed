"""How a hook's end is told: exit codes, signals, limits, interruptions, and what it is given."""

from __future__ import annotations

import json
import os
import pathlib
import re
import resource
import signal
import subprocess
import sys
import textwrap
import time

import pytest
from support.hooks import PATH, Bench, collect_children, is_alive

from hookd.core.model import HookOutcome, Stream
from hookd.system.clock import up_s
from hookd.system.process.children import Children
from hookd.system.process.running import Ended

TESTS = pathlib.Path(__file__).parents[1]
LIMIT_S = 1.5  # long enough for a shell to get as far as its trap on a machine that is busy
LATE = "timed out after 1.5 s"


@pytest.fixture(name="bench")
def _bench(tmp_path):
    with Children() as children:
        bench = Bench(tmp_path, children)
        yield bench
        bench.clean()
    collect_children()


def told(ended: Ended):
    return ended.outcome, ended.exit_code, ended.signal, ended.reason


@pytest.mark.parametrize("code", [1, 2, 75, 77, 126, 127, 137, 168, 169, 194, 255])
def test_any_exit_code_but_0_is_a_failure_with_that_code(bench, code):
    assert told(bench.run(f"exit {code}")) == (HookOutcome.FAILED, code, None, "")


def test_exit_code_0_passes_and_costs_are_counted(bench):
    ended = bench.run("exit 0")
    assert told(ended) == (HookOutcome.PASSED, 0, None, "")
    assert (ended.stdout, ended.stderr, ended.left_running) == (Stream(), Stream(), ())
    assert 0 < ended.duration_s < 15
    assert 0 <= ended.cpu_s < 5
    assert ended.max_rss_kb == 0  # not more than our own


def test_the_memory_of_a_hook_is_told_when_it_is_more_than_ours(bench):
    ours_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    many_kb = ours_kb + (64 << 10)
    ended = bench.run(f"exec {sys.executable} -c 'bytearray({many_kb << 10})'")
    assert many_kb < ended.max_rss_kb < many_kb + (64 << 10)


@pytest.mark.parametrize("name", ["SIGKILL", "SIGSEGV", "SIGTERM", "SIGPIPE"])
def test_death_by_a_signal_is_told_by_name(bench, name):
    ended = bench.run(f"kill -{name[3:]} $$")
    assert told(ended) == (HookOutcome.FAILED, None, name, f"ended by {name}")


def test_death_by_a_real_time_signal_is_told(bench):
    number = signal.SIGRTMIN + 3
    assert bench.run(f"kill -{number} $$").signal == "SIGRTMIN+3"


def test_a_hook_that_takes_too_long_gets_term(bench):
    ended = bench.run("exec sleep 30", timeout_s=LIMIT_S)
    assert told(ended) == (HookOutcome.TIMED_OUT, None, "SIGTERM", LATE)
    assert LIMIT_S <= ended.duration_s < 15


def test_a_hook_that_cleans_up_after_term_has_timed_out_all_the_same(bench):
    ended = bench.run("trap 'echo tidy; exit 0' TERM; sleep 30", timeout_s=LIMIT_S)
    assert told(ended) == (HookOutcome.TIMED_OUT, 0, None, LATE)
    assert ended.stdout.head == "tidy\n"


def test_what_was_started_after_term_gets_term_too(bench):
    script = "trap 'sleep 30 & exit 0' TERM; while :; do sleep 0.05; done"
    ended = bench.run(script, timeout_s=LIMIT_S, grace_s=20)
    assert told(ended) == (HookOutcome.TIMED_OUT, 0, None, LATE)
    assert ended.left_running == ()


def test_a_hook_that_ignores_term_is_killed_after_the_grace(bench):
    ended = bench.run("trap '' TERM; sleep 30; sleep 30", timeout_s=LIMIT_S, grace_s=0.2)
    reason = f"{LATE}; still there 0.2 s after SIGTERM, so killed"
    assert told(ended) == (HookOutcome.TIMED_OUT, None, "SIGKILL", reason)
    assert ended.duration_s < 15


def test_a_hook_that_stopped_itself_is_woken_by_its_end(bench):
    ended = bench.run("kill -STOP $$", timeout_s=LIMIT_S)
    assert told(ended) == (HookOutcome.TIMED_OUT, None, "SIGTERM", LATE)


def test_a_stopped_hook_that_ignores_term_is_killed(bench):
    script = "trap '' TERM; while :; do kill -STOP $$; done"
    ended = bench.run(script, timeout_s=LIMIT_S, grace_s=0.1)
    assert (ended.outcome, ended.signal) == (HookOutcome.TIMED_OUT, "SIGKILL")


def test_the_deadline_ends_the_running_and_starts_no_more(bench):
    starts = [bench.start("exec sleep 30"), bench.start("exit 0")]
    first, second = bench.group(starts, deadline=up_s() + LIMIT_S)
    assert (first.outcome, first.signal) == (HookOutcome.TIMED_OUT, "SIGTERM")
    after = re.fullmatch(r"the deadline came after (\d\.\d) s", first.reason)
    assert after
    assert 0 < float(after.group(1)) <= LIMIT_S
    assert second is None


def test_a_reason_to_stop_ends_the_running_and_starts_no_more(bench):
    came = []
    before = signal.signal(signal.SIGUSR1, lambda *_: came.append("cancelled by a person"))
    try:
        starts = [bench.start("kill -USR1 $PPID; exec sleep 30"), bench.start("exit 0")]
        began = time.monotonic()
        first, second = bench.group(starts, stop=lambda: came[0] if came else None)
    finally:
        signal.signal(signal.SIGUSR1, before)
    expected = (HookOutcome.INTERRUPTED, None, "SIGTERM", "cancelled by a person")
    assert told(first) == expected
    assert second is None
    assert time.monotonic() - began < 15


def test_a_failure_of_our_own_ends_the_hook_and_is_raised(bench):
    pids = []

    def fail(_index, pid, _started, _cgroup):
        pids.append(pid)
        raise RuntimeError("no journal")

    with pytest.raises(RuntimeError, match="no journal"):
        bench.group([bench.start("exec sleep 30")], on_spawned=fail)
    assert not is_alive(pids[0])


def test_a_lost_exit_status_is_a_failure(bench):
    def steal(_index, pid, _started, _cgroup):
        os.waitpid(pid, 0)

    (ended,) = bench.group([bench.start("exit 0")], on_spawned=steal)
    assert told(ended) == (HookOutcome.FAILED, None, None, "exit status lost")


def test_a_lost_exit_status_among_others_is_a_failure(bench):
    def steal(index, pid, _started, _cgroup):
        if index == 1:
            os.waitpid(pid, 0)

    starts = [bench.start("exec sleep 0.2"), bench.start("exit 0")]
    kept, lost = bench.group(starts, max_parallel=2, on_spawned=steal)
    assert told(kept) == (HookOutcome.PASSED, 0, None, "")
    assert told(lost) == (HookOutcome.FAILED, None, None, "exit status lost")


def test_a_hook_gets_its_environment_folder_and_an_empty_stdin(bench):
    start = bench.start("pwd; cat; env | grep -v -e ^PWD= -e ^SHLVL= -e ^_= | sort")
    (ended,) = bench.group([start])
    assert ended.stdout.head == (f"{bench.folder}\nHOOKD_HOOK={start.token}\nPATH={PATH}\n")


def test_a_hook_leads_a_session_of_its_own(bench):
    pids = []
    start = bench.start("cut -d' ' -f6 /proc/$$/stat")
    (ended,) = bench.group([start], on_spawned=lambda _index, pid, *_: pids.append(pid))
    assert ended.stdout.head == f"{pids[0]}\n"


def test_a_hook_gets_no_descriptor_of_ours(tmp_path):
    leaky, other = os.pipe()
    os.set_inheritable(leaky, True)
    try:
        with Children() as children:
            bench = Bench(tmp_path, children)
            starts = [bench.start("ls /proc/self/fd") for _ in range(3)]
            said = [ended.stdout.head for ended in bench.group(starts, max_parallel=3)]
    finally:
        os.close(leaky)
        os.close(other)
    assert said == ["0\n1\n2\n3\n"] * 3  # 3 is the directory that ls reads


def test_our_own_folder_is_what_it_was(bench):
    before = os.getcwd()
    bench.run("exit 0", cwd="/")
    bench.run("exit 0", cwd="/nowhere")
    assert os.getcwd() == before


HOSTILE_PARENT = textwrap.dedent("""
    import json, signal, sys
    from support.hooks import Bench
    from hookd.system.process.children import Children
    import pathlib
    with Children() as children:
        bench = Bench(pathlib.Path(sys.argv[1]), children)
        script = "grep -hE '^Sig(Blk|Ign):' /proc/self/status; exit 3"
        said = bench.run(script)
        late = bench.run("exec sleep 30", timeout_s=1.0)
    masks = [int(line.split()[1], 16) & 0x7FFFFFFF for line in said.stdout.head.splitlines()]
    print(json.dumps([said.outcome, said.exit_code, masks, late.signal]))
""")


def _ignore_and_block():
    for number in (signal.SIGCHLD, signal.SIGPIPE, signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGCHLD, signal.SIGTERM, signal.SIGUSR1))


def test_a_caller_that_ignores_and_blocks_signals_changes_nothing(tmp_path):
    helper = subprocess.run(
        [sys.executable, "-c", HOSTILE_PARENT, str(tmp_path)],
        env={**os.environ, "PYTHONPATH": f"{TESTS.parent}:{TESTS}"},
        capture_output=True,
        preexec_fn=_ignore_and_block,
        timeout=30,
        check=False,
    )
    assert helper.stderr == b""
    assert json.loads(helper.stdout.decode()) == ["failed", 3, [0, 0], "SIGTERM"]


def test_leaving_gives_the_signals_back():
    def state():
        numbers = (signal.SIGCHLD, signal.SIGTERM, signal.SIGHUP, signal.SIGINT)
        wakeup = signal.set_wakeup_fd(-1)
        signal.set_wakeup_fd(wakeup)
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, ())
        return [signal.getsignal(number) for number in numbers], wakeup, mask

    before = state()
    old = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    with Children():
        assert signal.getsignal(signal.SIGHUP) != signal.SIG_IGN
    assert signal.signal(signal.SIGHUP, old) == signal.SIG_IGN
    assert state() == before
