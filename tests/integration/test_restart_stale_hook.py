"""The hook that restarts what runs replaced files; a real systemd has it in the lab."""

from __future__ import annotations

import json

import pytest
from support.shipped import Alone, Done, executable

STALE = "post/40-restart-stale"
# A unit is a file with its state; what is done goes to `done`.
FAKE = """#!/bin/bash
cd "${0%/*}/../units"
unit=${*: -1}
case $1 in
try-restart) echo "$unit" >>done; [[ $(<"$unit") != refuses ]] ;;
is-active) cat "$unit"; [[ $(<"$unit") == active ]] ;;
*) exit 64 ;;
esac
"""


class Node(Alone):
    """A node where `stale` units run replaced files, as hookd has found after the installation."""

    def __init__(self, tmp_path, *stale, **standing):
        super().__init__(tmp_path)
        executable(self.bin / "systemctl", FAKE)
        self.units = tmp_path / "units"
        self.units.mkdir()
        found = [{"pid": n, "unit": unit, "files": ["/x"]} for n, unit in enumerate(stale)]
        for unit in stale:
            self.set(unit or "none", "active")
        processes = {"standing": "ok", "reason": "", "stale": found, **standing}
        (tmp_path / "snapshots").mkdir()
        look = tmp_path / "snapshots/installed.json"
        look.write_text(json.dumps({"node": {"processes": processes}}))

    def set(self, unit, state):
        (self.units / unit).write_text(state + "\n")

    def restart(self, option="NoReboot", **settings):
        return self.run(STALE, HOOKD_REBOOT_OPTION=option, **{"STEADY_S": 0, **settings})

    def done(self):
        path = self.units / "done"
        return path.read_text().split() if path.exists() else []


def test_what_may_be_restarted_is_and_the_rest_is_named(tmp_path):
    stale = ("web.service", "db.service", "web.service", "dbus.service", "app@1.service")
    node = Node(tmp_path, *stale, "user@0.service", "session-1.scope", "ssm.service", "")

    done = node.restart(RESTART="*.service", EXCLUDE="db* ssm.service")

    left = "processes of no unit db.service dbus.service session-1.scope ssm.service user@0.service"
    assert done == Done(
        0,
        "",
        {"restarted": "app@1.service web.service", "left": left},
        "restarted 2 units, left 6 alone\n",
    )
    assert node.done() == ["app@1.service", "web.service"]


@pytest.mark.parametrize(
    ("option", "said"), [("RebootIfNeeded", "RebootIfNeeded"), ("", "not known")]
)
def test_where_a_reboot_may_follow_nothing_is_restarted(tmp_path, option, said):
    node = Node(tmp_path, "web.service")

    done = node.restart(option, RESTART="*.service")

    reason = f"the RebootOption is {said}, not NoReboot: nothing is restarted"
    assert (done.code, done.reason, node.done()) == (77, reason, [])


def test_all_are_restarted_and_what_does_not_come_up_is_named(tmp_path):
    node = Node(tmp_path, "a.service", "b.service", "c.service", "d.service")
    node.set("a.service", "refuses")
    node.set("b.service", "failed")
    node.set("c.service", "inactive")  # stopped since hookd has looked

    done = node.restart(RESTART="?.service")

    assert (done.code, done.reason) == (1, "not up after a restart: a.service b.service")
    assert node.done() == ["a.service", "b.service", "c.service", "d.service"]


def test_nothing_stale_is_nothing_to_do(tmp_path):
    done = Node(tmp_path).restart(RESTART="*")

    outputs = {"restarted": "", "left": ""}
    assert done == Done(0, "", outputs, "restarted 0 units, left 0 alone\n")


@pytest.mark.parametrize("standing", ["unknown", "absent"])
def test_what_is_not_known_is_a_failure(tmp_path, standing):
    node = Node(tmp_path, "a.service", standing=standing, reason="/proc hangs")

    done = node.restart(RESTART="*")

    assert (done.code, done.reason, node.done()) == (1, "what is stale is not known", [])


@pytest.mark.parametrize(
    ("settings", "code", "reason"),
    [
        ({}, 77, "not configured: set RESTART"),
        ({"RESTART": "*", "TIMEOUT_S": "x"}, 1, "TIMEOUT_S is no number: x"),
        ({"RESTART": "*", "STEADY_S": "x"}, 1, "STEADY_S is no number: x"),
    ],
)
def test_what_makes_no_sense_is_said(tmp_path, settings, code, reason):
    node = Node(tmp_path, "a.service")

    done = node.restart(**settings)

    assert (done.code, done.reason, node.done()) == (code, reason, [])
