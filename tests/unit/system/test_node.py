"""What is asked of the running node, how, and what is not asked below another root."""

from __future__ import annotations

from dataclasses import fields

import pytest

from hookd.core.node import Listener, Node, Selinux, Sockets, Unit, Units
from hookd.core.readings import Standing
from hookd.system import node
from hookd.system.process.aside import Question, at_once, guarded, unknown
from hookd.system.root import NOTHING_RUNS, Root

RUNNING = {"units", "sockets", "mounts", "network", "clock", "processes", "selinux"}


def refuse(*_asked, **_more):
    raise AssertionError("nobody is to be asked")


def test_below_another_root_files_are_read_and_nothing_runs(tmp_path):
    found = node.start(Root(str(tmp_path)), refuse, refuse)()
    nothing = {
        name
        for name in (field.name for field in fields(Node))
        if getattr(found, name).reason == NOTHING_RUNS
        and getattr(found, name).standing is Standing.ABSENT
    }
    assert nothing == RUNNING
    assert [space.path for space in found.disks.spaces] == ["/"]


class Asked:
    """An `ask` whose probes all hang."""

    def __init__(self):
        self.limits = []

    def __call__(self, questions):
        self.limits = [one.limit_s for one in questions]
        return lambda: tuple(unknown(one.failed, "it hangs") for one in questions)


def test_on_the_host_what_may_hang_is_asked_aside_and_unknown_when_it_does():
    ask = Asked()
    collect = node.start(Root("/"), refuse, ask)
    assert len(ask.limits) == 8, "they are asked before anybody waits for them"
    assert all(0 < limit_s <= 90 for limit_s in ask.limits)
    found = collect()
    at_hand = {"clock", "selinux", "reboot_required"}
    for field in fields(Node):
        reading = getattr(found, field.name)
        assert isinstance(reading, type(field.default))
        assert (reading.reason == "it hangs") is (field.name not in at_hand)


def test_what_systemd_holds_is_the_socket_units_that_another_probe_tells_of():
    held = Listener("tcp", "*", 80, "/usr/lib/systemd/systemd")
    unit = Unit("app.socket", "loaded", "active", "listening", listens=("tcp *:80",))
    said = {Units: Units(units=(unit,)), Sockets: Sockets(listening=(held,))}

    def ask(questions):
        return lambda: tuple(said.get(type(one.failed), one.failed) for one in questions)

    found = node.start(Root("/"), refuse, ask)()
    assert found.units == said[Units]
    listening = (Listener("tcp", "*", 80, "/usr/lib/systemd/systemd", "app.socket"),)
    assert found.sockets == Sockets(listening=listening)


def test_in_this_process_a_probe_that_breaks_costs_its_reading_only():
    questions = [Question(lambda: Selinux(mode="enforcing"), Selinux(), 1.0)]
    questions.append(Question(lambda: 1 / 0, Units(), 1.0))
    reason = "the probe broke: ZeroDivisionError: division by zero"
    assert at_once(questions)() == (Selinux(mode="enforcing"), Units(Standing.UNKNOWN, reason))


@pytest.mark.parametrize("length", [10, 300, 5000])
def test_a_reason_is_bounded(length):
    def probe():
        raise ValueError("x" * length)

    found = guarded(probe, Units())
    assert found.standing is Standing.UNKNOWN
    assert len(found.reason) <= 300
