"""The hooks that come along, configured together, over a real reboot of a real systemd."""

from __future__ import annotations

import json
import pathlib

from lab import hooks

SHIPPED = pathlib.Path(__file__).resolve().parents[2] / "hooks.d"
UNIT = "[Unit]\nDescription=A unit of the lab\n[Service]\nExecStart=/bin/sleep infinity\n"
ENABLED = UNIT + "[Install]\nWantedBy=multi-user.target\n"
CONFIGURATION = """
[hooks."pre/05-hold".settings]
HOLD_FILE = "/etc/no-patching"
HOLD_USERS = "any"
BLACKOUT = "2001-01-01"
[hooks."pre/10-preflight".settings]
CHECKS = "disk inodes locks unfinished duplicates"
MIN_FREE_MB = "/ 1"
MIN_FREE_INODES = "/ 1"
[hooks."pre/20-backup-config".settings]
BACKUP_PATHS = "/etc/hookd /etc/*.conf"
[hooks."pre/30-stop-units".settings]
UNITS = "app.service enabled.service old.service"
[hooks."post/40-restart-stale".settings]
RESTART = "*.service"
[hooks."on-exit/50-application-health".settings]
COMMAND = "systemctl is-active --quiet app.service"
[hooks."on-exit/60-impact".settings]
LOGS = "/var/log/app.log"
[hooks."on-exit/90-notify".settings]
TOPIC_ARN = "arn:aws:sns:eu-west-1:123456789012:patching"
AWS_CLI = "/srv/aws"
"""
AWS = '#!/bin/sh\necho "$*" >>/srv/told\n'


def states(machine):
    """Return whether each unit is active, and whether it comes up at boot."""
    script = "for unit in app enabled old; do systemctl is-active $unit; done"
    return machine.execute(script).stdout.split()


def test_units_that_ran_run_again_after_the_reboot_and_no_other(new_machine):
    machine = new_machine(service=True)
    for path in SHIPPED.glob("*/*"):
        place = f"/usr/lib/hookd/hooks.d/{path.relative_to(SHIPPED)}"
        machine.put(place, path.read_bytes(), 0o755)
    machine.write("/etc/hookd/hookd.toml", CONFIGURATION)
    for name, text in (("app", UNIT), ("enabled", ENABLED), ("old", UNIT)):
        machine.write(f"/etc/systemd/system/{name}.service", text)
    machine.write("/var/log/app.log", "2026-01-01T00:00:00Z error: long ago\n")
    machine.put("/srv/aws", AWS.encode(), 0o755)
    machine.boot()
    machine.execute("systemctl enable --now enabled && systemctl start app").check()
    found = [states(machine)]

    codes = [hooks.hookd(machine, "pre").returncode]
    found.append(states(machine))
    codes.append(hooks.hookd(machine, "post").returncode)
    machine.reboot()
    found.append(states(machine))
    ended = hooks.hookd(machine, "on-exit")
    found.append(states(machine))

    document = hooks.shown(machine)
    assert [*codes, ended.returncode] == [0, 0, 0], ended.stdout
    assert found == [
        ["active", "active", "inactive"],
        ["inactive", "inactive", "inactive"],
        ["inactive", "active", "inactive"],  # what is enabled came up by itself
        ["active", "active", "inactive"],
    ]
    assert hooks.outcomes(document) == [
        ("pre", 1, "05-hold", "passed"),
        ("pre", 1, "10-preflight", "passed"),
        ("pre", 1, "12-wait-for-cloud-init", "skipped"),
        ("pre", 1, "20-backup-config", "passed"),
        ("pre", 1, "30-drain-ecs", "skipped"),
        ("pre", 1, "30-drain-kubernetes", "skipped"),
        ("pre", 1, "30-enter-standby", "skipped"),
        ("pre", 1, "30-leave-haproxy", "skipped"),
        ("pre", 1, "30-leave-nginx", "skipped"),
        ("pre", 1, "30-leave-target-group", "skipped"),
        ("pre", 1, "30-stop-units", "passed"),
        ("post", 1, "20-update-dependencies", "skipped"),
        ("post", 1, "40-restart-stale", "skipped"),
        ("on-exit", 1, "30-restore-dependencies", "skipped"),
        ("on-exit", 1, "40-start-units", "passed"),
        ("on-exit", 1, "50-application-health", "passed"),
        ("on-exit", 1, "60-impact", "passed"),
        ("on-exit", 1, "70-activate-ecs", "skipped"),
        ("on-exit", 1, "70-exit-standby", "skipped"),
        ("on-exit", 1, "70-join-haproxy", "skipped"),
        ("on-exit", 1, "70-join-nginx", "skipped"),
        ("on-exit", 1, "70-join-target-group", "skipped"),
        ("on-exit", 1, "70-uncordon-kubernetes", "skipped"),
        ("on-exit", 1, "90-notify", "passed"),
    ]
    assert "is well so far after patching" in machine.read("/srv/told")
    assert document["operation"]["outstanding_undos"] == []
    archive = hooks.hook_of(document, "20-backup-config")["outputs"]["backup"]
    listed = machine.execute(["tar", "--list", "--gzip", "--file", archive]).check().stdout
    assert "etc/hookd/hookd.toml" in listed.split()


def test_power_is_lost_while_units_stop_and_what_ran_runs_again(new_machine):
    machine = new_machine(service=True)
    for name in ("pre/30-stop-units", "on-exit/40-start-units"):
        machine.put(f"/usr/lib/hookd/hooks.d/{name}", (SHIPPED / name).read_bytes(), 0o755)
    machine.write("/etc/hookd/hookd.toml", CONFIGURATION.replace("old.service", "slow.service"))
    slow = UNIT + "ExecStop=/bin/sh -c 'echo >/srv/hanging; sleep 600'\nTimeoutStopSec=900\n"
    for name, text in (("app", UNIT), ("enabled", ENABLED), ("slow", slow)):
        machine.write(f"/etc/systemd/system/{name}.service", text)
    machine.boot()
    machine.execute("systemctl enable --now enabled && systemctl start app slow").check()

    hooks.begin(machine, "pre")
    machine.power_off_hard()
    machine.boot()
    hooks.hookd(machine, "on-exit")

    active = machine.execute("systemctl is-active app enabled slow").stdout.split()
    document = hooks.shown(machine)
    assert active == ["active", "active", "active"]
    # hookd may outlive the others by the moment in which it sees them end
    assert hooks.hook_of(document, "30-stop-units")["outcome"] in ("interrupted", "failed")
    assert hooks.hook_of(document, "40-start-units")["outcome"] == "passed"
    assert json.loads(machine.execute(["hookd", "status", "--json"]).stdout)["operations"] == []


def test_what_stops_along_with_a_unit_runs_again_and_no_other(new_machine):
    machine = new_machine()
    for name in ("pre/30-stop-units", "on-exit/40-start-units"):
        machine.put(f"/usr/lib/hookd/hooks.d/{name}", (SHIPPED / name).read_bytes(), 0o755)
    machine.write(
        "/etc/hookd/hookd.toml", '[hooks."pre/30-stop-units".settings]\nUNITS = "app.service"\n'
    )
    needs, is_part = (f"[Unit]\n{key}=app.service\n" for key in ("Requires", "PartOf"))
    wants = "[Unit]\nRequires=app.service\nWants=old.service\n"
    units = {"app.service": UNIT, "old.service": needs + UNIT, "needs.service": needs + UNIT}
    units.update({"part.service": is_part + UNIT, "all.target": wants})
    for name, text in units.items():
        machine.write(f"/etc/systemd/system/{name}", text)
    machine.boot()
    machine.execute("systemctl start needs part all.target && systemctl stop old").check()

    hooks.hookd(machine, "pre")
    while_stopped = machine.execute(["systemctl", "is-active", *units]).stdout.split()
    hooks.hookd(machine, "on-exit")

    active = machine.execute(["systemctl", "is-active", *units]).stdout.split()
    assert while_stopped == ["inactive"] * 5
    assert active == ["active", "inactive", "active", "active", "active"]
    assert hooks.hook_of(hooks.shown(machine), "40-start-units")["outcome"] == "passed"
