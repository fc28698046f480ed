"""`hookd attach`: a running phase is followed from its beginning, and goes on without us."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys

import pytest
from support.faults import wait_for
from support.node import CHECKOUT, Node

SPEAKS = """echo first
while [ ! -e "$HOOKD_ROOT/go" ]; do sleep 0.05; done
echo second >&2
echo token=AKIAIOSFODNN7EXAMPLE"""
TOLD = [
    "running pre/10-quick",
    "10-quick stdout: quick",
    "  ok  pre/10-quick T s",
    "running pre/20-speaks",
    "20-speaks stdout: first",
    "20-speaks stdout: token=<masked>",
    "20-speaks stderr: second",
    "  ok  pre/20-speaks T s",
    "pre passed: all hooks done",
]


@pytest.fixture
def node(tmp_path):
    found = Node(tmp_path)
    found.hook("pre/10-quick", "echo quick")
    found.hook("pre/20-speaks", SPEAKS)
    return found


@pytest.fixture
def running(node):
    """The pre of `node`, in its second hook."""
    process = node.start("run", "pre")
    wait_for(lambda: list(node.path.glob("var/lib/hookd/operations/*/hooks/pre-1/20-speaks.out")))
    yield process
    (node.path / "go").touch()
    process.communicate(timeout=30)


def attach(node, *words):
    return subprocess.Popen(
        [sys.executable, "-m", "hookd", "--root", str(node.path), "attach", *words],
        cwd=str(CHECKOUT),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )


def lines(text):
    """Return the lines of `text` without what differs from run to run."""
    masked = re.sub(r"token=\S+", "token=<masked>", text)
    return [re.sub(r" \d+\.\d s", " T s", line) for line in masked.splitlines()]


def test_a_phase_is_told_from_its_beginning_then_live(node, running):
    process = attach(node)
    heard = [process.stdout.readline().decode("utf-8") for _ in range(5)]
    (node.path / "go").touch()
    rest, problems = process.communicate(timeout=30)

    assert lines("".join(heard)) == TOLD[:5]
    assert lines("".join(heard) + rest.decode("utf-8")) == TOLD
    assert (process.returncode, problems) == (0, b"")
    assert b"AKIAIOSFODNN7EXAMPLE" not in rest


def test_who_leaves_ends_nothing(node, running):
    process = attach(node)
    process.stdout.readline()
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=30)
    (node.path / "go").touch()
    running.wait(30)

    assert (process.returncode, running.returncode) == (130, 0)


def test_an_operation_that_has_ended_is_told_again(node):
    (node.path / "go").touch()
    node.run("run", "pre")
    code, out = node.run("attach", "last")
    assert (code, lines(out)) == (0, TOLD)


def test_programs_get_the_events_of_the_journal(node):
    (node.path / "go").touch()
    node.run("run", "pre")
    code, out = node.run("--json", "attach", "last")
    (journal,) = node.path.glob("var/lib/hookd/operations/*/journal.jsonl")
    written = [json.loads(line) for line in journal.read_text().splitlines()]
    told = [json.loads(line) for line in out.splitlines()]
    kept = [(one["n"], one["at"], one["event"]) for one in written]
    assert (code, [(one["n"], one["at"], one["event"]) for one in told]) == (0, kept)
    assert "AKIAIOSFODNN7EXAMPLE" in journal.read_text()
    assert "AKIAIOSFODNN7EXAMPLE" not in out


def test_the_code_is_that_of_the_phase(node):
    node.hook("pre/05-fails", "exit 3")
    node.run("run", "pre")
    code, out = node.run("attach", "last")
    assert (code, lines(out)[1]) == (1, "FAIL  pre/05-fails T s exit 3")


def test_without_a_running_phase_it_says_what_to_do(node):
    process = attach(node)
    out, problems = process.communicate(timeout=30)
    assert (process.returncode, out) == (1, b"")
    assert problems == (
        b"hookd: no phase is running\n  `hookd attach last` tells the newest operation again\n"
    )


def test_an_engine_that_was_killed_leaves_no_end(node):
    process = node.start("run", "pre")
    wait_for(lambda: list(node.path.glob("var/lib/hookd/operations/*/hooks/pre-1/20-speaks.out")))
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate(timeout=30)
    (node.path / "go").touch()
    code, out = node.run("attach", "last")
    assert (code, lines(out)[:5]) == (1, TOLD[:5])
