"""The service after a boot that has not come far: its hooks wait for the network and cloud-init."""

from __future__ import annotations

import re
import subprocess
import time

import pytest
from support.hostroot import HostRoot, says, why_not
from support.recovering import eventually, service

pytestmark = pytest.mark.skipif(bool(why_not()), reason=why_not() or "-")

UNIT = "Id={}\nActiveState={}\nActiveEnterTimestampMonotonic={}\n"
OFFLINE = UNIT.format("network-online.target", "inactive", 0)
ONLINE = UNIT.format("network-online.target", "active", 41500000)


@pytest.fixture
def root(tmp_path):
    """A machine that owes an undo since before its boot; the grace is longer than it is up."""
    found = HostRoot(tmp_path)
    found.systemd()
    found.config('[recovery]\ngrace = "300d"\n[verify]\nsettle = "0s"\n')
    found.answer("show", OFFLINE)
    found.hook("pre", "30-leave", says("leave"))
    found.undo("70-join", "30-leave", says("join", "[ -e /var/may ]"))
    found.run("run", "pre")
    found.run("run", "post")
    found.run("run", "on-exit", "--no-daemon")
    found.write("var/may", "")
    found.boot()
    yield found
    found.end()


def test_an_undo_is_not_tried_before_the_network_is_online(root):
    with service(root):
        eventually(root.asked)
        time.sleep(0.5)
        before = root.ran()
        root.answer("show", ONLINE)
        # After any call it looks at once, else within half a minute. This one is refused.
        root.run("run", "post", "--operation-id", "20260205T015311Z-7f3a")
        eventually(lambda: root.events("operation-closed"))

    assert (before, root.ran()) == (["leave", "join"], ["leave", "join", "join"])


def test_status_says_what_is_waited_for_and_until_when(root):
    code, out, _ = root.run("status")
    [found] = root.json("status")["operations"]

    assert code == 1
    assert found["next"]["waits_for"] == "network-online.target"
    until = r"\(70-join is outstanding; waits for network-online\.target \(until \d\d:\d\dZ\)\)"
    line = rf"  next: retry-undos within \d+ min {until}; `hookd recover` does it at once"
    assert re.fullmatch(line, out.splitlines()[-1])


def test_a_person_who_recovers_waits_for_nothing(root):
    root.run("recover")
    assert root.ran() == ["leave", "join", "join"]


def test_the_service_is_ready_before_anything_is_online(root):
    with service(root):
        done = subprocess.run(
            root.command("run", "post"),
            env=root.environment(None),
            capture_output=True,
            timeout=30,
            check=False,
        )
    assert done.returncode == 0
    assert root.ran() == ["leave", "join"]
