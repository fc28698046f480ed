"""What a person would call a change of a unit, and what is noise."""

from __future__ import annotations

import pytest
from support.looks import dead, failed, look, owning, unit, updated

from hookd.core.blame import Blame
from hookd.core.differences import UnitChange
from hookd.core.node import Unit
from hookd.core.units import State, changes, state_of, told

APP = "app.service"


def compared(*looks, packages=()):
    return changes(looks, Blame(looks, packages))


def between(before, after):
    return compared(look("ready", units=before), look("installed", units=after))


@pytest.mark.parametrize(
    ("unit_now", "state"),
    [
        (None, State.DOWN),
        (dead(APP), State.DOWN),
        (failed(APP), State.FAILED),
        (unit(APP), State.UP),
        (unit(APP, "activating", "start-pre"), State.UP),
        (unit(APP, "deactivating", "stop-sigterm"), State.UP),
        (unit(APP, "reloading", "reload"), State.UP),
        (unit(APP, "activating", "auto-restart"), State.RESTARTING),
        (unit(APP, "activating", "auto-restart-queued"), State.RESTARTING),
        (unit("app.timer", "active", "elapsed"), State.UP),
    ],
)
def test_what_a_unit_is_up_to(unit_now, state):
    assert state_of(unit_now) is state


@pytest.mark.parametrize(
    ("one", "text"),
    [
        (None, ""),
        (unit(APP), "active (running), enabled"),
        (unit("a.target", sub="active", enabled=""), "active (active)"),
        (unit(APP, load="not-found", enabled=""), "active (running), not-found"),
        (dead(APP, "", load="not-found"), ""),
        (dead(APP, "masked", load="masked"), "inactive (dead), masked, masked"),
    ],
)
def test_how_a_unit_is_told(one, text):
    assert told(one) == text


CHANGED = {
    "failed": (unit(APP), failed(APP)),
    "stopped": (unit(APP), dead(APP)),
    "started": (dead(APP), unit(APP)),
    "gone": (unit(APP), None),
    "recovered": (failed(APP), unit(APP)),
    "reset": (failed(APP, "static"), dead(APP, "static")),
    "restarting": (unit(APP), unit(APP, "activating", "auto-restart")),
    "disabled": (unit(APP), unit(APP, enabled="disabled")),
    "masked, though static": (dead(APP, "static"), dead(APP, "masked")),
    "of a timer": (unit("a.timer", sub="waiting"), dead("a.timer")),
    "an init script of systemd 219": (
        unit("network.service", sub="exited", enabled="bad", kind="forking"),
        dead("network.service", "bad", kind="forking"),
    ),
    "a oneshot that stays": (
        unit("iptables.service", sub="exited", kind="oneshot"),
        dead("iptables.service", kind="oneshot"),
    ),
    "started by hand": (unit(APP, enabled="disabled"), dead(APP, "disabled")),
    "a failed mount": (unit("data.mount", sub="mounted"), failed("data.mount")),
}


@pytest.mark.parametrize(("before", "after"), CHANGED.values(), ids=CHANGED)
def test_a_change(before, after):
    found = between([before], [after] if after else [])
    assert found == (UnitChange(before.name, told(before), told(after), "ready..installed"),)


NOISE = {
    "another process": (unit(APP, main_pid=1, started_us=1), unit(APP, main_pid=2, started_us=9)),
    "on its way": (unit(APP), unit(APP, "activating", "start")),
    "a oneshot that ran": (dead("a.service", kind="oneshot"), None),
    "a oneshot that runs": (
        dead("a.service", kind="oneshot"),
        unit("a.service", "activating", "start", kind="oneshot"),
    ),
    "a timer that ran": (unit("a.timer", sub="waiting"), unit("a.timer", sub="elapsed")),
    "a timer whose service runs": (
        unit("a.timer", sub="waiting"),
        unit("a.timer", sub="running"),
    ),
    "called over D-Bus": (None, unit("systemd-hostnamed.service", enabled="static")),
    "per connection": (unit("sshd@1.service", enabled="disabled"), None),
    "a target": (unit("sleep.target", sub="active"), None),
    "a mount": (unit("data.mount", sub="mounted", enabled="generated"), None),
    "of systemd-run": (unit("run-u12.service", enabled="enabled"), failed("run-u12.service")),
    "transient by another name": (unit("patch-it.service", enabled="transient"), None),
    "of a person": (unit("user@1000.service"), failed("user@1000.service")),
    "of a session": (unit("session-4.scope"), None),
    "hookd's own": (dead("hookd.service"), unit("hookd.service")),
    "hookd's own at boot": (failed("hookd-boot.service"), dead("hookd-boot.service")),
    "forgotten": (dead(APP), None),
    "enablement not known": (unit(APP, enabled=""), unit(APP)),
}


@pytest.mark.parametrize(("before", "after"), NOISE.values(), ids=NOISE)
def test_noise(before, after):
    assert between([before] if before else [], [after] if after else []) == ()
    assert between([after] if after else [], [before] if before else []) == ()


def test_each_change_names_its_span_and_is_told_in_the_order_of_time():
    found = compared(
        look("before", units=[unit(APP), unit("b.service")]),
        look("ready", units=[dead(APP), unit("b.service")]),
        look("installed", units="systemctl: timed out"),
        look("booted-1"),
        look("arrived", units=[dead(APP), failed("b.service")]),
        look("after", units=[unit(APP), failed("b.service")]),
    )
    runs, down = "active (running), enabled", "inactive (dead), enabled"
    assert found == (
        UnitChange(APP, runs, down, "before..ready"),
        UnitChange("b.service", runs, "failed (failed), enabled", "ready..arrived"),
        UnitChange(APP, down, runs, "arrived..after"),
    )


def test_changed_packages_are_blamed_but_not_for_what_pre_did():
    fragment = "/usr/lib/systemd/system/app.service"
    found = compared(
        look("before", units=[unit(APP, fragment=fragment)]),
        look("ready", units=[dead(APP)]),
        look("after", units=[failed(APP)], aftermath=owning(owners={fragment: "app.noarch"})),
        packages=updated("app.noarch"),
    )
    assert [(one.between, one.packages) for one in found] == [
        ("before..ready", ()),
        ("ready..after", ("app.noarch",)),
    ]


def test_a_unit_of_which_nothing_is_known_is_one_that_is_up():
    assert state_of(Unit(APP)) is State.UP
