"""What patching breaks and what it does not, without a reboot: all that is noticed, and no more."""

from __future__ import annotations

import pathlib

import pytest

from lab import application
from lab.application import (
    ENDS,
    IDLES,
    LISTENS,
    LISTENS_LATE,
    PORT,
    UNIT,
    Release,
    bring,
    rpm,
    start,
)
from lab.facts import of_unit
from lab.hooks import check_of, hook_of, install, shown
from lab.patching import Patching, noticed, verdict_of

SETTINGS = "/etc/hookd/hookd.toml"
EXPECTS = f"""\
[verify]
settle = "{{settle}}"

[expect.units."{UNIT}"]
active = true

[expect.tcp."127.0.0.1:{PORT}"]
reachable = true

[expect.http."http://127.0.0.1:{PORT}/"]
status = 200
contains = "well"
"""
SHIPPED, STALE = pathlib.Path(__file__).resolve().parents[2] / "hooks.d", "post/40-restart-stale"
RESTARTS = f'[hooks."{STALE}".settings]\nRESTART = "*.service"\n'
# Nothing of them is packaged, and no process of theirs runs when hookd looks.
OWN_SERVICE = """\
[Service]
Type=oneshot
ExecStart=/usr/bin/env python3 /usr/lib/app/program
"""
OWN_SOCKET = f"""\
[Socket]
ListenStream=127.0.0.1:{PORT}

[Install]
WantedBy=sockets.target
"""
# Stands in front of the real one on PATH.
IN_FRONT = "/usr/local/sbin/systemctl"


@pytest.fixture
def machine(served):
    """Every machine here has the service."""
    return served


def test_an_update_whose_new_configuration_is_wrong_and_who_brought_it(machine, tmp_path):
    start(machine, tmp_path, Release("1"))
    update = bring(machine, tmp_path, Release("2", config="prot=8080\n", does=LISTENS))

    Patching(machine).patch(update)

    document = shown(machine)
    assert noticed(document) == {"units.failed-since-pre": "fail"}
    assert verdict_of(document) == ("patched-no-reboot", "failed")
    found = check_of(document, "units.failed-since-pre")
    assert UNIT in found["found"]
    assert "app.all" in found["found"]
    [change] = document["changes"]["units"]
    assert (change["unit"], change["before"]) == (UNIT, "active (running), enabled")
    assert (change["after"], change["packages"]) == ("failed (failed), enabled", ["app.all"])


def test_an_update_that_no_longer_understands_the_edited_configuration(machine, tmp_path):
    start(machine, tmp_path, Release("1", does=LISTENS), rpm)
    machine.write(application.CONFIG, f"port={PORT}\naddress=127.0.0.1\n")
    needs = LISTENS.replace('settings["port"]', 'settings["listen"]')
    second = Release("2", config=f"listen={PORT}\n", does=needs)
    update = bring(machine, tmp_path, second, rpm)

    Patching(machine).patch(update)

    document = shown(machine)
    assert noticed(document) == {
        "config.rpmnew": "warn",
        "sockets.lost": "fail",
        "units.failed-since-pre": "fail",
    }
    assert verdict_of(document) == ("patched-no-reboot", "failed")
    assert application.CONFIG + ".rpmnew" in check_of(document, "config.rpmnew")["found"]
    for name in ("units.failed-since-pre", "sockets.lost"):
        found = check_of(document, name)["found"]
        assert UNIT in found, found
        assert "app.x86_64" in found, found
    assert f"127.0.0.1:{PORT}" in check_of(document, "sockets.lost")["found"]


def test_an_admins_own_units_that_the_package_of_what_they_start_breaks(machine, tmp_path):
    start(machine, tmp_path, Release("1", does="time.sleep(0)"))
    machine.write("/etc/systemd/system/own.service", OWN_SERVICE)
    machine.write("/etc/systemd/system/own.socket", OWN_SOCKET)
    own = "systemctl daemon-reload; systemctl enable --now own.socket; systemctl start own.service"
    machine.execute(own).check()
    breaks = "systemctl stop own.socket; systemctl start own.service || true"
    update = bring(machine, tmp_path, Release("2", does="raise SystemExit(3)", scriptlet=breaks))

    Patching(machine).patch(update)

    document = shown(machine)
    assert noticed(document) == {"sockets.lost": "fail", "units.failed-since-pre": "fail"}
    assert check_of(document, "sockets.lost")["found"] == (
        f"tcp 127.0.0.1:{PORT} of own.socket is lost (app.all changed)"
    )
    assert check_of(document, "units.failed-since-pre")["found"] == (
        "own.service is failed (app.all changed), own.socket is stopped (app.all changed)"
    )


def test_what_was_broken_before_is_not_the_updates_doing(machine, tmp_path):
    start(machine, tmp_path, Release("1"))
    machine.write("/etc/systemd/system/old.service", "[Service]\nExecStart=/bin/false\n")
    machine.execute("systemctl daemon-reload; systemctl start old.service")
    machine.wait_until("systemctl is-failed --quiet old.service")

    Patching(machine).patch(bring(machine, tmp_path, Release("2")))

    document = shown(machine)
    assert noticed(document) == {"units.failed-before": "warn"}
    assert verdict_of(document) == ("patched-no-reboot", "passed-with-warnings")
    found = check_of(document, "units.failed-before")["found"]
    assert ("old.service" in found, UNIT in found, "app.all" in found) == (True, False, False)


def test_an_update_after_which_the_service_ends_and_is_started_again_and_again(machine, tmp_path):
    machine.write(SETTINGS, "[verify]\nsettle = '5s'\n")
    restarts = "Restart=always\nRestartSec=200ms"
    start(machine, tmp_path, Release("1", service=restarts))
    update = bring(machine, tmp_path, Release("2", does=ENDS, service=restarts))

    Patching(machine).patch(update)

    document = shown(machine)
    assert noticed(document) == {"units.flapping": "warn"}
    found = check_of(document, "units.flapping")["found"]
    assert UNIT in found
    assert "app.all" in found


def test_an_update_after_which_the_service_listens_elsewhere(machine, tmp_path):
    start(machine, tmp_path, Release("1", does=LISTENS))
    update = bring(machine, tmp_path, Release("2", does=LISTENS, config=f"port={PORT + 1}\n"))

    Patching(machine).patch(update)

    document = shown(machine)
    assert noticed(document) == {"sockets.lost": "fail"}
    found = check_of(document, "sockets.lost")["found"]
    assert (f"tcp 127.0.0.1:{PORT}" in found, UNIT in found, "app.all" in found) == (True,) * 3
    changes = {one["socket"]: one["packages"] for one in document["changes"]["sockets"]}
    assert changes == {f"tcp 127.0.0.1:{PORT}": ["app.all"], f"tcp 127.0.0.1:{PORT + 1}": []}


def test_an_update_that_nobody_restarts_the_service_for(machine, tmp_path):
    loads = f"library = ctypes.CDLL('{application.LIBRARY}')\n{IDLES}"
    start(machine, tmp_path, Release("1", does=loads))
    machine.wait_until(f"grep -q libapp /proc/$(systemctl show --value -p MainPID {UNIT})/maps")
    update = bring(machine, tmp_path, Release("2", does=loads, scriptlet=":"))

    Patching(machine).patch(update)

    document = shown(machine)
    assert noticed(document) == {"processes.stale": "warn"}
    assert UNIT in check_of(document, "processes.stale")["found"]

    # and now somebody does
    old = of_unit(machine, UNIT, "MainPID")
    machine.put(f"/usr/lib/hookd/hooks.d/{STALE}", (SHIPPED / STALE).read_bytes(), 0o755)
    machine.write("/etc/hookd/conf.d/stale.toml", RESTARTS)
    update = bring(machine, tmp_path, Release("3", does=loads, scriptlet=":"))
    Patching(machine, 2, reboot_option="NoReboot").patch(update)

    document = shown(machine)
    hook = hook_of(document, "40-restart-stale")
    assert (hook["outcome"], hook["outputs"]["restarted"]) == ("passed", UNIT), hook
    assert noticed(document) == {}
    assert verdict_of(document) == ("patched-no-reboot", "passed")
    assert of_unit(machine, UNIT, "ActiveState") == "active"
    assert of_unit(machine, UNIT, "MainPID") != old


@pytest.mark.parametrize("is_undone", [True, False])
def test_what_a_hook_of_pre_has_stopped_is_not_the_updates_doing(machine, tmp_path, is_undone):
    start(machine, tmp_path, Release("1", does=LISTENS))
    install(machine, "pre/40-stop", f"systemctl stop {UNIT}")
    if is_undone:
        starts = f'echo "health=$HOOKD_HEALTH" >>"$HOOKD_OUTPUT"; systemctl start {UNIT}'
        metadata = {"undoes": "pre/40-stop", "only_if_healthy": True}
        install(machine, "on-exit/60-start", starts, **metadata)

    Patching(machine).patch(bring(machine, tmp_path, Release("2", does=LISTENS)))

    document = shown(machine)
    if is_undone:
        assert noticed(document) == {}
        assert verdict_of(document) == ("patched-no-reboot", "passed")
        [hook] = document["phases"][-1]["hooks"]
        assert (hook["outcome"], hook["outputs"]) == ("passed", {"health": "passed"})
        return
    assert noticed(document) == {"sockets.lost": "fail", "units.failed-since-pre": "fail"}
    for name in ("units.failed-since-pre", "sockets.lost"):
        found = check_of(document, name)["found"]
        assert UNIT in found
        assert "a hook of pre did it" in found
        assert "app.all" not in found


@pytest.mark.parametrize("comes", [True, False])
def test_what_the_admin_expects_is_waited_for(machine, tmp_path, comes):
    machine.write(SETTINGS, EXPECTS.format(settle="15s" if comes else "3s"))
    start(machine, tmp_path, Release("1", does=LISTENS))
    does = LISTENS_LATE if comes else IDLES

    Patching(machine).patch(bring(machine, tmp_path, Release("2", does=does)))

    document = shown(machine)
    if comes:
        assert noticed(document) == {}
        assert verdict_of(document) == ("patched-no-reboot", "passed")
        return
    assert noticed(document) == {
        "expect.http": "fail",
        "expect.tcp": "fail",
        "sockets.lost": "fail",
    }
    check = check_of(document, "expect.tcp")
    assert f"127.0.0.1:{PORT}" in check["found"]
    assert check_of(document, "expect.units")["outcome"] == "pass"


def test_a_systemd_that_no_longer_answers_is_not_known_and_nobody_waits_for_it(machine, tmp_path):
    machine.write(SETTINGS, "[verify]\nsettle = '3s'\n")
    start(machine, tmp_path, Release("1", does=LISTENS))
    run = Patching(machine)
    run.pre().check()
    run.install(bring(machine, tmp_path, Release("2", does=LISTENS)))
    run.post().check()
    machine.write(IN_FRONT, "#!/bin/sh\nexec sleep 600\n", 0o755)

    ended = run.on_exit()
    machine.execute(["rm", IN_FRONT]).check()

    document = shown(machine)
    assert ended.returncode == 1
    assert noticed(document) == {
        "agent.alive": "unknown",
        "units.failed-before": "unknown",
        "units.failed-since-pre": "unknown",
        "units.flapping": "unknown",
    }
    assert verdict_of(document) == ("patched-no-reboot", "incomplete")
    reason = check_of(document, "units.failed-since-pre")["reason"]
    assert reason == "after: systemctl did not answer within 30 s"
    assert of_unit(machine, UNIT, "ActiveState") == "active"


def test_a_clean_update_is_not_spoken_of(machine, tmp_path):
    start(machine, tmp_path, Release("1", does=LISTENS))

    Patching(machine).patch(bring(machine, tmp_path, Release("2", does=LISTENS)))

    document = shown(machine)
    assert noticed(document) == {}
    assert verdict_of(document) == ("patched-no-reboot", "passed")
    changes = document["changes"]
    assert [one["name"] for one in changes["packages"]] == ["app"]
    assert [changes[kind] for kind in ("units", "sockets", "mounts", "settings")] == [[]] * 4
