"""on-exit waits until systemd has come to rest before it looks; bounded, told, and only there."""

from __future__ import annotations

import signal
import time

import pytest
from support.fakeroot import FakeRoot
from support.hostroot import HostRoot, says, why_not

pytestmark = pytest.mark.skipif(bool(why_not()), reason=why_not() or "-")

AT_REST = "app.service loaded active running The application"
STARTS = "117 app.service start running"


@pytest.fixture
def root(tmp_path):
    found = HostRoot(tmp_path)
    found.systemd()
    found.answer("list-units", AT_REST)
    found.answer("list-jobs", "No jobs running.")
    found.hook("on-exit", "10-look", says("look"))
    found.run("run", "pre")
    yield found
    found.end()


def settled(root):
    return [e["value"] for e in root.events("observed") if e["subject"] == "settled"]


def asked(root):
    """Return what was asked of systemctl to settle: not of all units, as each look does."""
    own = ("list-jobs", "--type=service", "InactiveExitTimestampMonotonic")
    return [line for line in root.asked() if any(word in line for word in own)]


def verbs(root):
    return [line.split()[0] for line in asked(root)]


def test_a_machine_at_rest_is_looked_at_twice_and_not_waited_for(root):
    root.run("run", "post")
    before = verbs(root)
    root.run("run", "on-exit")

    assert before == []  # pre and post do not settle
    assert verbs(root) == ["list-jobs", "list-units", "show"] * 2
    [found] = settled(root)
    assert {**found, "took_s": 0} == {
        "attempt": 1,
        "boot_id": f"{1:08d}-2222-3333-4444-{'5' * 12}",
        "took_s": 0,
        "left": [],
    }
    assert 1.0 <= found["took_s"] < 10.0


def test_what_is_still_starting_is_waited_for_before_the_look(root):
    root.answer("list-jobs", STARTS, 1)
    root.answer("list-jobs", STARTS, 2)
    root.run("run", "on-exit")

    assert verbs(root).count("list-jobs") == 4
    assert settled(root)[0]["left"] == []
    kinds = [e.get("subject") or e.get("name") for e in root.journal()]
    assert kinds.index("settled") < kinds.index("arrived")
    assert root.result()["notes"] == []


def test_at_its_bound_it_goes_on_and_says_what_never_came_to_rest(root):
    root.config('[verify]\nsettle = "2s"\n')
    root.answer("list-jobs", STARTS)
    root.run("run", "on-exit")

    assert settled(root)[0]["left"] == ["app.service (start)"]
    message = "the machine had not come to rest after 2 s: app.service (start)"
    assert root.result()["notes"] == [{"code": "not-settled", "message": message}]
    assert root.ran() == ["look"]


def test_a_systemctl_that_hangs_is_bounded_and_unrest(root):
    root.config('[verify]\nsettle = "1s"\n')
    root.write("run/said/list-jobs", "sleep 60\n")
    root.run("run", "on-exit")

    assert settled(root)[0]["left"] == ["systemctl did not answer within 5 s"]
    assert root.ran() == ["look"]


def test_a_deadline_leaves_half_of_the_time_to_the_hooks(root):
    root.answer("list-jobs", STARTS)
    root.run("run", "on-exit", "--deadline", "10s")

    [found] = settled(root)
    assert 1.0 <= found["took_s"] <= 7.0
    assert root.ran() == ["look"]


def test_a_cancelled_on_exit_waits_no_longer(root):
    root.answer("list-jobs", STARTS)
    process = root.start("run", "on-exit", "--no-daemon")
    until = time.monotonic() + 10
    while not asked(root):
        assert time.monotonic() < until
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    process.wait(10)

    assert process.returncode == 130
    assert settled(root)[0]["left"] == ["app.service (start)"]


def test_a_dry_run_shows_the_wait_and_does_not_wait(root):
    _, out, _ = root.run("run", "on-exit", "--dry-run")

    assert out.splitlines()[0] == "settle: what is still starting would be taken for broken"
    assert asked(root) == []


def test_settle_of_nothing_is_no_wait(root):
    root.config('[verify]\nsettle = "0s"\n')
    root.run("run", "on-exit")

    assert (asked(root), settled(root)) == ([], [])


def test_an_on_exit_that_is_resumed_in_the_same_boot_waits_no_second_time(root):
    root.hook("on-exit", "20-dies", 'kill -9 "$PPID"; sleep 9')
    root.run("run", "on-exit", "--no-daemon")
    root.run("recover")

    assert len(settled(root)) == 1


def test_after_a_boot_it_waits_anew(root):
    root.hook("on-exit", "20-dies", '[ -e /var/died ] || { : > /var/died; kill -9 "$PPID"; }')
    root.run("run", "on-exit", "--no-daemon")
    root.boot()
    root.run("recover")

    assert [found["boot_id"][:8] for found in settled(root)] == ["00000001", "00000002"]


def test_another_root_is_not_running_and_a_machine_without_systemd_neither(tmp_path):
    for found in (FakeRoot(tmp_path / "a"), HostRoot(tmp_path / "b")):
        found.run("run", "pre")
        found.run("run", "on-exit")
        assert settled(found) == []
