"""The RPM on machines that boot: installed, upgraded in an operation, erased, by the real rpm."""

from __future__ import annotations

import pytest
from acceptance import test_installed as acceptance
from support import package

import hookd as this
from lab import facts, hooks, layers
from lab.ground import Ground
from lab.machine import Machine

OLD = "0.0.9"
UNITS = ("hookd.socket", "hookd.service", "hookd-boot.service")


@pytest.fixture(scope="session")
def releases(tmp_path_factory):
    """Return the RPMs of the system, of this checkout and of an older release of it."""
    reason = package.why_not_built()
    if reason:
        pytest.skip(reason)
    place = tmp_path_factory.mktemp("releases")
    older = package.other_release(place / "older", OLD)
    return {
        "system": package.build_system(place),
        "old": package.build(place / "old", "--arch=x86_64", checkout=older)["x86_64"],
        "new": package.build(place / "new", "--arch=x86_64")["x86_64"],
    }


@pytest.fixture(params=[("3.7", "v1"), ("3.9", "v2")], ids=["3.7-v1", "3.9-v2"])
def machine(request, releases):
    """A machine that is up, with the older release of hookd and one Python."""
    python, cgroups = request.param
    try:
        stack = [layers.only_python(python), layers.root()]
    except layers.CannotMake as error:
        pytest.skip(str(error))
    made = Machine(Ground(layers.new_directory(), stack, cgroups))
    try:
        made.boot()
        for name, path in releases.items():
            made.put(f"/srv/{name}.rpm", path.read_bytes())
        made.execute("rpm -i /srv/system.rpm && rpm -i /srv/old.rpm").check()
        yield made
    finally:
        made.remove()


def version(machine):
    return machine.execute(["hookd", "--version"]).check().stdout.split()[1]


def state(machine, unit, name):
    """Return what systemd says of `unit`'s property `name`."""
    command = ["systemctl", "show", "--value", f"--property={name}", unit]
    return machine.execute(command).stdout.strip()


def assert_whole(machine):
    """Nothing differs from what rpm installed."""
    done = machine.execute("rpm -V hookd")
    assert (done.returncode, done.stdout) == (0, "")


def test_hookd_is_in_the_patch_set_of_its_own_operation_with_a_reboot(machine):
    found = {unit: state(machine, unit, "ActiveState") for unit in UNITS}
    hooks.install(machine, "pre/20-update-dependencies", "rpm -U /srv/new.rpm")
    hooks.install(machine, "pre/30-leave", 'echo was-in >"$HOOKD_SCRATCH/was"')
    hooks.install(machine, "post/50-check")
    hooks.install(machine, "on-exit/70-join", 'test -s "$HOOKD_SCRATCH/was"', undoes="pre/30-leave")

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
    operation = document["operation"]
    assert (operation["path"], operation["verdict"]) == ("patched-rebooted", "passed")
    [change] = document["changes"]["packages"]
    assert (change["name"], change["before"], change["after"]) == (
        "hookd",
        [f"{OLD}-1"],
        [f"{this.__version__}-1"],
    )
    assert hooks.starts(machine) == [
        "pre/20-update-dependencies",
        "pre/30-leave",
        "post/50-check",
        "on-exit/70-join",
    ]
    assert version(machine) == this.__version__
    assert_whole(machine)


def test_an_upgrade_in_mid_hook_waits_for_nothing_and_ends_nothing(machine):
    hooks.install(machine, "pre/30-leave", hooks.WAITS)
    hooks.install(machine, "pre/50-later")
    call = hooks.begin(machine, "pre")
    service = state(machine, "hookd.service", "MainPID")

    machine.execute("rpm -U /srv/new.rpm", timeout=60).check()

    assert state(machine, "hookd.service", "MainPID") == service
    machine.execute("kill -0 $(cat /srv/hanging); touch /srv/go").check()
    answered = call.wait()
    assert (answered.returncode, answered.stderr) == (0, "")
    # the next service is the new one, and goes on with what the old one began
    machine.execute(["systemctl", "stop", "hookd.service"]).check()
    codes = [hooks.hookd(machine, phase).returncode for phase in ("post", "on-exit")]
    assert codes == [0, 0]
    assert hooks.starts(machine) == ["pre/30-leave", "pre/50-later"]
    assert hooks.shown(machine)["operation"]["state"] == "closed"
    assert_whole(machine)


def test_it_is_erased_in_mid_hook_and_leaves_its_state_alone(machine):
    # after those that come with hookd, which go with it: a hook that is gone fails its phase
    hooks.install(machine, "pre/40-leave", hooks.WAITS)
    hooks.install(machine, "pre/50-later")
    call = hooks.begin(machine, "pre")

    erased = machine.execute("rpm -e hookd", timeout=60).check()

    assert " is not over; what it owes will not be done. " in erased.stderr
    machine.execute("kill -0 $(cat /srv/hanging); touch /srv/go").check()
    assert call.wait().returncode == 0
    machine.wait_until("test -z \"$(pgrep -f 'hookd [d]aemon')\"")
    for unit in UNITS:
        assert (state(machine, unit, "LoadState"), unit) == ("not-found", unit)
    left = machine.execute("find / -xdev -name '*hookd*' -not -path '/var/lib/hookd/*'").stdout
    assert sorted(left.split()) == ["/etc/hookd", "/var/lib/hookd", "/var/log/hookd"]
    host = facts.host(machine)
    assert host.file("/etc/hookd/hooks.d/pre/40-leave").exists
    assert [
        host.file(path).exists for path in ("/etc/hookd/hookd.toml", "/run/hookd/hookd.sock")
    ] == [
        False,
        False,
    ]
    machine.reboot()
    machine.execute("rpm -i /srv/new.rpm").check()
    codes = [hooks.hookd(machine, phase).returncode for phase in ("post", "on-exit")]
    assert codes == [0, 0]
    assert hooks.starts(machine) == ["pre/40-leave", "pre/50-later"]


def test_what_has_to_be_true_of_a_machine_with_it_is(machine):
    machine.execute("rpm -U /srv/new.rpm").check()
    host = facts.host(machine)
    for test in vars(acceptance).values():
        if getattr(test, "__name__", "").startswith("test_"):
            for values in _cases(test):
                test(host, *values)


def _cases(test):
    """Return what pytest would call the test with, besides the host."""
    marks = [mark for mark in getattr(test, "pytestmark", ()) if mark.name == "parametrize"]
    return marks[0].args[1] if marks else [()]
