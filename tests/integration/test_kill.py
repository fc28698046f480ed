"""kill -9 of hookd at random moments: nothing is forgotten, and the next calls end truthfully."""

from __future__ import annotations

import os
import random
import signal
import time

import pytest
from support.faults import living
from support.kills import (
    RUN_ID,
    build,
    check_against_hooks,
    check_nothing_forgotten,
    events_of,
    in_lanes,
    names_in,
    recorded_ends,
    told,
)

from hookd.core.fold import fold
from hookd.core.model import HookOutcome, Phase, PhaseOutcome
from hookd.core.undo import outstanding

HOOKS = 20
CHUNKS = 4
KILLS = int(os.environ.get("HOOKD_KILLS", "200")) // CHUNKS
ENOUGH = 15
LANES = 4


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


@pytest.fixture(scope="module")
def length_s(tmp_path_factory):
    """Return how many seconds a run takes that nobody kills, from its first file on."""
    root, _ = build(tmp_path_factory.mktemp("length"), HOOKS)
    pid = root.fork("run", "pre")
    wait_for_state(root)
    began = time.monotonic()
    assert os.waitpid(pid, 0)[1] == 0
    return time.monotonic() - began


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_whenever_it_is_killed_the_operation_ends_with_a_true_result(tmp_path, chunk, length_s):
    chance = random.Random(f"hookd {chunk}")
    moments = [length_s * (number + chance.random()) / KILLS for number in range(KILLS)]
    outcomes, wrong = in_lanes(tmp_path, moments, LANES, one_kill)
    assert wrong == []
    assert len(outcomes) == KILLS
    # A few may all fall between two hooks.
    assert "interrupted" in outcomes or KILLS < ENOUGH


def one_kill(folder, moment_s):
    root, log = build(folder, HOOKS)
    kill_at(root, moment_s)
    before = events_of(root)
    at_kill = told(log)[1]
    operation = fold(before)
    recorded = recorded_ends(before, "pre")
    if operation is not None:
        check_prefix(operation, recorded)

    again = root.hookd("run", "pre", "--operation-id", RUN_ID)
    pre = root.operation().last(Phase.PRE)
    check_against_hooks(root, log)
    check_nothing_forgotten(pre, recorded, at_kill)
    started = names_in(told(log)[0], "pre")
    for name in started:
        assert pre.hooks[name].outcome in (HookOutcome.PASSED, HookOutcome.INTERRUPTED)
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
    started, ended = (names_in(tokens, "on-exit") for tokens in told(log))
    owed = operation.last(Phase.PRE).hooks["05-hook"].was_started
    check_against_hooks(root, log)
    assert not operation.is_open, done
    assert outstanding(operation) == ()
    assert started == ended == ["70-undo"] * int(owed)
    result = root.result()["operation"]
    expected = ("pre-failed", "failed", 1) if was_cut else ("install-failed", "failed", 1)
    assert (result["path"], result["verdict"], done.code) == expected, done
    told_of = [(line["event"], line.get("phase")) for line in root.lines()]
    assert {("phase-ended", "pre"), ("phase-ended", "on-exit")} < set(told_of), told_of
    assert ("operation-closed", None) in told_of
    assert os.listdir(root.state / "operations") == [operation.id]
    assert os.listdir(root.state / "open") == []
    assert living(str(root.path)) == []
