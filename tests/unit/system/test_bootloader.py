"""What boots next, by grubenv, Boot Loader Specification files and grub.cfg, of a made-up /boot."""

from __future__ import annotations

import os
import pathlib

import pytest

from hookd.core.readings import NextBoot, Standing
from hookd.system import bootloader
from hookd.system.root import Root

HERE = pathlib.Path(__file__).resolve()
DATA = HERE.parents[2] / "data" / "boot"
CORPUS = HERE.parents[4] / "shared" / "corpus" / "boot"

NEW = "4.14.214-160.339.amzn2.x86_64"
OLD = "4.14.154-128.181.amzn2.x86_64"
BLS_NEW = "6.1.134-152.225.amzn2023.x86_64"
BLS_OLD = "6.1.99-99.1.amzn2023.x86_64"
MACHINE = "aa11" * 8
FOREIGN = "ff22" * 8
HEADER = "# GRUB Environment Block\n"


def grubenv(**variables):
    text = HEADER + "".join(f"{name}={value}\n" for name, value in variables.items())
    return text.ljust(1024, "#")


class Disk:
    def __init__(self, path):
        self.path = path

    def put(self, place, content="x"):
        target = self.path / place.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content if isinstance(content, bytes) else content.encode())

    def kernel(self, release, initramfs="initramfs-{}.img"):
        self.put(f"/boot/vmlinuz-{release}")
        self.put("/boot/" + initramfs.format(release))
        self.put(f"/lib/modules/{release}/modules.dep", "")
        self.put(f"/lib/modules/{release}/modules.dep")

    def bls(self, machine, release, **more):
        lines = {
            "title": f"Amazon Linux ({release}) 2023",
            "version": release,
            "linux": f"/boot/vmlinuz-{release}",
            "initrd": f"/boot/initramfs-{release}.img",
            "id": f"amzn-20230101000000-{release}",
            **more,
        }
        text = "".join(f"{key} {value}\n" for key, value in lines.items() if value)
        self.put(f"/boot/loader/entries/{machine}-{release}.conf", text)

    def read(self):
        return bootloader.read(Root(str(self.path)))


@pytest.fixture
def disk(tmp_path):
    return Disk(tmp_path)


def found(release, source, entry, *, initramfs="initramfs-{}.img", missing=()):
    return NextBoot(
        release=release,
        source=source,
        entry=entry,
        vmlinuz=f"/boot/vmlinuz-{release}",
        initramfs="/boot/" + initramfs.format(release),
        missing=missing,
    )


def test_an_empty_root_has_no_boot_loader(disk):
    assert disk.read() == NextBoot(Standing.ABSENT, "no boot loader files under /boot")


# -- grub.cfg of Amazon Linux 2 and Debian ----------------------------------------------------

NEW_TITLE = f"Amazon Linux ({NEW}) 2"
OLD_TITLE = f"Amazon Linux ({OLD}) 2"


@pytest.mark.parametrize(
    ("saved", "release", "source", "entry"),
    [
        ({"saved_entry": OLD_TITLE}, OLD, "grubenv", OLD_TITLE),
        ({"saved_entry": "1"}, OLD, "grubenv", OLD_TITLE),
        ({"saved_entry": "0"}, NEW, "grubenv", NEW_TITLE),
        # grubby copies the id of the entry it starts from: the first of the two is meant
        (
            {"saved_entry": "gnulinux-4.14.154-128.181.amzn2.x86_64-advanced-a1e1011e"},
            NEW,
            "grubenv",
            "gnulinux-4.14.154-128.181.amzn2.x86_64-advanced-a1e1011e",
        ),
        ({"saved_entry": NEW_TITLE, "next_entry": OLD_TITLE}, OLD, "grubenv", OLD_TITLE),
        ({"saved_entry": "Amazon Linux (4.14.1) 2"}, NEW, "grub.cfg", NEW_TITLE),
        ({"saved_entry": "7"}, NEW, "grub.cfg", NEW_TITLE),
        ({"saved_entry": ""}, NEW, "grub.cfg", NEW_TITLE),
        ({}, NEW, "grub.cfg", NEW_TITLE),
    ],
)
def test_grubenv_names_an_entry_of_grub_cfg(disk, saved, release, source, entry):
    disk.kernel(OLD)
    disk.kernel(NEW)
    disk.put("/boot/grub2/grub.cfg", (DATA / "al2-grub.cfg").read_bytes())
    disk.put("/boot/grub2/grubenv", grubenv(**saved))
    assert disk.read() == found(release, source, entry)


SIMPLE = "Debian GNU/Linux"
ADVANCED = "gnulinux-advanced-5f1b>gnulinux-6.1.0-9-amd64-advanced-5f1b"


@pytest.mark.parametrize(
    ("variables", "release", "source", "entry"),
    [
        (None, "6.1.0-32-amd64", "grub.cfg", SIMPLE),
        # the menu's default is 0: what an earlier configuration saved does not count
        ({"saved_entry": ADVANCED}, "6.1.0-32-amd64", "grub.cfg", SIMPLE),
        ({"next_entry": ADVANCED}, "6.1.0-9-amd64", "grubenv", ADVANCED),
        ({"next_entry": "1>1"}, "6.1.0-9-amd64", "grubenv", "1>1"),
        (
            {
                "next_entry": "Advanced options for Debian GNU/Linux"
                ">Debian GNU/Linux, with Linux 6.1.0-9-amd64"
            },
            "6.1.0-9-amd64",
            "grubenv",
            "Advanced options for Debian GNU/Linux>Debian GNU/Linux, with Linux 6.1.0-9-amd64",
        ),
        # an entry of a submenu cannot be named without the submenu
        (
            {"next_entry": "gnulinux-6.1.0-9-amd64-advanced-5f1b"},
            "6.1.0-32-amd64",
            "grub.cfg",
            SIMPLE,
        ),
    ],
)
def test_debian_takes_the_first_entry_unless_told_once(disk, variables, release, source, entry):
    for each in ("6.1.0-9-amd64", "6.1.0-32-amd64"):
        disk.kernel(each, "initrd.img-{}")
    disk.put("/boot/grub/grub.cfg", (DATA / "debian-grub.cfg").read_bytes())
    if variables is not None:
        disk.put("/boot/grub/grubenv", grubenv(**variables))
    assert disk.read() == found(release, source, entry, initramfs="initrd.img-{}")


# -- Boot Loader Specification ---------------------------------------------------------------


@pytest.fixture
def bls(disk):
    disk.kernel(BLS_OLD)
    disk.kernel(BLS_NEW)
    disk.bls(MACHINE, BLS_OLD)
    disk.bls(MACHINE, BLS_NEW)
    disk.put("/boot/grub2/grub.cfg", 'set default="${saved_entry}"\ninsmod blscfg\nblscfg\n')
    return disk


@pytest.mark.parametrize(
    ("variables", "release", "source"),
    [
        ({"saved_entry": f"{MACHINE}-{BLS_OLD}"}, BLS_OLD, "grubenv"),
        ({"saved_entry": "1"}, BLS_OLD, "grubenv"),
        ({"saved_entry": f"{MACHINE}-6.1.1-1.amzn2023.x86_64"}, BLS_NEW, "bls"),
        ({}, BLS_NEW, "bls"),
    ],
)
def test_grubenv_names_a_loader_entry(bls, variables, release, source):
    bls.put("/boot/grub2/grubenv", grubenv(**variables))
    assert bls.read() == found(release, source, f"{MACHINE}-{release}")


def test_loader_entries_count_without_any_grub_cfg_or_grubenv(bls):
    (bls.path / "boot/grub2/grub.cfg").unlink()
    assert bls.read() == found(BLS_NEW, "bls", f"{MACHINE}-{BLS_NEW}")


def test_a_grub_cfg_with_its_own_entries_does_not_use_loader_entries(bls):
    bls.kernel(OLD)
    bls.put(
        "/boot/grub2/grub.cfg",
        f'menuentry "Own" {{\n linux /vmlinuz-{OLD}\n initrd /initramfs-{OLD}.img\n}}\n',
    )
    assert bls.read() == found(OLD, "grub.cfg", "Own")


def test_entries_that_another_installation_left_are_passed_over(bls):
    bls.bls(FOREIGN, "9.9.9-1.amzn2023.x86_64")
    assert bls.read() == found(BLS_NEW, "bls", f"{MACHINE}-{BLS_NEW}")


def test_an_entry_that_lost_only_its_initramfs_is_what_boots(bls):
    (bls.path / f"boot/initramfs-{BLS_NEW}.img").write_bytes(b"")
    missing = (f"/boot/initramfs-{BLS_NEW}.img",)
    assert bls.read() == found(BLS_NEW, "bls", f"{MACHINE}-{BLS_NEW}", missing=missing)


def test_all_files_of_the_saved_entry_may_be_missing(bls):
    bls.bls(FOREIGN, OLD)
    bls.put("/boot/grub2/grubenv", grubenv(saved_entry=f"{FOREIGN}-{OLD}"))
    missing = (
        f"/boot/vmlinuz-{OLD}",
        f"/boot/initramfs-{OLD}.img",
        f"/lib/modules/{OLD}/modules.dep",
    )
    assert bls.read() == found(OLD, "grubenv", f"{FOREIGN}-{OLD}", missing=missing)


def test_paths_may_be_those_of_a_boot_partition(disk):
    disk.kernel(BLS_NEW)
    disk.bls(
        MACHINE,
        BLS_NEW,
        linux=f"/vmlinuz-{BLS_NEW}",
        initrd=f"/initramfs-{BLS_NEW}.img $tuned_initrd",
    )
    assert disk.read() == found(BLS_NEW, "bls", f"{MACHINE}-{BLS_NEW}")


def test_a_kernel_of_no_telling_name_is_that_of_its_link(disk):
    disk.kernel(NEW)
    os.symlink(f"vmlinuz-{NEW}", disk.path / "boot/vmlinuz")
    disk.put("/boot/grub/grub.cfg", "menuentry Linux {\nlinux /boot/vmlinuz root=/dev/sda1\n}\n")
    expected = NextBoot(
        release=NEW, source="grub.cfg", entry="Linux", vmlinuz="/boot/vmlinuz", initramfs=""
    )
    assert disk.read() == expected


def test_the_environment_of_an_efi_directory_counts_where_no_other_is(bls):
    bls.put("/boot/efi/EFI/amzn/grubenv", grubenv(saved_entry=f"{MACHINE}-{BLS_OLD}"))
    assert bls.read() == found(BLS_OLD, "grubenv", f"{MACHINE}-{BLS_OLD}")


def test_a_dangling_link_to_the_efi_directory_is_no_environment(bls):
    os.symlink("../efi/EFI/amzn/grubenv", bls.path / "boot/grub2/grubenv")
    assert bls.read() == found(BLS_NEW, "bls", f"{MACHINE}-{BLS_NEW}")


@pytest.mark.parametrize(
    ("success", "release", "source"), [("0", BLS_OLD, "grub.cfg"), ("1", BLS_NEW, "grubenv")]
)
def test_only_after_counted_failures_the_second_entry_boots(bls, success, release, source):
    bls.put(
        "/boot/grub2/grub.cfg",
        'set default="${saved_entry}"\n'
        "### BEGIN /etc/grub.d/08_fallback_counting ###\n"
        "    set default=1\n"
        "### END /etc/grub.d/08_fallback_counting ###\n"
        "blscfg\n",
    )
    variables = {"saved_entry": f"{MACHINE}-{BLS_NEW}", "boot_counter": "0"}
    bls.put("/boot/grub2/grubenv", grubenv(boot_success=success, **variables))
    assert bls.read() == found(release, source, f"{MACHINE}-{release}")


# -- what cannot be read ----------------------------------------------------------------------


def unknown(reason):
    return NextBoot(standing=Standing.UNKNOWN, reason=reason)


@pytest.mark.parametrize(
    ("place", "content", "reason"),
    [
        ("grubenv", "", "grubenv is not a GRUB environment block"),
        ("grubenv", "saved_entry=0\n", "grubenv is not a GRUB environment block"),
        ("grubenv", b"\x00\xff", "/boot/grub2/grubenv is binary"),
        ("grubenv", "#" * (1 << 20) + "#", "/boot/grub2/grubenv is longer than 1048576 bytes"),
        (
            "grub.cfg",
            'set default="${mine}"\nblscfg\n',
            "grub.cfg takes its default from ${mine}",
        ),
    ],
)
def test_garbage_is_unknown_with_a_reason(bls, place, content, reason):
    bls.put(f"/boot/grub2/{place}", content)
    assert bls.read() == unknown(reason)


def test_a_fifo_is_not_waited_for(bls):
    os.mkfifo(bls.path / "boot/grub2/grubenv")
    assert bls.read() == unknown("/boot/grub2/grubenv is no regular file")


def test_an_endless_device_is_not_read(bls):
    os.symlink("/dev/zero", bls.path / "boot/grub2/grubenv")
    # inside the root there is no such device
    assert bls.read() == found(BLS_NEW, "bls", f"{MACHINE}-{BLS_NEW}")


def test_an_environment_alone_names_nothing(disk):
    disk.put("/boot/grub2/grubenv", grubenv(saved_entry="0"))
    assert disk.read() == unknown("no menu entries in grub.cfg and none in /boot/loader/entries")


def test_a_binary_grub_cfg_is_unknown(disk):
    disk.put("/boot/grub2/grub.cfg", b"menuentry\0")
    assert disk.read() == unknown("/boot/grub2/grub.cfg is binary")


def test_an_unreadable_entry_matters_only_if_it_might_be_chosen(bls):
    bls.put(f"/boot/loader/entries/{MACHINE}-6.1.200-1.conf", b"\0")
    reason = f"/boot/loader/entries/{MACHINE}-6.1.200-1.conf is binary"
    assert bls.read() == unknown(reason)
    bls.put("/boot/grub2/grubenv", grubenv(saved_entry=f"{MACHINE}-{BLS_OLD}"))
    assert bls.read() == found(BLS_OLD, "grubenv", f"{MACHINE}-{BLS_OLD}")


def test_an_entry_without_a_kernel_is_unknown(disk):
    disk.put("/boot/grub2/grub.cfg", "menuentry 'Firmware' {\n fwsetup\n}\n")
    assert disk.read() == unknown("boot entry 'Firmware' does not say which kernel it starts")


@pytest.mark.parametrize(
    "text",
    [
        "}\n}\n}\n",
        "menuentry 'open\n",
        "menuentry {\n",
        "submenu a {\n}\n",
        "{" * 5000,
        "set default=\n",
    ],
)
def test_a_torn_grub_cfg_never_raises(bls, text):
    bls.put("/boot/grub2/grub.cfg", text)
    assert bls.read().standing in (Standing.OK, Standing.UNKNOWN)


# -- a real RHEL 8 machine --------------------------------------------------------------------


@pytest.mark.skipif(not CORPUS.exists(), reason="the collected boot files are not here")
def test_a_real_patched_machine_that_was_not_rebooted_boots_its_new_kernel(disk):
    for file in CORPUS.glob("rhel8-*.conf"):
        disk.put("/boot/loader/entries/" + file.name[len("rhel8-") :], file.read_bytes())
    disk.put("/boot/grub2/grub.cfg", (CORPUS / "rhel8-grub.cfg").read_bytes())
    disk.put("/boot/grub2/grubenv", (CORPUS / "rhel8-grubenv").read_bytes())
    for release in ("4.18.0-240.15.1.el8_3.x86_64", "4.18.0-240.1.1.el8_3.x86_64"):
        disk.kernel(release)
    assert disk.read() == found(
        "4.18.0-240.15.1.el8_3.x86_64",
        "grubenv",
        "b486fe3f109f430d995b1ee093897980-4.18.0-240.15.1.el8_3.x86_64",
    )
