"""Whole patch operations over real reboots, and over losses of power in the middle of a hook."""

from __future__ import annotations

import pytest

from lab import packages
from lab.hooks import HANGS, begin, hookd, install, outcomes, shown, starts


def lose_power_while_hanging(machine, phase):
    """Start `phase` and cut the power when its hanging hook has started; boot again."""
    begin(machine, phase)
    machine.power_off_hard()
    machine.boot()


@pytest.mark.parametrize("service", [False, True], ids=["", "service"])
@pytest.mark.parametrize(("python", "cgroups"), [("3.11", "v2"), ("3.7", "v1")])
def test_an_operation_with_new_packages_and_a_reboot(
    new_machine, tmp_path, python, cgroups, service
):
    machine = new_machine(python=python, cgroups=cgroups, service=service)
    machine.boot()
    for version in ("1.0", "1.1"):
        rpm, deb = (make(tmp_path, "lab-" + make.__name__, version) for make in _KINDS)
        machine.put(f"/srv/{version}.rpm", rpm.read_bytes())
        machine.put(f"/srv/{version}.deb", deb.read_bytes())
    machine.execute("rpm -U /srv/1.0.rpm && dpkg -i /srv/1.0.deb").check()
    install(machine, "pre/30-leave", 'cat /proc/sys/kernel/random/boot_id >"$HOOKD_SCRATCH/boot"')
    install(machine, "post/20-note")
    install(
        machine,
        "on-exit/70-join",
        'test -s "$HOOKD_SCRATCH/boot" && echo "path=$HOOKD_PATH" >>"$HOOKD_OUTPUT"',
        undoes="pre/30-leave",
        only_if_healthy=True,
    )

    codes = [hookd(machine, "pre").returncode]
    machine.execute("rpm -U /srv/1.1.rpm && dpkg -i /srv/1.1.deb").check()
    codes.append(hookd(machine, "post").returncode)
    boot_before = machine.read("/proc/sys/kernel/random/boot_id").strip()
    machine.reboot()
    boot_after = machine.read("/proc/sys/kernel/random/boot_id").strip()
    ended = hookd(machine, "on-exit")

    assert [*codes, ended.returncode] == [0, 0, 0], ended.stdout
    document = shown(machine)
    operation = document["operation"]
    assert (operation["path"], operation["verdict"]) == ("patched-rebooted", "passed")
    assert document["changes"]["packages"] == [
        _updated("lab-deb", "all", "1.0", "1.1", "dpkg", "dpkg.log"),
        _updated("lab-rpm", "noarch", "1.0-1", "1.1-1", "rpmdb"),
    ]
    boot = document["changes"]["boot"]
    assert (boot["rebooted"], boot["boots"]) == (True, 1)
    assert (boot["boot_id_before"], boot["boot_id_after"]) == (boot_before, boot_after)
    assert starts(machine) == ["pre/30-leave", "post/20-note", "on-exit/70-join"]
    assert document["phases"][-1]["hooks"][0]["outputs"] == {"path": "patched-rebooted"}


_KINDS = (packages.rpm, packages.deb)


def _updated(name, arch, before, after, *sources):
    return {
        "name": name,
        "arch": arch,
        "action": "updated",
        "before": [before],
        "after": [after],
        "between": "ready..installed",
        "seen_in": [*sources],
        "by": "",
    }


def test_power_is_lost_in_a_pre_hook_and_the_agent_calls_pre_again(machine):
    install(machine, "pre/10-check")
    install(machine, "pre/30-leave", HANGS)
    install(machine, "pre/50-later")
    install(machine, "on-exit/70-join", undoes="pre/30-leave")
    lose_power_while_hanging(machine, "pre")

    pre, on_exit = hookd(machine, "pre"), hookd(machine, "on-exit")

    assert (pre.returncode, on_exit.returncode) == (1, 1)
    document = shown(machine)
    assert outcomes(document) == [
        ("pre", 1, "10-check", "passed"),
        ("pre", 1, "30-leave", "interrupted"),
        ("pre", 1, "50-later", "skipped"),
        ("on-exit", 1, "70-join", "passed"),
    ]
    assert starts(machine) == ["pre/10-check", "pre/30-leave", "on-exit/70-join"]
    operation = document["operation"]
    assert (operation["state"], operation["path"]) == ("closed", "pre-failed")
    assert (operation["verdict"], operation["outstanding_undos"]) == ("failed", [])


def test_power_is_lost_in_a_pre_hook_and_only_on_exit_comes(machine):
    install(machine, "pre/30-leave", HANGS)
    install(machine, "on-exit/70-join", undoes="pre/30-leave")
    lose_power_while_hanging(machine, "pre")

    on_exit = hookd(machine, "on-exit")

    assert on_exit.returncode == 1
    assert outcomes(shown(machine)) == [
        ("pre", 1, "30-leave", "interrupted"),
        ("on-exit", 1, "70-join", "passed"),
    ]


def test_power_is_lost_in_an_undo_and_on_exit_runs_that_again_and_no_other(machine):
    install(machine, "pre/30-leave")
    install(machine, "on-exit/50-warm")
    install(
        machine, "on-exit/70-join", f"test -e /srv/hanging || {{ {HANGS}; }}", undoes="pre/30-leave"
    )
    install(machine, "on-exit/90-tell")
    codes = [hookd(machine, phase).returncode for phase in ("pre", "post")]
    lose_power_while_hanging(machine, "on-exit")

    ended = hookd(machine, "on-exit")

    assert codes == [0, 0]
    assert starts(machine) == [
        "pre/30-leave",
        "on-exit/50-warm",
        "on-exit/70-join",
        "on-exit/70-join",
        "on-exit/90-tell",
    ]
    document = shown(machine)
    assert document["operation"]["outstanding_undos"] == []
    assert document["operation"]["path"] == "patched-rebooted"
    assert ended.returncode == 0, ended.stdout


def test_power_is_lost_in_another_on_exit_hook_which_is_not_run_again(machine):
    install(machine, "pre/30-leave")
    install(machine, "on-exit/50-warm", HANGS)
    install(machine, "on-exit/70-join", undoes="pre/30-leave")
    for phase in ("pre", "post"):
        hookd(machine, phase)
    lose_power_while_hanging(machine, "on-exit")

    ended = hookd(machine, "on-exit")

    assert ended.returncode == 1, ended.stdout
    assert outcomes(shown(machine))[-2:] == [
        ("on-exit", 1, "50-warm", "interrupted"),
        ("on-exit", 1, "70-join", "passed"),
    ]
    assert starts(machine) == ["pre/30-leave", "on-exit/50-warm", "on-exit/70-join"]
