"""What reboots bring and lose: the whole list of what is noticed after them."""

from __future__ import annotations

import json
import platform

import pytest

from lab import layers, packages
from lab.application import LISTENS, Release, bring, deb, rpm, start
from lab.hooks import check_of, shown
from lab.patching import Patching, noticed, verdict_of

DATA = "/mnt/data"
# systemd makes the source of a bind mount where there is none, but a file is no directory.
SPOILS = "rmdir /srv/disk && touch /srv/disk || true"
PHASES = ("pre", "post", "on-exit")
# Bytes of a grubenv (GRUB manual, "Environment block").
BLOCK = 1024
ENTRY = """\
title Lab
version {release}
linux /boot/vmlinuz-{release}
initrd /boot/initramfs-{release}.img
options quiet
"""


@pytest.fixture
def machine(served):
    """Every machine here has the service."""
    return served


@pytest.mark.parametrize("make", [deb, rpm])
def test_a_clean_patch_run_is_not_spoken_of(either, tmp_path, make):
    start(either, tmp_path, Release("1", does=LISTENS), make)

    Patching(either).patch(bring(either, tmp_path, Release("2", does=LISTENS), make), reboot=True)

    document = shown(either)
    assert noticed(document) == {}
    assert verdict_of(document) == ("patched-rebooted", "passed")
    changes = document["changes"]
    assert [one["name"] for one in changes["packages"]] == ["app"]
    assert [changes[kind] for kind in ("units", "sockets", "mounts", "settings")] == [[]] * 4


def test_nothing_in_between_ten_times(machine):
    found = []
    for _ in range(10):
        codes = [machine.execute(["hookd", "run", phase]).returncode for phase in PHASES]
        document = shown(machine)
        found.append((codes, *verdict_of(document), noticed(document), document["changes"]))

    changes = {kind: [] for kind in ("packages", "units", "sockets", "mounts", "settings")}
    assert [(*one[:4], {kind: one[4][kind] for kind in changes}) for one in found] == [
        ([0, 0, 0], "nothing-to-do", "passed", {}, changes)
    ] * 10
    history = machine.execute(["hookd", "history", "--json"]).check().stdout
    assert len(json.loads(history)) >= 10


def test_a_mount_that_does_not_come_back(machine, tmp_path):
    start(machine, tmp_path, Release("1"))
    machine.execute(f"mkdir -p /srv/disk {DATA}").check()
    machine.write("/etc/fstab", f"/srv/disk {DATA} none bind,nofail 0 0\n")
    machine.execute("systemctl daemon-reload && systemctl start mnt-data.mount").check()

    update = bring(machine, tmp_path, Release("2", scriptlet=SPOILS))

    Patching(machine).patch(update, reboot=True)

    document = shown(machine)
    assert noticed(document) == {"mounts.lost": "fail"}
    assert DATA in check_of(document, "mounts.lost")["found"]
    failed = machine.execute(["systemctl", "is-failed", "mnt-data.mount"]).stdout
    assert failed == "failed\n"  # which is the same, and told once
    [change] = document["changes"]["mounts"]
    assert (change["point"], change["after"]) == (DATA, "")


def test_a_mount_that_is_no_longer_in_fstab(machine, tmp_path):
    start(machine, tmp_path, Release("1"))
    machine.execute(["mkdir", "-p", DATA]).check()
    machine.write("/etc/fstab", f"tmpfs {DATA} tmpfs nofail 0 0\n")
    machine.reboot()

    Patching(machine).patch(
        bring(machine, tmp_path, Release("2", scriptlet=": >/etc/fstab")), reboot=True
    )

    document = shown(machine)
    assert noticed(document) == {"mounts.lost": "fail"}
    assert DATA in check_of(document, "mounts.lost")["found"]


def test_the_machine_crashes_where_it_was_to_reboot(machine, tmp_path):
    start(machine, tmp_path, Release("1"))
    run = Patching(machine)
    run.pre().check()
    run.install(bring(machine, tmp_path, Release("2")), pending=1)
    run.post().check()

    run.reboot(lambda: (machine.power_off_hard(), machine.boot()))
    ended = run.on_exit()

    document = shown(machine)
    assert noticed(document) == {"boot.clean": "warn"}
    assert verdict_of(document) == ("patched-rebooted", "passed-with-warnings")
    assert ended.returncode == 0
    assert document["changes"]["boot"]["clean"] is False


def test_the_machine_reboots_three_times(machine, tmp_path):
    start(machine, tmp_path, Release("1"))
    run = Patching(machine)
    run.pre().check()
    run.install(bring(machine, tmp_path, Release("2")), pending=1)
    run.post().check()

    for _ in range(3):
        run.reboot()
    ended = run.on_exit()

    document = shown(machine)
    assert noticed(document) == {"boot.count": "warn"}
    assert verdict_of(document) == ("patched-rebooted", "passed-with-warnings")
    assert ended.returncode == 0
    assert document["changes"]["boot"]["boots"] == 3
    assert "3" in check_of(document, "boot.count")["found"]


def files_of(machine, release, default):
    """Return what a kernel brings, by path below /; `default` is the boot entry that boots."""
    environment = f"# GRUB Environment Block\nsaved_entry={default}\n".ljust(BLOCK, "#")
    entry = ENTRY.format(release=release)
    return {
        f"boot/vmlinuz-{release}": "a kernel\n",
        f"boot/initramfs-{release}.img": "an initramfs\n",
        f"boot/loader/entries/{release}.conf": entry,
        f"lib/modules/{release}/modules.dep": "kernel/lab.ko:\n",
        "boot/grub2/grubenv": environment,
    }


def test_the_machine_reboots_into_the_kernel_that_it_ran_before(machine, tmp_path):
    start(machine, tmp_path, Release("1"), rpm)
    old = machine.execute(["uname", "-r"]).stdout.strip()
    version = ".".join([*old.split(".")[:2], "9999"])
    new = f"{version}-1.{platform.machine()}"
    for path, text in files_of(machine, old, old).items():
        machine.write(f"/{path}", text)
    machine.put("/boot/grub2/grub.cfg", (layers.HERE / "guest/boot/grub2/grub.cfg").read_bytes())
    tree = tmp_path / "kernel"
    for path, text in files_of(machine, new, new).items():
        (tree / path).parent.mkdir(parents=True, exist_ok=True)
        (tree / path).write_text(text, "ascii")
    machine.put("/srv/kernel.rpm", packages.rpm_of(tree, "kernel", version).read_bytes())

    Patching(machine).patch("rpm -i --nodeps /srv/kernel.rpm", reboot=True)

    document = shown(machine)
    assert noticed(document) == {"kernel.running-is-promised": "fail"}
    assert verdict_of(document) == ("patched-rebooted", "failed")
    check = check_of(document, "kernel.running-is-promised")
    assert (check["expected"], check["found"]) == (f"{new} (grubenv)", old)
