"""A machine that went down without a shutdown: told, and doubted by recovery alone."""

from __future__ import annotations

import pytest
from support.fakeroot import FakeRoot, check_of, hooks_of, says
from support.recovering import eventually, service
from support.wtmp import booted, shut_down

# FakeRoot's second boot, and the one before it.
SECOND, FIRST = 1612491000, 1612490000


@pytest.fixture
def root(tmp_path):
    """A machine that is patched, with an undo that waits until it is healthy."""
    found = FakeRoot(tmp_path)
    found.config('[recovery]\ngrace = "1s"\n')  # the host is up for longer
    found.hook("pre", "30-leave", says("leave"))
    found.undo("70-join", "30-leave", says("join"), "only_if_healthy = true")
    found.run("run", "pre")
    found.run("run", "post")
    yield found
    found.end()


def boot(root, *records):
    """Boot again, with `records` in its wtmp, and take the first look."""
    (root.path / "var/log/wtmp").write_bytes(b"".join(records))
    root.boot()
    root.run("boot")


def crash(root):
    boot(root, booted(FIRST), booted(SECOND + 2))


def test_a_shutdown_before_the_boot_is_told_with_how_long_it_took(root):
    boot(root, booted(FIRST), shut_down(SECOND - 81.2), booted(SECOND + 2))
    code, _, _ = root.run("run", "on-exit")

    result = root.result()
    assert (code, check_of(result, "boot.clean")["outcome"]) == (0, "pass")
    found = {name: result["changes"]["boot"][name] for name in ("clean", "downtime_s", "reason")}
    assert found == {"clean": True, "downtime_s": 83.2, "reason": ""}


def test_a_crash_is_a_warning_to_an_on_exit_that_is_called(root):
    crash(root)
    code, out, _ = root.run("run", "on-exit")

    result = root.result()
    assert (code, result["operation"]["verdict"]) == (0, "passed-with-warnings")
    assert root.ran() == ["leave", "join"]
    assert result["changes"]["boot"]["clean"] is False
    assert "\nrebooted: yes, without a shutdown before\n" in out
    assert [one["found"] for one in result["checks"] if one["outcome"] == "warn"] == [
        "1 of 1 boots came without a shutdown before"
    ]


def test_after_a_crash_recovery_keeps_what_waits_for_health_back(root):
    crash(root)
    with service(root):
        eventually(lambda: root.events("phase-ended")[-1]["phase"] == "on-exit")

    result = root.result()
    assert root.ran() == ["leave"]
    assert check_of(result, "boot.loop")["found"] == "1 boots, the last without a shutdown before"
    waits = "waits until the machine is healthy; health is failed"
    assert hooks_of(result, "on-exit") == {"70-join": ("outstanding", waits)}
    assert result["operation"]["state"] == "open"


def test_a_person_who_recovers_runs_it(root):
    crash(root)
    with service(root):
        eventually(lambda: root.events("phase-ended")[-1]["phase"] == "on-exit")
    root.run("recover")

    result = root.result()
    assert (root.ran(), result["operation"]["state"]) == (["leave", "join"], "closed")
    assert check_of(result, "boot.loop")["outcome"] == "pass"


def test_after_a_crash_recovery_waits_for_the_whole_grace(root):
    root.config('[recovery]\ngrace = "300d"\nabandon_after = "1ms"\n')
    crash(root)
    [found] = root.json("status")["operations"]

    assert found["next"]["act"] == "on-exit"
    assert found["next"]["in_s"] > 86400


@pytest.mark.parametrize("records", [(), (booted(SECOND + 2),)], ids=["no record", "no earlier"])
def test_what_nobody_recorded_stops_no_recovery(root, records):
    boot(root, *records)
    with service(root):
        eventually(lambda: root.events("operation-closed"))

    result = root.result()
    assert root.ran() == ["leave", "join"]
    assert result["changes"]["boot"]["clean"] is None
    assert check_of(result, "boot.loop")["outcome"] == "pass"
