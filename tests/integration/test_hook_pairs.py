"""The pairs of hooks.d that take a node out and put it back: all keep one promise.

The node ends as it was before pre: whatever is asked of Amazon is asked by the real aws CLI and
answered by moto's server; HAProxy and nginx are real, and their traffic goes on.
"""

from __future__ import annotations

import importlib.util
import shutil
import signal
import time

import pytest
from support.balancers import Haproxy, Nginx, traffic_ended
from support.fakeroot import NEW_KERNEL, FakeRoot, hooks_of
from support.pairs import AWS, Ecs, Standby, TargetGroup
from support.shipped import Alone, as_vendor, configure, executable

NEEDS = {Haproxy: ("haproxy", "nginx"), Nginx: ("nginx",)}


def why_not(kind):
    """Return what is missing for a pair, "" if nothing is."""
    if kind in NEEDS:
        missing = [name for name in NEEDS[kind] if not shutil.which(name)]
        return "not installed: " + ", ".join(missing) if missing else ""
    there = AWS and all(importlib.util.find_spec(name) for name in ("boto3", "moto"))
    return "" if there else "no aws CLI, boto3 or moto: extra `aws-test`, from Python 3.11 on"


@pytest.fixture
def make(request, tmp_path):
    """Return a function that makes the other side of a pair."""
    made = []

    def new(kind):
        if why_not(kind):
            pytest.skip(why_not(kind))
        more = () if kind in NEEDS else (request.getfixturevalue("moto"),)
        made.append(kind(tmp_path, *more))
        return made[-1]

    yield new
    for one in made:
        one.end()


@pytest.fixture(params=[TargetGroup, Standby, Ecs, Haproxy, Nginx])
def pair(request, make):
    return make(request.param)


class Node:
    """A node with the shipped hooks, of which the two are configured."""

    def __init__(self, tmp_path, pair):
        self.pair = pair
        self.root = as_vendor(FakeRoot(tmp_path))
        self.names = [name.split("/")[1] for name in (pair.leave, pair.join)]
        phases = f'[run]\nphases = ["pre", "on-exit"]\n[hooks."{pair.join}"]\nretry_delay = "0s"\n'
        configure(self.root, phases, **pair.settings)

    def run(self, phase):
        return self.root.run("run", phase, environment=self.pair.environment)[0]

    def told(self):
        """Return what the result says of the two hooks, the verdict, and what is owed."""
        result = self.root.result()
        phases = {run["phase"] for run in result["phases"]}
        outcomes = [
            hooks_of(result, phase)[name][0]
            for phase, name in zip(("pre", "on-exit"), self.names)
            if phase in phases
        ]
        operation = result["operation"]
        return outcomes, operation["verdict"], operation["outstanding_undos"]


@pytest.fixture
def node(tmp_path, pair):
    made = Node(tmp_path, pair)
    yield made
    made.root.end()


BOTH = ["passed", "passed"]


def test_a_node_leaves_and_comes_back_over_a_reboot_and_on_exit_twice(node, pair):
    before = pair.state()

    codes = [node.run("pre")]
    while_out = pair.state()
    node.root.boot(NEW_KERNEL)
    codes.append(node.run("on-exit"))
    told = node.told()
    codes.append(node.run("on-exit"))

    assert (codes, while_out) == ([0, 0, 0], pair.out)
    assert pair.state() == before
    assert (told, node.told()) == ((BOTH, "passed", []), (["skipped"], "passed", []))


def test_a_node_that_was_out_before_stays_out(node, pair):
    pair.take_out()
    before = pair.state()

    codes = [node.run("pre"), node.run("on-exit")]

    assert (codes, pair.state()) == ([0, 0], before)
    assert node.told() == (BOTH, "passed", [])


def test_a_node_whose_pre_never_ran_is_left_alone(node, pair):
    before = pair.state()

    node.run("on-exit")

    outcomes, _verdict, owed = node.told()
    assert (pair.state(), outcomes, owed) == (before, ["skipped"], [])


def test_a_pre_that_was_killed_half_way_is_put_back(node, pair):
    before = pair.state()
    pair.hold()
    pre = node.root.start("run", "pre", "--no-daemon", environment=pair.environment)
    give_up_at = time.monotonic() + 30
    while pair.state() == before:
        assert time.monotonic() < give_up_at
        assert pre.poll() is None
        time.sleep(0.05)

    pre.send_signal(signal.SIGKILL)
    pre.communicate(timeout=60)
    pair.release()
    code = node.run("on-exit")

    outcomes, verdict, owed = node.told()
    assert (outcomes, verdict, owed) == (["interrupted", "passed"], "failed", [])
    assert (code, pair.state()) == (1, before)


def test_a_pre_that_was_killed_before_it_took_anything_away_leaves_all_as_it_was(tmp_path, pair):
    alone, before = Alone(tmp_path), pair.state()
    settings = {name: {**pair.environment, **one} for name, one in pair.settings.items()}
    written = alone.scratch / "written"
    executable(alone.bin / "sync", f"#!/bin/sh\n: >{written}; exec sleep 60\n")
    leaving = alone.start(pair.leave, **settings[pair.leave])
    give_up_at = time.monotonic() + 30
    while not written.exists():
        assert time.monotonic() < give_up_at
        time.sleep(0.05)

    alone.end(leaving, signal.SIGKILL)
    (alone.bin / "sync").unlink()
    killed = pair.state()
    code = alone.run(pair.join, **settings[pair.join]).code

    assert (killed, code, pair.state()) == (before, 0, before)


def test_called_twice_each_keeps_what_was_found_first(tmp_path, pair):
    alone = Alone(tmp_path)
    before = pair.state()
    settings = {name: {**pair.environment, **one} for name, one in pair.settings.items()}

    calls = (pair.leave, pair.leave, pair.join, pair.join)
    codes = [alone.run(name, **settings[name]).code for name in calls]

    assert (codes, pair.state()) == ([0, 0, 0, 0], before)


@pytest.mark.parametrize("kind", [Haproxy, Nginx])
def test_no_request_fails_while_a_node_leaves_and_comes_back(tmp_path, make, kind):
    pair = make(kind)
    node = Node(tmp_path, pair)
    traffic = pair.traffic()

    codes = [node.run("pre")]
    while_out = pair.answers()
    codes.append(node.run("on-exit"))
    pair.until(lambda: pair.answers() == ["a", "b"])

    assert traffic_ended(traffic) == {"failed": [], "seen": ["200 a", "200 b"]}
    assert (codes, while_out) == ([0, 0], ["b"])


@pytest.mark.parametrize("kind", [Haproxy, Nginx])
def test_a_balancer_that_was_rebooted_sends_here_again(tmp_path, make, kind):
    pair = make(kind)
    node = Node(tmp_path, pair)
    before = pair.state()

    codes = [node.run("pre")]
    pair.reboot()
    codes.append(node.run("on-exit"))

    pair.until(lambda: pair.answers() == ["a", "b"])
    assert (codes, pair.state()) == ([0, 0], before)
    assert node.told() == (BOTH, "passed", [])
