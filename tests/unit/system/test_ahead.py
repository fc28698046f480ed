"""What starts the next hook may be made while another runs, and is used only if it still fits."""

from __future__ import annotations

import os
from dataclasses import replace

import pytest

from hookd.core.fates import Fate
from hookd.core.model import Hook, HookSpec, Phase
from hookd.system.hooks.execution import Surroundings, prepare
from hookd.system.hooks.tries import Ahead

HOOK = Hook(Phase.PRE, "20-next", "/etc/hookd/hooks.d/pre/20-next")
FATE = Fate(HOOK, "its turn")


@pytest.fixture
def around(tmp_path):
    return Surroundings(
        operation_id="20260205T015311Z-7f3a",
        phase=Phase.PRE,
        attempt=1,
        folder=str(tmp_path),
        root="/",
        context="",
        path="unknown",
        rebooted="unknown",
        reboot_option="",
        caller_environment={},
        output_cap=1000,
    )


@pytest.fixture
def ahead(around):
    made = Ahead()
    made.make(around, FATE, "unknown")
    return made


def test_it_is_what_would_be_prepared_at_its_turn(ahead, around):
    expected = prepare(around, FATE, timeout_s=600.0, health="unknown")
    assert ahead.take(Fate(HOOK, "said otherwise"), "unknown") == expected


def test_it_is_given_once(ahead):
    ahead.take(FATE, "unknown")
    assert ahead.take(FATE, "unknown") is None


@pytest.mark.parametrize(
    ("fate", "health"),
    [
        pytest.param(replace(FATE, hook=replace(HOOK)), "unknown", id="examined anew"),
        pytest.param(replace(FATE, try_=2), "unknown", id="another try"),
        pytest.param(replace(FATE, undo_of="pre/10-x"), "unknown", id="an undo"),
        pytest.param(FATE, "failed", id="other health"),
    ],
)
def test_what_came_otherwise_is_prepared_anew(ahead, fate, health):
    assert ahead.take(fate, health) is None


@pytest.mark.parametrize(
    "fate",
    [
        pytest.param(replace(FATE, undo_of="pre/10-x"), id="an undo"),
        pytest.param(replace(FATE, hook=replace(HOOK, spec=HookSpec(user="app"))), id="a user"),
        pytest.param(replace(FATE, hook=replace(HOOK, spec=HookSpec(group="app"))), id="a group"),
    ],
)
def test_what_the_running_hook_may_yet_decide_is_not_made_ahead(ahead, around, fate):
    ahead.make(around, fate, "unknown")
    assert ahead.take(fate, "unknown") is None


def test_what_cannot_be_made_is_left_to_its_turn(ahead, around, tmp_path):
    (tmp_path / "scratch" / "pre" / "20-next").rmdir()
    os.symlink("/nowhere", tmp_path / "scratch" / "pre" / "20-next")
    ahead.make(around, FATE, "unknown")
    assert ahead.take(FATE, "unknown") is None
