"""Kernels that dnf installs and a real reboot boots, or not; and a power cut that loses data."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest

from lab import kernels
from lab.hooks import HANGS, RAN, begin, hookd, install, outcomes, shown, starts
from lab.virtual import VirtualMachine

BOOT_ID = "/proc/sys/kernel/random/boot_id"
GRUBENV = "/boot/grub2/grubenv"


@dataclass(frozen=True)
class Patched:
    """A machine that pre, dnf and post have been at, and that has gone down to reboot."""

    machine: VirtualMachine
    old: str
    new: str
    codes: tuple[int, ...]
    boot_id: str


@pytest.fixture(scope="module")
def patched(new_virtual_machine):
    """The machine of which each test has a copy to go on with."""
    machine = new_virtual_machine()
    old, new = kernels.releases()
    machine.boot()
    install(machine, "pre/30-leave", 'uname -r >"$HOOKD_SCRATCH/kernel"')
    install(machine, "post/20-note")
    install(
        machine,
        "on-exit/70-join",
        'echo "was=$(cat "$HOOKD_SCRATCH/kernel")" >>"$HOOKD_OUTPUT"',
        undoes="pre/30-leave",
        only_if_healthy=True,
    )

    codes = [hookd(machine, "pre").returncode]
    machine.execute("dnf -y update kernel").check()
    codes.append(hookd(machine, "post").returncode)
    boot_id = machine.read(BOOT_ID).strip()
    machine.go_down()
    return Patched(machine, old, new, tuple(codes), boot_id)


@pytest.fixture
def rebooting(patched, new_virtual_machine):
    """A copy of the machine that goes down to reboot: off, nothing chosen yet."""
    copy = new_virtual_machine(patched.machine)
    yield replace(patched, machine=copy)
    copy.remove()


def check(document, name):
    """Return the one check called `name`."""
    [found] = [one for one in document["checks"] if one["id"] == name]
    return found


def entry(machine, release):
    """Return the name of the boot entry of kernel `release`."""
    [found] = [name for name in machine.loader.entries() if name.endswith(f"-{release}")]
    return found


def evr(release):
    return release[: -len(".x86_64")]


@pytest.mark.together
def test_the_kernel_that_dnf_has_installed_is_booted_as_promised(rebooting):
    machine, old, new = rebooting.machine, rebooting.old, rebooting.new

    machine.boot()
    ended = hookd(machine, "on-exit")

    assert (*rebooting.codes, ended.returncode) == (0, 0, 0), ended.stdout
    document = shown(machine)
    operation = document["operation"]
    assert (operation["path"], operation["verdict"]) == ("patched-rebooted", "passed")
    assert document["changes"]["kernel"] == {
        "running_before": old,
        "running_after": new,
        "newest_installed": new,
        "next_boot": new,
        "promised": new,
        "promised_by": "grubenv",
    }
    assert machine.execute(["uname", "-r"]).stdout == f"{new}\n"
    promised = check(document, "kernel.running-is-promised")
    assert (promised["outcome"], promised["found"]) == ("pass", new)
    assert document["changes"]["packages"] == [
        {
            "name": "kernel",
            "arch": "x86_64",
            "action": "installed",
            "before": [evr(old)],
            "after": [evr(old), evr(new)],
            "between": "ready..installed",
            "seen_in": ["rpmdb", "dnf.rpm.log", "history"],
            "by": "dnf-history 2",
        }
    ]
    boot = document["changes"]["boot"]
    assert (boot["rebooted"], boot["boots"]) == (True, 1)
    assert boot["boot_id_before"] == rebooting.boot_id
    assert boot["boot_id_after"] == machine.read(BOOT_ID).strip() != rebooting.boot_id
    assert starts(machine) == ["pre/30-leave", "post/20-note", "on-exit/70-join"]
    assert document["phases"][-1]["hooks"][0]["outputs"] == {"was": old}
    assert operation["outstanding_undos"] == []


@pytest.mark.together
def test_the_boot_loader_falls_back_to_the_old_kernel_until_somebody_repairs_it(rebooting):
    machine, old, new = rebooting.machine, rebooting.old, rebooting.new

    machine.boot(entry(machine, old))
    ended = hookd(machine, "on-exit")

    assert (*rebooting.codes, ended.returncode) == (0, 0, 1)
    document = shown(machine)
    operation = document["operation"]
    assert (operation["path"], operation["verdict"]) == ("patched-rebooted", "failed")
    kernel = document["changes"]["kernel"]
    assert (kernel["running_after"], kernel["promised"]) == (old, new)
    broken = check(document, "kernel.running-is-promised")
    assert (broken["outcome"], broken["expected"]) == ("fail", f"{new} (grubenv)")
    assert broken["found"] == old
    assert operation["outstanding_undos"] == [{"hook": "70-join", "pre_hook": "pre/30-leave"}]
    assert starts(machine) == ["pre/30-leave", "post/20-note"]

    machine.write("/etc/hookd/hookd.toml", "[recovery]\ngrace = '2s'\n")
    machine.execute(
        f"grub-editenv {GRUBENV} set saved_entry={entry(machine, old)}"
        f" && grub-editenv {GRUBENV} set next_entry={entry(machine, new)}"
    ).check()
    machine.reboot()

    machine.wait_until("hookd status >/dev/null", 60)
    document = shown(machine)
    assert document["changes"]["kernel"]["running_after"] == new
    assert check(document, "kernel.running-is-promised")["outcome"] == "pass"
    # what was booted once is not what boots next
    default = check(document, "kernel.next-boot-is-newest")
    assert (default["outcome"], default["expected"], default["found"]) == ("warn", new, old)
    operation = document["operation"]
    assert (operation["state"], operation["verdict"]) == ("closed", "passed-with-warnings")
    assert operation["outstanding_undos"] == []
    assert starts(machine) == ["pre/30-leave", "post/20-note", "on-exit/70-join"]
    assert machine.read(GRUBENV).count("next_entry=\n") == 1


@pytest.fixture
def fresh(new_virtual_machine):
    """A machine that was never on; removed with the test, which leaves it on."""
    machine = new_virtual_machine()
    yield machine
    machine.remove()


@pytest.mark.waits
def test_power_is_cut_in_a_pre_hook_and_what_was_not_synced_is_lost(fresh):
    machine = fresh
    machine.boot()
    install(machine, "pre/10-check", "echo checked")
    install(machine, "pre/30-leave", HANGS)
    install(machine, "pre/50-later")
    install(machine, "on-exit/70-join", undoes="pre/30-leave")
    machine.execute("sync")
    begin(machine, "pre")

    machine.power_off_hard()
    machine.boot()

    # what the hooks wrote without syncing it is lost, so the machine was cut off in earnest
    assert machine.execute(f"test -s {RAN} || test -s /srv/hanging").returncode == 1
    codes = [hookd(machine, phase).returncode for phase in ("pre", "on-exit")]
    assert codes == [1, 1]
    document = shown(machine)
    assert outcomes(document) == [
        ("pre", 1, "10-check", "passed"),
        ("pre", 1, "30-leave", "interrupted"),
        ("pre", 1, "50-later", "skipped"),
        ("on-exit", 1, "70-join", "passed"),
    ]
    assert starts(machine) == ["on-exit/70-join"]
    operation = document["operation"]
    assert (operation["state"], operation["path"]) == ("closed", "pre-failed")
    assert (operation["verdict"], operation["outstanding_undos"]) == ("failed", [])
    assert document["changes"]["boot"]["boots"] == 1
