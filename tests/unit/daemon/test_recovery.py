"""What the service has before it: acts over all marked operations, and when they are due."""

from __future__ import annotations

import pytest
from support.agenttree import COMMAND, AgentTree
from support.journals import ended, opened, started

from hookd.aws.agent import Agent, Watch
from hookd.core.due import Act
from hookd.core.journal import OperationClosed, SnapshotTaken
from hookd.core.model import Path, Verdict
from hookd.daemon.recovery import Recovery
from hookd.system import clock
from hookd.system.lock import Holder
from hookd.system.machine import open_machine
from hookd.system.record import Record

BOOT_ID = "/proc/sys/kernel/random/boot_id"
BOOT = "11111111-1111-4111-8111-111111111111"
LATER = "22222222-2222-4222-8222-222222222222"
GONE = "unless on-exit is called before: its run was gone at one look"


class Times:
    now = 1000.0

    def __call__(self):
        return self.now


class Node:
    """A machine with an agent and one operation, and a service that watches it."""

    def __init__(self, path):
        self.path, self.times = path, Times()
        self.boot(BOOT)
        self.tree = AgentTree(path)
        agent = Agent(self.machine().root, lambda: frozenset(self.tree.workers))
        self.recovery = Recovery(Watch(agent, BOOT, self.times))

    def boot(self, boot_id):
        file = self.path / BOOT_ID[1:]
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(boot_id + "\n")

    def machine(self):
        return open_machine(str(self.path), None, {})

    def open(self, *bodies, run_id=COMMAND):
        machine = self.machine()
        machine.state.prepare()
        name, number = machine.state.new_id()
        machine.state.make_operation(name)
        record = Record(machine.state, name, BOOT)
        record.open()
        record.add(opened(id=name, number=number, run_id=run_id), *bodies)
        record.close()
        return name

    def pending(self):
        """Return (operation, act, due in whole seconds, reason) of what is pending."""
        now = clock.up_s()
        return [
            (one.operation_id, one.act, None if one.at is None else round(one.at - now), one.reason)
            for one in self.recovery.pending(self.machine())
        ]


@pytest.fixture
def node(tmp_path):
    return Node(tmp_path)


def test_a_run_that_lives_is_waited_for(node):
    node.tree.submit(COMMAND)
    name = node.open(started("pre"), ended("pre"))
    reason = "unless on-exit is called before: its run is alive"
    assert node.pending() == [(name, Act.ON_EXIT, 43200, reason)]


def test_a_run_that_is_gone_is_looked_at_again_after_60_s_and_then_ended(node):
    name = node.open(started("pre"), ended("pre"))
    found = [node.pending()]
    for _ in range(2):
        node.times.now += 30
        found += [node.pending()]

    assert found == [
        [(name, Act.ON_EXIT, 60, GONE)],
        [(name, Act.ON_EXIT, 30, GONE)],
        [(name, Act.ON_EXIT, 0, "its run is dead")],
    ]


def test_a_try_that_came_to_nothing_is_not_begun_anew_at_once(node):
    name = node.open(started("pre"), ended("pre"))
    node.pending()
    node.times.now += 60
    [act] = node.recovery.pending(node.machine())
    was_now = act.is_now
    node.recovery.trying(act)
    [after] = node.recovery.pending(node.machine())

    assert (was_now, after.is_now, after.operation_id) == (True, False, name)


def test_a_hold_leaves_it_pending_with_no_time(node):
    node.open(started("pre"), ended("pre"))
    (node.path / "var/lib/hookd/hold.json").write_text("{")
    assert [found[1:3] for found in node.pending()] == [(Act.NOTHING, None)]


WAITING = OperationClosed(Path.PATCHED_REBOOT_PENDING, Verdict.PASSED)


def test_a_watched_operation_keeps_no_service_waiting(node):
    node.open(started("pre"), ended("pre"), SnapshotTaken("after"), WAITING, run_id="")
    assert node.pending() == []


def test_a_boot_that_nobody_looked_at_is_judged_by_the_service(node):
    name = node.open(started("pre"), ended("pre"), SnapshotTaken("after"), WAITING, run_id="")
    node.boot(LATER)
    reason = "the reboot that it waited for has come"
    assert node.pending() == [(name, Act.FOLLOW_UP, 0, reason)]


def test_while_a_phase_executes_nothing_is_looked_at_more_often_than_every_30_s(node):
    name = node.open(started("pre"), ended("pre"))
    node.pending()
    node.times.now += 60
    executing = node.machine().state.executing()
    assert executing.take()
    executing.say(Holder(name, "pre", 1, 41, 7.5, "2026-11-05T04:18:01.000000Z"))
    during = node.pending()
    executing.release()

    assert during == [(name, Act.ON_EXIT, 30, "its run is dead")]
    assert node.pending() == [(name, Act.ON_EXIT, 0, "its run is dead")]
