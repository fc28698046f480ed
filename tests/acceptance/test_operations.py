"""Whole operations on a machine: over a reboot, an upgrade and a removal, which comes last."""

from __future__ import annotations

import pytest
from lab import hooks

import hookd as this
from acceptance.reached import NO_SERVICE

UNITS = ("hookd.socket", "hookd.service", "hookd-boot.service")
# Not of the package: the dummy to update, RPMs to install, and where Vagrant puts the checkout.
NOT_ITS = "-not -name '*hookd-example*' -not -path '/srv/*' -not -path '/vagrant/*'"

pytestmark = pytest.mark.timeout(900)  # with two boots of a slow machine


def install(machine, path):
    machine.execute(["rpm", "-i", path]).check()


def state(machine, unit, name):
    """Return what systemd says of `unit`'s property `name`; systemd 219 knows no --value."""
    shown = machine.execute(["systemctl", "show", f"--property={name}", unit]).check().stdout
    return shown.strip().partition("=")[2]


def states(machine, name):
    return {unit: state(machine, unit, name) for unit in UNITS}


def assert_whole(machine):
    """The release is this one, and nothing differs from what rpm installed."""
    done = machine.execute("hookd --version && rpm -V hookd")
    assert (done.returncode, done.stdout) == (0, f"hookd {this.__version__}\n")


def install_a_pair(machine):
    """Install a pre hook that notes what was, and the undo that looks for the note."""
    hooks.install(machine, "pre/30-leave", 'echo was-in >"$HOOKD_SCRATCH/was"')
    hooks.install(machine, "post/50-check")
    hooks.install(machine, "on-exit/70-join", 'test -s "$HOOKD_SCRATCH/was"', undoes="pre/30-leave")


def changes(document):
    """Return the packages that changed: (name, before, after)."""
    found = document["changes"]["packages"]
    return [(change["name"], change["before"], change["after"]) for change in found]


def how_it_ended(document):
    return tuple(document["operation"][key] for key in ("state", "path", "verdict"))


def test_an_update_and_a_reboot_are_one_operation_that_passes(machine, releases, example):
    install(machine, releases.new)
    install_a_pair(machine)

    codes = [hooks.hookd(machine, "pre").returncode]
    machine.execute(example).check()
    codes.append(hooks.hookd(machine, "post").returncode)
    machine.reboot()
    codes.append(hooks.hookd(machine, "on-exit").returncode)

    assert codes == [0, 0, 0]
    document = hooks.shown(machine)
    assert how_it_ended(document) == ("closed", "patched-rebooted", "passed")
    assert changes(document) == [("hookd-example", ["1.0-1"], ["1.1-1"])]
    assert hooks.starts(machine) == ["pre/30-leave", "post/50-check", "on-exit/70-join"]
    assert_whole(machine)


def test_hookd_is_in_the_patch_set_of_its_own_operation_with_a_reboot(machine, releases, old):
    found = states(machine, "ActiveState")
    hooks.install(machine, "pre/20-update-dependencies", f"rpm -U {releases.new}")
    install_a_pair(machine)

    codes = [hooks.hookd(machine, phase).returncode for phase in ("pre", "post")]
    machine.reboot()
    codes.append(hooks.hookd(machine, "on-exit").returncode)

    assert found == {
        "hookd.socket": "active",
        "hookd.service": "inactive",
        "hookd-boot.service": "inactive",
    }
    assert codes == [0, 0, 0]
    document = hooks.shown(machine)
    assert how_it_ended(document) == ("closed", "patched-rebooted", "passed")
    assert changes(document) == [("hookd", [old], [f"{this.__version__}-1"])]
    assert hooks.starts(machine) == [
        "pre/20-update-dependencies",
        "pre/30-leave",
        "post/50-check",
        "on-exit/70-join",
    ]
    assert_whole(machine)


@pytest.mark.usefixtures("old")
def test_an_upgrade_in_mid_hook_waits_for_nothing_and_ends_nothing(machine, releases):
    hooks.install(machine, "pre/30-leave", hooks.WAITS)
    hooks.install(machine, "pre/50-later")
    call = hooks.begin(machine, "pre")
    service = state(machine, "hookd.service", "MainPID")

    machine.execute(["rpm", "-U", releases.new]).check()

    assert state(machine, "hookd.service", "MainPID") == service
    machine.execute("kill -0 $(cat /srv/hanging) && touch /srv/go").check()
    answered = call.wait()
    assert (answered.returncode, answered.stderr) == (0, "")
    # the next service is the new one, and goes on with what the old one began
    machine.execute(["systemctl", "stop", "hookd.service"]).check()
    codes = [hooks.hookd(machine, phase).returncode for phase in ("post", "on-exit")]
    assert codes == [0, 0]
    assert hooks.starts(machine) == ["pre/30-leave", "pre/50-later"]
    assert hooks.shown(machine)["operation"]["state"] == "closed"
    assert_whole(machine)


def test_it_is_erased_in_mid_hook_and_leaves_its_state_alone(machine, releases):
    install(machine, releases.new)
    # after those that come with hookd, which go with it: a hook that is gone fails its phase
    hooks.install(machine, "pre/40-leave", hooks.WAITS)
    hooks.install(machine, "pre/50-later")
    call = hooks.begin(machine, "pre")

    erased = machine.execute(["rpm", "-e", "hookd"]).check()

    assert " is not over; what it owes will not be done. " in erased.stderr
    machine.execute("kill -0 $(cat /srv/hanging) && touch /srv/go").check()
    assert call.wait().returncode == 0
    machine.wait_until(NO_SERVICE)
    assert states(machine, "LoadState") == dict.fromkeys(UNITS, "not-found")
    inside = "-not -path '/var/lib/hookd/*'"
    left = machine.execute(f"find / -xdev -name '*hookd*' {inside} {NOT_ITS}").stdout
    assert sorted(left.split()) == ["/etc/hookd", "/var/lib/hookd", "/var/log/hookd"]
    paths = (
        "/etc/hookd/hooks.d/pre/40-leave",
        "/etc/hookd/hookd.toml",
        "/run/hookd/hookd.sock",
    )
    assert [machine.host.file(path).exists for path in paths] == [True, False, False]
    machine.reboot()
    install(machine, releases.new)
    codes = [hooks.hookd(machine, phase).returncode for phase in ("post", "on-exit")]
    assert codes == [0, 0]
    assert hooks.starts(machine) == ["pre/40-leave", "pre/50-later"]
