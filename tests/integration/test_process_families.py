"""What a hook leaves behind, what ends with it, and what belongs to whom."""

from __future__ import annotations

import os
import pathlib
import signal
import subprocess
import sys
import textwrap
import time

import pytest
from support.hooks import Bench, collect_children, command, is_alive, until_is, wait_for

from hookd.core.model import HookOutcome, Leftover
from hookd.system.process.children import Children
from hookd.system.process.family import end_leftovers
from hookd.system.process.table import read_process

TESTS = pathlib.Path(__file__).parents[1]
TOKEN = f"test-{os.getpid()}/of-its-own"  # other tests run on this machine as well
IS_SLEEP = until_is("sleep", "$(cat {0})")


@pytest.fixture(name="bench")
def _bench(tmp_path):
    with Children() as children:
        bench = Bench(tmp_path, children)
        yield bench
        bench.clean()
    collect_children()


@pytest.fixture(name="strangers")
def _strangers():
    """Start processes that are no hooks of ours; they and `pids` end with the test."""

    class Strangers:
        def __init__(self):
            self.pids = []
            self.begun = []

        def begin(self, *argv, **more):
            process = subprocess.Popen(argv, start_new_session=True, **more)
            self.begun.append(process)
            return process

    strangers = Strangers()
    yield strangers
    for pid in strangers.pids:
        if is_alive(pid):
            os.kill(pid, signal.SIGKILL)
    for process in strangers.begun:
        process.kill()
        process.wait()
        if process.stdout:
            process.stdout.close()


def pid_in(path) -> int:
    """Return the pid that a hook writes to `path`, once it is there."""
    return int(
        wait_for(lambda: path.exists() and path.read_text().endswith("\n") and path.read_text())
    )


def test_a_leftover_is_named_and_lives_on(bench, tmp_path):
    ended = bench.run("sleep 61 >/dev/null 2>&1 & echo $! >left; exit 0")
    pid = pid_in(tmp_path / "left")
    assert ended.outcome is HookOutcome.PASSED
    assert ended.left_running == (Leftover(pid, "sleep 61"),)
    assert is_alive(pid)


def test_a_leftover_that_holds_stdout_delays_nothing_and_can_go_on_writing(bench, tmp_path):
    writes = "until [ -e go ]; do sleep 0.1; echo x; done; sleep 0.1; echo y; echo z >done"
    ended = bench.run(f"({writes}) & echo $! >left")
    # besides it there may be its `sleep`, or what is just becoming one
    holders = {one.pid: one.holds_stdout for one in ended.left_running}
    assert (ended.outcome, holders[pid_in(tmp_path / "left")]) == (HookOutcome.PASSED, True)
    (tmp_path / "go").touch()
    wait_for((tmp_path / "done").exists)


def test_a_leftover_survives_the_engine_as_well(tmp_path):
    script = "(sleep 0.4; echo a; echo b; echo x >done) & echo $! >left"
    with Children() as children:
        Bench(tmp_path, children).run(script)
    wait_for((tmp_path / "done").exists)
    collect_children()


def test_a_daemon_that_keeps_stdout_is_named_and_delays_nothing(bench, tmp_path):
    script = "(setsid sh -c 'echo $$ >left; exec sleep 62' &) ; " + IS_SLEEP.format("left")
    began = time.monotonic()
    ended = bench.run(script)
    assert time.monotonic() - began < 15
    assert ended.left_running == (Leftover(pid_in(tmp_path / "left"), "sleep 62", True),)


def test_a_daemon_without_our_environment_is_named_too(bench, tmp_path):
    script = (
        "(env -i setsid sh -c 'echo $$ >left; exec sleep 63' >/dev/null 2>&1 &);"
    ) + IS_SLEEP.format("left")
    ended = bench.run(script)
    assert ended.left_running == (Leftover(pid_in(tmp_path / "left"), "sleep 63"),)


def test_a_pipeline_that_ends_a_moment_later_is_waited_for(bench):
    ended = bench.run("(while kill -0 $$; do :; done 2>/dev/null; echo late) & echo early")
    assert ended.stdout.head == "early\nlate\n"
    assert ended.left_running == ()


def test_a_leftover_is_not_blamed_on_the_next_hook(bench, tmp_path):
    first, second = bench.group(
        [bench.start("sleep 64 & echo $! >left"), bench.start("exec sleep 30", timeout_s=1.0)]
    )
    pid = pid_in(tmp_path / "left")
    assert [one.pid for one in first.left_running] == [pid]
    assert second.left_running == ()
    assert is_alive(pid)


@pytest.mark.parametrize(
    "start",
    [
        "sleep 65 & echo $! >child",
        "setsid sh -c 'echo $$ >child; exec sleep 65' &",
        "(setsid sh -c 'echo $$ >child; exec sleep 65' &)",
        "env -i setsid sh -c 'echo $$ >child; exec sleep 65' &",
        "(env -i setsid sh -c 'echo $$ >child; exec sleep 65' &)",
        "sh -c 'echo $$ >child; trap \"\" TERM; sleep 65; sleep 65' &",
        "env -i setsid sh -c 'echo $$ >child; trap \"\" TERM; sleep 65; sleep 65' &",
        "sh -c 'echo $$ >child; kill -STOP $$' &",
    ],
)
def test_at_the_limit_all_of_the_hook_ends(bench, tmp_path, start):
    ended = bench.run(start + "\nsleep 30", timeout_s=1.5, grace_s=0.2)
    assert (ended.outcome, ended.left_running) == (HookOutcome.TIMED_OUT, ())
    assert not is_alive(pid_in(tmp_path / "child"))


def test_children_get_their_grace_after_the_hook_itself_is_gone(bench, tmp_path):
    child = "sh -c 'trap \"sleep 0.15; echo tidy >tidy; exit\" TERM; echo x >up; sleep 65 & wait' &"
    script = child + "while [ ! -s up ]; do :; done; exec sleep 30"
    bench.run(script, timeout_s=1.5, grace_s=20.0)
    assert (tmp_path / "tidy").exists()


def test_orphans_of_parallel_hooks_are_not_confused(bench, tmp_path):
    orphan = "(setsid sh -c 'echo $$ >{0}; exec sleep 66' >/dev/null 2>&1 &);"
    starts = [
        bench.start((orphan + IS_SLEEP).format("keeps")),
        bench.start((orphan + IS_SLEEP + "sleep 30").format("hangs"), timeout_s=1.5),
    ]
    keeps, hangs = bench.group(starts, max_parallel=2)
    kept = pid_in(tmp_path / "keeps")
    assert (keeps.outcome, keeps.left_running) == (
        HookOutcome.PASSED,
        (Leftover(kept, "sleep 66"),),
    )
    assert (hangs.outcome, hangs.left_running) == (HookOutcome.TIMED_OUT, ())
    assert is_alive(kept)
    assert not is_alive(pid_in(tmp_path / "hangs"))


def test_parallel_hooks_run_at_the_same_time(bench):
    began = time.monotonic()
    ended = bench.group([bench.start("exec sleep 2") for _ in range(10)], max_parallel=10)
    assert [one.outcome for one in ended] == [HookOutcome.PASSED] * 10
    assert time.monotonic() - began < 15  # one after another takes 20 s


def test_no_more_run_at_the_same_time_than_allowed(bench):
    running, most = set(), []

    def spawned(index, *_):
        running.add(index)
        most.append(len(running))

    starts = [bench.start("exec sleep 0.05") for _ in range(6)]
    bench.group(
        starts,
        max_parallel=2,
        on_spawned=spawned,
        on_ended=lambda index, _ended: running.discard(index),
    )
    assert (max(most), len(most), running) == (2, 6, set())


ENGINE = textwrap.dedent("""
    import pathlib, sys
    from support.hooks import Bench
    from hookd.system.process.children import Children
    with Children() as children:
        bench = Bench(pathlib.Path(sys.argv[1]), children)
        start = bench.start(sys.argv[2])
        def spawned(_index, pid, started, _cgroup):
            print(start.token, pid, repr(started), flush=True)
        bench.group([start], on_spawned=spawned)
""")


@pytest.fixture(name="engine")
def _engine(tmp_path):
    """Run a script as the hook of another process, and return that process and the hook."""
    begun: list[subprocess.Popen] = []
    hooks: list[tuple[str, int, float]] = []

    def begin(script: str):
        process = subprocess.Popen(
            [sys.executable, "-c", ENGINE, str(tmp_path), script],
            env={**os.environ, "PYTHONPATH": f"{TESTS.parent}:{TESTS}"},
            stdout=subprocess.PIPE,
        )
        begun.append(process)
        token, pid, started = process.stdout.readline().decode().split()
        hooks.append((token, int(pid), float(started)))
        return process, hooks[-1]

    yield begin
    for process in begun:
        process.kill()
        process.wait()
        process.stdout.close()
    for token, pid, started in hooks:
        end_leftovers(token, pid, started, pid, 0.0)


def test_what_is_left_of_a_dead_engines_hook_is_found_and_ended(engine, tmp_path):
    script = (
        "(setsid sh -c 'echo $$ >orphan; trap \"\" TERM; sleep 67; sleep 67' &);"
        "env -i sh -c 'echo $$ >bare; exec sleep 68' &"
        + IS_SLEEP.format("bare")
        + "while [ ! -s orphan ]; do :; done; echo x >up; sleep 69"
    )
    process, (token, pid, started) = engine(script)
    wait_for((tmp_path / "up").exists)
    orphan, bare = pid_in(tmp_path / "orphan"), pid_in(tmp_path / "bare")
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert is_alive(pid)
    found = end_leftovers(token, pid, started, pid, 0.2)
    commands = {one.pid: one.command for one in found}
    assert commands[bare] == "sleep 68"
    assert {pid, orphan} < set(commands)
    assert "sleep 69" in commands.values()
    assert not any(is_alive(one) for one in commands)
    assert end_leftovers(token, pid, started, pid, 0.2) == ()


def test_orphans_are_found_by_token_when_the_hook_itself_is_gone(engine, tmp_path):
    process, (token, pid, started) = engine(
        "(setsid sh -c 'echo $$ >orphan; exec sleep 70' &);"
        + IS_SLEEP.format("orphan")
        + "echo x >up; exec sleep 71"
    )
    wait_for((tmp_path / "up").exists)
    process.send_signal(signal.SIGKILL)
    process.wait()
    os.kill(pid, signal.SIGKILL)
    wait_for(lambda: not is_alive(pid))
    orphan = pid_in(tmp_path / "orphan")
    assert end_leftovers(token, pid, started, pid, 0.2) == (Leftover(orphan, "sleep 70"),)


def test_a_pid_that_was_given_out_again_is_left_alone(strangers):
    stranger = strangers.begin("sleep", "72")
    started = read_process(stranger.pid).started
    for other in (started - 5.0, started + 5.0):
        assert end_leftovers(TOKEN, stranger.pid, other, stranger.pid, 0.0) == ()
    assert stranger.poll() is None


def test_a_process_with_another_token_is_left_alone(strangers):
    hook = strangers.begin(
        "sh",
        "-c",
        "HOOKD_HOOK=other sleep 73 & echo $!; exec sleep 74",
        env={"PATH": os.environ["PATH"], "HOOKD_HOOK": TOKEN},
        stdout=subprocess.PIPE,
    )
    other = int(hook.stdout.readline())
    strangers.pids.append(other)
    wait_for(lambda: (command(other), command(hook.pid)) == ("sleep 73", "sleep 74"))
    started = read_process(hook.pid).started
    found = end_leftovers(TOKEN, hook.pid, started, hook.pid, 0.5)
    assert found == (Leftover(hook.pid, "sleep 74"),)
    assert is_alive(other)
