"""Hooks that do what they should not: right outcome, right exit code, bounded resources."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap

import pytest
from support.faults import REPOSITORY, RESERVED, FaultRoot, end_all, living, wait_for
from support.hooks import until_is

GIGABYTE = 1 << 30


@pytest.fixture(name="root")
def _root(tmp_path):
    root = FaultRoot(tmp_path)
    yield root
    end_all(str(tmp_path))


def outcome(root, name):
    hook = root.hook_result(name)
    return hook["outcome"], hook["exit_code"], hook["signal"]


@pytest.mark.parametrize("code", [*RESERVED, 1, 2, 3, 70, 75, 78, 126, 127, 130, 255])
def test_whatever_a_hook_exits_with_pre_ends_1(root, code):
    root.hook("pre/10-x", f"exit {code}\n")
    done = root.hookd("run", "pre")
    assert done.code == 1, done
    assert outcome(root, "pre/10-x") == ("failed", code, None)


@pytest.mark.parametrize("phase", ["post", "on-exit"])
@pytest.mark.parametrize("code", RESERVED)
def test_reserved_codes_never_leave_post_and_on_exit(root, phase, code):
    root.hook(f"{phase}/10-x", f"exit {code}\n", required=True)
    assert root.hookd("run", "pre").code == 0
    done = root.hookd("run", phase)
    assert done.code == 1, done
    assert outcome(root, f"{phase}/10-x") == ("failed", code, None)


@pytest.mark.parametrize(
    ("script", "name"),
    [
        ("kill -KILL $$", "SIGKILL"),
        ("kill -TERM $$", "SIGTERM"),
        ("kill -SEGV $$", "SIGSEGV"),
        ("kill -KILL 0", "SIGKILL"),
        ("trap '' TERM HUP INT; kill -TERM 0; kill -KILL 0", "SIGKILL"),
    ],
)
def test_a_hook_that_dies_of_a_signal_fails_by_its_name(root, script, name):
    root.hook("pre/10-x", script + "\n")
    root.hook("pre/20-next", "echo no > $HOOKD_ROOT/ran\n")
    done = root.hookd("run", "pre")
    assert done.code == 1, done
    assert outcome(root, "pre/10-x") == ("failed", None, name)
    assert root.hook_result("pre/20-next")["reason"] == "after 10-x failed"
    assert not (root.path / "ran").exists()


def test_a_hook_that_ignores_term_is_killed_after_its_grace(root):
    script = "trap '' TERM\nwhile :; do sleep 0.1; done\n"
    root.hook("pre/10-x", script, timeout="2s", grace="1s")
    done = root.hookd("run", "pre")
    hook = root.hook_result("pre/10-x")
    assert done.code == 1, done
    assert (hook["outcome"], hook["signal"]) == ("timed-out", "SIGKILL")
    assert 3.0 <= hook["duration_s"] < 15
    assert living(str(root.path)) == []


def test_a_hook_that_stops_itself_is_ended_at_its_limit(root):
    root.hook("pre/10-x", "kill -STOP $$\n", timeout="0.5s", grace="1s")
    done = root.hookd("run", "pre")
    assert done.code == 1, done
    assert root.hook_result("pre/10-x")["outcome"] == "timed-out"
    assert living(str(root.path)) == []


def test_a_daemon_that_keeps_stdout_is_named_and_lives_on(root):
    root.hook("pre/10-x", "setsid sleep 300 &" + until_is("sleep", "$!"))
    done = root.hookd("run", "pre")
    hook = root.hook_result("pre/10-x")
    assert (done.code, hook["outcome"]) == (0, "passed"), done
    assert done.took_s < 10
    ((command, holds),) = [(one["command"], one["holds_stdout"]) for one in hook["left_running"]]
    assert (command, holds) == ("sleep 300", True)
    assert hook["left_running"][0]["pid"] in living("10-x#1")


def test_a_hook_that_closes_its_streams_passes(root):
    root.hook("pre/10-x", "exec <&- >&- 2>&-\nsleep 0.2\nexit 0\n")
    assert root.hookd("run", "pre").code == 0
    assert outcome(root, "pre/10-x") == ("passed", 0, None)


def test_a_hook_that_changes_its_own_file_is_judged_as_it_ran(root):
    root.hook("pre/10-x", 'echo "exit 9" >> "$0"\nchmod 777 "$0"\nexit 0\n')
    root.hook("on-exit/10-x", "exit 0\n")
    assert root.hookd("run", "pre").code == 0
    assert root.hookd("run", "post").code == 0
    root.hookd("run", "on-exit")
    (check,) = [c for c in root.result()["checks"] if c["id"] == "hooks.changed-since-pre"]
    assert (check["outcome"], outcome(root, "pre/10-x")) == ("warn", ("passed", 0, None))


def test_a_hook_that_makes_its_neighbour_untrusted_keeps_it_from_running(root):
    root.hook("pre/10-x", 'chmod 777 "$(dirname "$0")/20-next"\n')
    root.hook("pre/20-next", "echo no > $HOOKD_ROOT/ran\n")
    done = root.hookd("run", "pre")
    assert done.code == 1, done
    assert root.hook_result("pre/20-next")["outcome"] == "refused"
    assert not (root.path / "ran").exists()


def test_a_hook_that_terms_its_caller_interrupts_the_phase(root):
    root.hook("pre/10-x", "kill -TERM $PPID\nsleep 60\n", grace="1s")
    done = root.hookd("run", "pre")
    hook = root.hook_result("pre/10-x")
    assert (done.code, hook["outcome"]) == (130, "interrupted"), done
    assert hook["reason"] == "cancelled by SIGTERM"
    assert root.hookd("run", "on-exit").code == 1


def test_a_hook_that_kills_its_callers_session_is_found_by_the_next_call(root):
    session = "$(ps -o sid= -p $PPID | tr -d ' ')"
    root.hook("pre/10-x", f"kill -KILL $(ps -o pid= --sid {session})\nsleep 60\n")
    process = root.start("run", "pre", "--operation-id", "run-1")
    assert process.wait(20) == -signal.SIGKILL
    done = root.hookd("run", "pre", "--operation-id", "run-1")
    assert done.code == 1, done
    assert root.hook_result("pre/10-x")["outcome"] == "interrupted"
    assert living(str(root.path)) == []


@pytest.mark.parametrize(
    ("script", "outputs", "reason"),
    [
        ('echo a=1 > "$HOOKD_OUTPUT"', {"a": "1"}, ""),
        ('rm -f "$HOOKD_OUTPUT"; ln -s /etc/shadow "$HOOKD_OUTPUT"', {}, "HOOKD_OUTPUT was not"),
        ('rm -f "$HOOKD_OUTPUT"; mkfifo "$HOOKD_OUTPUT"', {}, "HOOKD_OUTPUT was not read"),
        ('rm -f "$HOOKD_OUTPUT"; mkdir "$HOOKD_OUTPUT"', {}, "HOOKD_OUTPUT was not read"),
        ('head -c 100000 /dev/zero > "$HOOKD_OUTPUT"', {}, "only the first 64 kB"),
        ('printf "a=\\377\\0\\nb\\n" > "$HOOKD_OUTPUT"', {"a": "\\xff\0"}, "1 lines of"),
        ('rm -rf "$HOOKD_SCRATCH"', {}, ""),
        ('cd /; rm -rf "$HOOKD_SCRATCH"; ln -s /etc "$HOOKD_SCRATCH"', {}, ""),
    ],
)
def test_whatever_a_hook_does_to_its_output_file_it_passes(root, script, outputs, reason):
    root.hook("pre/10-x", script + "\nexit 0\n")
    done = root.hookd("run", "pre")
    hook = root.hook_result("pre/10-x")
    assert (done.code, hook["outcome"], hook["outputs"]) == (0, "passed", outputs), done
    assert hook["reason"].startswith(reason)
    assert bool(reason) == bool(hook["reason"])
    assert os.path.getsize("/etc/shadow") > 0


def test_a_hook_that_removes_its_scratch_gets_a_new_one_for_its_next_try(root):
    script = 'cat "$HOOKD_SCRATCH/x" && exit 9\nrm -rf "$HOOKD_SCRATCH"\nexit 75\n'
    root.hook("pre/10-x", script, retries=2, retry_delay="0.1s")
    assert root.hookd("run", "pre").code == 1
    hook = root.hook_result("pre/10-x")
    assert (hook["try"], hook["exit_code"]) == (3, 75)


def test_500_children_are_ended_with_their_hook(root):
    fork = "i=0; while [ $i -lt 500 ]; do sleep 300 & i=$((i+1)); done; wait\n"
    root.hook("pre/10-x", fork, timeout="4s", grace="1s")
    done = root.hookd("run", "pre")
    assert (done.code, root.hook_result("pre/10-x")["outcome"]) == (1, "timed-out"), done
    assert done.took_s < 20
    assert living(str(root.path)) == []


def test_500_children_that_are_left_are_counted_and_the_summary_stays_short(root):
    fork = "i=0; while [ $i -lt 500 ]; do setsid sleep 300 & i=$((i+1)); done\nexit 0\n"
    root.hook("pre/10-x", fork, timeout="30s")
    done = root.hookd("run", "pre")
    assert (done.code, outcome(root, "pre/10-x")) == (0, ("passed", 0, None)), done
    assert len(root.hook_result("pre/10-x")["left_running"]) == 500
    assert len(done.out) <= 2400
    assert done.took_s < 30


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("run", "pre"), 2),
        (("run", "on-exit"), 2),
        (("cancel",), 2),
        (("recover",), 2),
        (("status",), 75),
        (("show",), 0),
        (("hooks",), 0),
        (("history",), 0),
        (("check",), 0),
    ],
)
def test_a_hook_may_read_hookds_state_and_not_act(root, words, code):
    called = " ".join((sys.executable, "-m", "hookd", "--root", "$HOOKD_ROOT", *words))
    script = f"export PYTHONPATH={REPOSITORY}\n"
    root.hook("pre/10-x", f'{script}{called}\necho code=$? > "$HOOKD_OUTPUT"\n')
    done = root.hookd("run", "pre")
    assert done.code == 0, done
    assert root.hook_result("pre/10-x")["outputs"] == {"code": str(code)}


def test_a_hook_that_deletes_the_journal_fails_the_phase(root):
    root.hook("pre/10-x", 'rm -rf "$HOOKD_ROOT/var/lib/hookd/operations"\n')
    root.hook("pre/20-next", "echo no > $HOOKD_ROOT/ran\n")
    done = root.hookd("run", "pre")
    assert done.code == 1, done
    assert "state cannot be written" in done.err
    assert not (root.path / "ran").exists()


def test_a_gigabyte_of_output_costs_little_memory_and_time(root):
    root.hook("pre/10-x", f"head -c {GIGABYTE} /dev/zero\n")
    done = root.executed("run", "pre", timeout=120)
    hook, kept = root.hook_result("pre/10-x"), root.folder() / "hooks/pre-1/10-x.out"
    assert (done.code, hook["stdout"]["bytes"]) == (0, GIGABYTE), done
    assert hook["stdout"]["dropped"] > 0
    assert kept.stat().st_size <= (1 << 20) + 200
    assert root.result()["cost"]["max_rss_kb"] < 64 * 1024
    assert done.took_s < 30


def test_endless_output_ends_at_the_limit(root):
    root.hook("pre/10-x", "yes\n", timeout="1s", grace="1s")
    done = root.hookd("run", "pre")
    assert (done.code, root.hook_result("pre/10-x")["outcome"]) == (1, "timed-out"), done
    assert done.took_s < 10


def test_a_hook_that_ends_while_its_child_prints_endlessly_passes(root):
    root.hook("pre/10-x", f"yes & {until_is('yes', '$!')}")
    done = root.hookd("run", "pre")
    assert (done.code, outcome(root, "pre/10-x")) == (0, ("passed", 0, None)), done
    assert [one["command"] for one in root.hook_result("pre/10-x")["left_running"]] == ["yes"]
    assert done.took_s < 10


@pytest.mark.parametrize("ignored", ["SIGCHLD", "SIGPIPE", "SIGTERM", "SIGHUP", "SIGINT"])
def test_a_caller_that_ignores_signals_changes_no_outcome(root, ignored):
    """Popen's wait reads a status that the kernel threw away as success."""
    root.hook("pre/10-x", "yes | head -n 1\nkill -0 $$ || exit 5\nexit 1\n")
    assert run_below(root, f"signal.signal(signal.{ignored}, signal.SIG_IGN)", "pre") == 1
    assert outcome(root, "pre/10-x") == ("failed", 1, None)


def test_with_term_ignored_a_hook_still_dies_of_term(root):
    root.hook("pre/10-x", "sleep 60\n", timeout="0.5s", grace="20s")
    assert run_below(root, "signal.signal(signal.SIGTERM, signal.SIG_IGN)", "pre") == 1
    hook = root.hook_result("pre/10-x")
    assert (hook["outcome"], hook["signal"]) == ("timed-out", "SIGTERM")
    assert hook["duration_s"] < 10


def test_under_nohup_a_hang_up_does_not_end_the_phase(root):
    root.hook("pre/10-x", "kill -HUP $PPID\nsleep 0.3\n")
    assert run_below(root, "signal.signal(signal.SIGHUP, signal.SIG_IGN)", "pre") == 0
    assert outcome(root, "pre/10-x") == ("passed", 0, None)


def test_a_caller_that_blocks_signals_changes_no_outcome(root):
    root.hook("pre/10-x", "sleep 60\n", timeout="0.5s", grace="20s")
    block = "signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM, signal.SIGCHLD])"
    assert run_below(root, block, "pre") == 1
    assert root.hook_result("pre/10-x")["signal"] == "SIGTERM"


@pytest.mark.parametrize("closed", [(0,), (1,), (2,), (0, 1, 2)])
def test_closed_standard_streams_lose_nothing(root, closed):
    root.hook("pre/10-x", "echo out; echo err >&2\n")
    before = "; ".join(f"os.close({number})" for number in closed)
    assert run_below(root, before, "pre") == 0
    hook = root.hook_result("pre/10-x")
    assert (hook["stdout"]["head"], hook["stderr"]["head"]) == ("out\n", "err\n")
    assert json.loads(root.journal().read_text().splitlines()[0])["n"] == 1
    assert root.operation().opened.id == root.operations()[0]


@pytest.mark.parametrize(("script", "code"), [("exit 0\n", 0), ("exit 4\n", 1)])
@pytest.mark.parametrize("verbose", [(), ("-v",), ("--json",)])
def test_a_broken_pipe_for_stdout_keeps_the_result_and_the_exit_code(root, script, code, verbose):
    root.hook("pre/10-x", "echo much\n" * 3 + script)
    read, write = os.pipe()
    os.close(read)
    process = root.start("run", "pre", *verbose, stdout=write, stderr=write)
    os.close(write)
    assert process.wait(20) == code
    assert root.phase("pre")["process_exit"] == code
    assert root.lines()[-1]["event"] == "phase-ended"


def test_a_full_stdout_keeps_the_exit_code(root):
    with open("/dev/full", "wb") as full:
        assert root.start("run", "pre", stdout=full, stderr=full).wait(20) == 0
        assert root.start("history", stdout=full, stderr=full).wait(20) == 1


def test_a_terminal_that_hangs_up_loses_no_result(root):
    root.hook("pre/10-x", "sleep 0.3\n")
    master, slave = os.openpty()
    process = root.start("run", "pre", stdout=slave, stderr=slave, stdin=slave)
    os.close(slave)
    wait_for(lambda: root.operations() and living("10-x#1"))
    os.close(master)
    assert process.wait(20) == 0
    assert root.phase("pre")["outcome"] == "passed"


def run_below(root, statement, phase):
    """Run a phase as the child of a process that has executed `statement`; return its code."""
    program = textwrap.dedent(
        f"""
        import os, signal
        {statement}
        os.execv({sys.executable!r}, {root.command("run", phase)!r})
        """
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={"PATH": os.defpath, "PYTHONPATH": str(REPOSITORY)},
        timeout=60,
        check=False,
    )
    return done.returncode
