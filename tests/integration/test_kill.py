"""kill -9 of hookd at random moments: nothing is forgotten, and the next calls end truthfully."""

from __future__ import annotations

import json
import os
import random
import signal
import time
import traceback

import pytest
from support.faults import FaultRoot, end_all, living

from hookd.core.fold import fold
from hookd.core.journal import HookEnded
from hookd.core.model import HookOutcome, Phase, PhaseOutcome
from hookd.core.undo import outstanding
from hookd.system import journal

HOOKS = 20
CHUNKS = 4
KILLS = 50
LANES = 4
RUN_ID = "3b1c0a52-0000-4000-8000-000000000001"
SCRIPT = 'echo "start {name}" >> {log}\nsleep 0.01\necho "end {name}" >> {log}\n'


def build(folder):
    root = FaultRoot(folder)
    log = folder / "hooks.log"
    log.touch()
    for number in range(1, HOOKS + 1):
        name = f"{number:02}-hook"
        root.hook(f"pre/{name}", SCRIPT.format(name=name, log=log))
    undo = SCRIPT.format(name="70-undo", log=log)
    root.hook("on-exit/70-undo", undo, undoes="pre/05-hook")
    return root, log


def kill_at(root, moment_s):
    """Start pre, SIGKILL hookd alone `moment_s` after it has begun to keep state."""
    pid = root.fork("run", "pre", "--operation-id", RUN_ID)
    wait_for_state(root)
    time.sleep(moment_s)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)


def wait_for_state(root):
    until = time.monotonic() + 30
    while not (root.state / "operations").exists():
        assert time.monotonic() < until, "hookd never began to keep state"
        time.sleep(0.001)


def told(log):
    """Return who started and who ended by the hooks' own log, each in order."""
    lines = [line.split() for line in log.read_text().splitlines()]
    started = [name for word, name in lines if word == "start"]
    return started, [name for word, name in lines if word == "end"]


def events_of(root):
    return journal.read(str(root.journal())).events if root.operations() else ()


@pytest.fixture(scope="module")
def length_s(tmp_path_factory):
    """Return how many seconds a run takes that nobody kills, from its first file on."""
    root, _ = build(tmp_path_factory.mktemp("length"))
    pid = root.fork("run", "pre")
    wait_for_state(root)
    began = time.monotonic()
    assert os.waitpid(pid, 0)[1] == 0
    return time.monotonic() - began


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_whenever_it_is_killed_the_operation_ends_with_a_true_result(tmp_path, chunk, length_s):
    chance = random.Random(f"hookd {chunk}")
    moments = [length_s * (number + chance.random()) / KILLS for number in range(KILLS)]
    lanes = [fork_lane(tmp_path, lane, moments[lane::LANES]) for lane in range(LANES)]
    for pid in lanes:
        os.waitpid(pid, 0)
    said = [json.loads((tmp_path / f"lane-{lane}").read_text()) for lane in range(LANES)]
    assert [one for lane in said for one in lane["wrong"]] == []
    outcomes = [one for lane in said for one in lane["outcomes"]]
    assert len(outcomes) == KILLS
    assert "interrupted" in outcomes


def fork_lane(folder, lane, moments):
    """Try `moments` one after the other in a process of its own; it writes what it found."""
    pid = os.fork()
    if pid:
        return pid
    found = {"outcomes": [], "wrong": []}
    try:
        for number, moment_s in enumerate(moments):
            root = folder / f"{lane}-{number}"
            root.mkdir()
            try:
                found["outcomes"].append(one_kill(root, moment_s))
            except BaseException:  # noqa: BLE001 - told to the parent
                found["wrong"].append(f"{root} at {moment_s:.4f} s: {traceback.format_exc()}")
            finally:
                end_all(str(root))
    finally:
        (folder / f"lane-{lane}").write_text(json.dumps(found))
        os._exit(0)


def one_kill(folder, moment_s):
    root, log = build(folder)
    kill_at(root, moment_s)
    before = events_of(root)
    at_kill = told(log)[1]
    operation = fold(before)
    recorded = recorded_ends(before)
    if operation is not None:
        check_prefix(operation, recorded)

    again = root.hookd("run", "pre", "--operation-id", RUN_ID)
    after = root.operation()
    pre = after.last(Phase.PRE)
    started, _ = told(log)
    assert len(started) == len(set(started)), "a hook of pre ran twice"
    for name, outcome in recorded.items():
        assert pre.hooks[name].outcome is outcome, f"{name} was forgotten"
    for name in started:
        hook = pre.hooks[name]
        assert hook.was_started, f"{name} was started and is reported as {hook.outcome}"
        assert hook.outcome in (HookOutcome.PASSED, HookOutcome.INTERRUPTED)
    for name in at_kill:
        assert pre.hooks[name].was_started
    cut = [hook.name for hook in pre.hooks.values() if hook.outcome is HookOutcome.INTERRUPTED]
    assert len(cut) <= 1
    assert len(pre.hooks) == HOOKS
    if cut:
        assert (again.code, pre.outcome) == (1, PhaseOutcome.INTERRUPTED), again
        assert again.first.startswith("failed: pre of operation ")
    else:
        assert (again.code, pre.outcome) == (0, PhaseOutcome.PASSED), again
        assert started == [f"{number:02}-hook" for number in range(1, HOOKS + 1)]

    check_end(root, log, was_cut=bool(cut))
    return pre.outcome.value


def recorded_ends(events):
    bodies = [event.body for event in events if isinstance(event.body, HookEnded)]
    return {body.hook: body.outcome for body in bodies}


def check_prefix(operation, recorded):
    pre = operation.last(Phase.PRE)
    if pre is None:
        assert not recorded
        return
    assert {hook.name for hook in pre.hooks.values() if hook.outcome is not None} >= set(recorded)


def check_end(root, log, *, was_cut):
    """on-exit closes the operation, the undo has run once iff its hook was started."""
    done = root.hookd("run", "on-exit", "--operation-id", RUN_ID)
    operation = root.operation()
    started, ended = told(log)
    owed = operation.last(Phase.PRE).hooks["05-hook"].was_started
    assert not operation.is_open, done
    assert outstanding(operation) == ()
    assert started.count("70-undo") == ended.count("70-undo") == int(owed)
    result = root.result()["operation"]
    expected = ("pre-failed", "failed", 1) if was_cut else ("install-failed", "failed", 1)
    assert (result["path"], result["verdict"], done.code) == expected, done
    told_of = [(line["event"], line.get("phase")) for line in root.lines()]
    assert {("phase-ended", "pre"), ("phase-ended", "on-exit")} < set(told_of), told_of
    assert ("operation-closed", None) in told_of
    assert os.listdir(root.state / "operations") == [operation.id]
    assert os.listdir(root.state / "open") == []
    assert living(str(root.path)) == []
