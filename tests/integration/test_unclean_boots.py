"""A machine that went down without a shutdown: told, and doubted by recovery alone."""

from __future__ import annotations

import pytest
from support.fakeroot import PATH, FakeRoot, check_of, hooks_of, says
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


def test_boots_that_nobody_ordered_are_told_with_their_times(tmp_path):
    root = FakeRoot(tmp_path)
    wtmp = root.path / "var/log/wtmp"
    wtmp.write_bytes(booted(FIRST))
    root.run("run", "pre")
    root.run("run", "post")
    with wtmp.open("ab") as file:
        file.write(shut_down(FIRST + 90) + booted(FIRST + 100) + booted(FIRST + 200))
        file.write(shut_down(SECOND - 5) + booted(SECOND + 2))
    root.boot()
    code, out, _ = root.run("run", "on-exit")

    result = root.result()
    times = ["2021-02-05T01:55:00Z", "2021-02-05T01:56:40Z", "2021-02-05T02:10:02Z"]
    found = check_of(result, "boot.count")
    assert (code, found["outcome"], found["expected"], found["before"]) == (
        0,
        "warn",
        "at most 1 boot: the patch run's",
        "up since 2021-02-05T01:53:20Z",
    )
    assert found["found"] == "3 boots, at " + ", ".join(times)
    assert (result["changes"]["boot"]["boots"], result["changes"]["boot"]["booted_at"]) == (
        3,
        times,
    )
    assert "\nrebooted: yes, 3 times, down for 7 s\n" in out


ENDED_WITH_WORK = '{"_PID":"812","MESSAGE":"GET / 200"}'
ENDED_WITH_SHUTDOWN = '{"_PID":"1","MESSAGE":"Reached target Reboot."}'


@pytest.mark.parametrize(
    ("last", "outcome"), [(ENDED_WITH_WORK, "warn"), (ENDED_WITH_SHUTDOWN, "pass")]
)
def test_where_wtmp_does_not_know_the_journal_is_asked(root, tmp_path, last, outcome):
    (root.path / "var/log/journal" / ("ab" * 16)).mkdir(parents=True)
    fake = tmp_path / "bin/journalctl"
    fake.parent.mkdir()
    fake.write_text(f"#!/bin/sh\necho \"$@\" >> {tmp_path}/asked\necho '{last}'\n")
    fake.chmod(0o755)
    path = {"PATH": f"{fake.parent}:{PATH}"}
    root.boot()
    root.run("boot", environment=path)
    root.run("run", "on-exit", environment=path)

    assert check_of(root.result(), "boot.clean")["outcome"] == outcome
    [asked] = (tmp_path / "asked").read_text().splitlines()
    assert asked.endswith("_BOOT_ID=00000001222233334444555555555555")


def test_a_dump_is_told_of_where_the_machine_was_shut_down_too(tmp_path):
    root = FakeRoot(tmp_path)
    (root.path / "sys/fs/pstore").mkdir(parents=True)
    root.run("run", "pre")
    root.run("run", "post")
    (root.path / "var/crash/127.0.0.1-2021-02-05-02:05:00").mkdir(parents=True)
    root.write("var/crash/_usr_bin_x.0.crash", "a program's")
    boot(root, booted(FIRST), shut_down(SECOND - 81.2), booted(SECOND + 2))
    code, out, _ = root.run("run", "on-exit")

    result, dump = root.result(), "/var/crash/127.0.0.1-2021-02-05-02:05:00"
    found = check_of(result, "boot.clean")
    assert (code, found["outcome"], found["found"]) == (
        0,
        "warn",
        f"a crash left {dump} (boot of 2021-02-05T02:10:00Z)",
    )
    assert result["changes"]["boot"]["crashes"] == [dump]
    assert "\nrebooted: yes, down for 83 s, crash dump in /var/crash\n" in out


def test_debians_wish_for_a_reboot_is_a_warning_until_it_has_come(tmp_path):
    root = FakeRoot(tmp_path)
    root.run("run", "pre")
    root.write("run/reboot-required", "*** System restart required ***\n")
    root.write("run/reboot-required.pkgs", "libc6\n")
    root.run("run", "post")
    root.run("run", "on-exit")
    waits, path = check_of(root.result(), "reboot.needed"), root.result()["operation"]["path"]
    for name in ("reboot-required", "reboot-required.pkgs"):
        (root.path / "run" / name).unlink()  # /run is a tmpfs
    root.boot()
    root.run("boot")

    assert (path, waits["outcome"], waits["found"], waits["before"]) == (
        "patched-reboot-pending",
        "warn",
        "/run/reboot-required is there, for libc6",
        "none",
    )
    operation = root.result()["operation"]
    assert (operation["path"], operation["verdict"]) == ("patched-rebooted", "passed")
