"""A look at a machine that runs: what it reads of it, and what a broken probe costs."""

from __future__ import annotations

import json

import pytest
from support.hostroot import HostRoot, why_not

from hookd.core.codec import encode
from hookd.core.node import Unit, Units

pytestmark = pytest.mark.skipif(bool(why_not()), reason=why_not() or "-")

LISTED = """\
app.service        loaded active running The application
basic.target       loaded active active  Basic System"""
SHOWN = """\
Id=app.service
LoadState=loaded
ActiveState=active
SubState=running
Type=simple
NRestarts=3
MainPID=41
Job=17"""
UNITS = Units(
    units=(
        Unit(
            "app.service",
            *("loaded", "active", "running"),
            kind="simple",
            restarts=3,
            main_pid=41,
        ),
        Unit("basic.target", "loaded", "active", "active"),
    ),
    jobs=("app.service",),
)


@pytest.fixture
def root(tmp_path):
    found = HostRoot(tmp_path)
    found.systemd()
    found.answer("list-units", LISTED)
    found.answer("show", SHOWN)
    yield found
    found.end()


def looked(root):
    """Let pre look and return the node as it is in the record."""
    code, _, err = root.run("run", "pre")
    assert (code, err) == (0, "")
    (path,) = root.path.glob("var/lib/hookd/operations/*/snapshots/before.json")
    return json.loads(path.read_text())["node"]


def test_what_runs_is_in_the_record(root):
    node = looked(root)
    assert node["units"] == encode(UNITS)
    standings = {name: reading["standing"] for name, reading in node.items()}
    assert set(standings.values()) <= {"ok", "absent"}, node
    assert {name for name, one in standings.items() if one == "ok"} >= {
        *("units", "sockets", "mounts", "network", "clock", "disks", "processes", "leavings"),
    }


def test_a_probe_that_is_killed_costs_its_reading_and_the_look_goes_on(root):
    root.write("run/said/list-units", "kill -KILL $PPID\n")
    node = looked(root)
    assert (node["units"]["standing"], node["units"]["reason"]) == (
        "unknown",
        "the probe was killed by SIGKILL",
    )
    assert [name for name, one in node.items() if one["standing"] == "unknown"] == ["units"]


def test_a_systemctl_that_fails_is_told(root):
    root.write("run/said/show", "echo 'Failed to connect to bus: Host is down' >&2; exit 1\n")
    node = looked(root)
    assert (node["units"]["standing"], node["units"]["reason"]) == (
        "unknown",
        "systemctl exited 1: Failed to connect to bus: Host is down",
    )
