"""The service after a boot, with a run whose agent has taken it up again, or has not."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import uuid

import pytest
from support.agenttree import AgentTree
from support.fakeroot import CHECKOUT, FakeRoot, says
from support.recovering import eventually, service

COMMAND = str(uuid.uuid4())  # workers are looked for among all processes of the host
STATE_FILE = f"/var/lib/amazon/ssm/i-0123456789abcdef0/document/state/current/{COMMAND}"


@pytest.fixture
def root(tmp_path):
    found = FakeRoot(tmp_path)
    # the host is up for longer than that, and for less than this
    found.config('[recovery]\ngrace = "1s"\nalive_limit = "30d"\n')
    yield found
    found.end()


@pytest.fixture
def tree(root):
    """An agent in the middle of a run whose pre has passed, and a machine that then went down."""
    found = AgentTree(root.path)
    found.submit(COMMAND)
    found.start(COMMAND)
    root.hook("pre", "30-leave", says("leave"))
    root.undo("70-join", "30-leave", says("join"))
    root.run("run", "pre", "--no-daemon", "--operation-id", COMMAND)
    found.go_down()
    root.boot()
    root.run("boot")
    return found


def test_a_run_that_the_agent_did_not_take_up_is_ended_after_the_grace(root, tree):
    with service(root) as log:
        eventually(lambda: root.events("operation-closed"))

    assert root.ran() == ["leave", "join"]
    [liveness] = [e["value"] for e in root.events("observed") if e["subject"] == "liveness"]
    reason = "its run stands in its agent's files and was not resumed, for too long"
    assert liveness == {"reason": reason}
    lines = [json.loads(line) for line in log.read_bytes().splitlines()]
    told = [line for line in lines if line["event"] != "serving"]
    assert told[0]["event"] == "recovering"
    assert {**told[0], "ts": ""} == {
        "ts": "",
        "level": "info",
        "event": "recovering",
        "operation": root.result()["operation"]["id"],
        "act": "on-exit",
        "reason": reason,
    }
    assert {"phase-started", "hook-ended", "operation-closed"} <= {one["event"] for one in told}


def test_a_run_that_the_agent_took_up_is_left_to_it(root, tree):
    tree.come_up()
    with service(root):
        time.sleep(1.5)
        code, out, _ = root.run("status", "--json")

    [found] = json.loads(out)["operations"]
    assert (code, found["run"], found["run_seen"]) == (1, "alive", f"{STATE_FILE} is there")
    assert found["next"]["reason"] == "unless on-exit is called before: its run is alive"
    assert root.ran() == ["leave"]


def test_the_process_of_a_run_is_found_among_the_hosts(root, tree, tmp_path):
    (tree.folder("current") / COMMAND).unlink()
    (tmp_path / COMMAND).write_text("read line\n")
    worker = subprocess.Popen(
        ["ssm-document-worker", COMMAND],
        executable="/bin/sh",
        cwd=tmp_path,
        stdin=subprocess.PIPE,
    )
    try:
        [found] = root.json("status")["operations"]
    finally:
        worker.communicate(b"\n", 10)
    [after] = root.json("status")["operations"]

    assert (found["run"], found["run_seen"]) == ("alive", "a ssm-document-worker has it")
    assert (after["run"], after["run_seen"]) == (
        "unknown",
        "the agent has neither a file nor a process of it",
    )


def test_an_undo_that_did_not_fit_the_deadline_runs_once_the_caller_is_answered(root):
    root.hook("pre", "30-leave", says("leave"))
    slow = '[ -e "$HOOKD_SCRATCH/slow" ] && exit 0; : > "$HOOKD_SCRATCH/slow"; sleep 30'
    root.undo("70-join", "30-leave", says("join", slow))
    root.run("run", "pre")
    root.run("run", "post")
    with service(root):
        code, _, _ = root.run("run", "on-exit", "--deadline", "2s")
        eventually(lambda: root.events("operation-closed"))

    assert (code, root.ran()) == (3, ["leave", "join", "join"])
    [liveness] = [e["value"] for e in root.events("observed") if e["subject"] == "liveness"]
    assert liveness == {"reason": "70-join did not fit the deadline"}


def imported(program):
    """Return what `program` prints, run alone."""
    return subprocess.run(
        [sys.executable, "-c", program],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(CHECKOUT)},
        capture_output=True,
        timeout=30,
        check=True,
    ).stdout


def test_the_thin_client_imports_nothing_heavy():
    heavy = (
        *("structlog", "psutil", "tomli", "distro", "subprocess", "hookd.engine", "hookd.report"),
        *("ctypes", "dataclasses", "inspect", "traceback", "typing"),
    )
    program = f"import sys, hookd.cli; print([m for m in {heavy!r} if m in sys.modules])"
    assert imported(program) == b"[]\n"


def test_the_service_imports_no_ssl_and_whoever_needs_it_can():
    program = "import sys, hookd.commands.daemon; print('ssl' in sys.modules)"
    assert imported(f"{program}; import ssl; print(ssl.SSLContext.__name__)") == (
        b"False\nSSLContext\n"
    )
