"""A machine on which the RPM of this checkout is installed: files, units, an operation."""

from __future__ import annotations

import json
import uuid

import pytest

import hookd


def test_the_package_is_this_release_and_whole(host):
    assert host.run("rpm -q --qf '%{VERSION}' hookd").stdout == hookd.__version__
    assert host.run("rpm -V hookd").stdout == ""
    assert host.run("hookd --version").stdout == f"hookd {hookd.__version__}\n"


@pytest.mark.parametrize(
    ("path", "mode"),
    [
        ("/usr/bin/hookd", 0o755),
        ("/etc/hookd/hookd.toml", 0o644),
        ("/etc/hookd/hooks.d/pre", 0o755),
        ("/var/lib/hookd", 0o711),
        ("/run/hookd/hookd.sock", 0o600),
    ],
)
def test_files_are_roots_with_the_modes_they_need(host, path, mode):
    file = host.file(path)
    assert (file.exists, file.user, file.mode) == (True, "root", mode)


@pytest.mark.parametrize(
    ("unit", "active"), [("hookd.socket", "active"), ("hookd-boot.service", "inactive")]
)
def test_the_units_are_enabled_and_wait(host, unit, active):
    assert host.run(f"systemctl is-enabled {unit}").stdout == "enabled\n"
    assert host.run(f"systemctl is-active {unit}").stdout == f"{active}\n"


def test_the_service_runs_an_operation_in_which_nothing_happens(host):
    run = f"--operation-id={uuid.uuid4()}"
    codes = [host.run(f"hookd run {phase} {run}").rc for phase in ("pre", "post", "on-exit")]
    document = json.loads(host.run("hookd show --json").stdout)

    assert codes == [0, 0, 0]
    assert document["operation"]["state"] == "closed"
    assert host.run("systemctl is-active hookd.service").stdout == "active\n"


def test_the_lifecycle_is_played_as_foretold(host):
    assert host.run("hookd rehearse --yes").rc == 0
    assert host.run("rpm -V hookd").stdout == ""
