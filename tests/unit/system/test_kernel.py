"""Which kernels there are: by the package databases, else by the files of a made-up root."""

from __future__ import annotations

import pytest

from hookd.core.readings import InstalledKernel, Kernel, NextBoot, PackageSet, Standing
from hookd.system import kernel
from hookd.system.root import Root

NO_LOADER = NextBoot(Standing.ABSENT, "no boot loader files under /boot")
AL2_OLD = "4.14.154-128.181.amzn2.x86_64"
AL2_NEW = "4.14.214-160.339.amzn2.x86_64"


def put(tmp_path, place, text="x"):
    path = tmp_path / place
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def read(tmp_path, *packages, running=""):
    if running:
        put(tmp_path, "proc/sys/kernel/osrelease", running + "\n")
    return kernel.read(Root(str(tmp_path)), packages)


def test_kernels_are_those_of_the_database_the_oldest_first(tmp_path):
    packages = PackageSet(
        installed={
            "kernel.x86_64": (("4.14.214-160.339.amzn2", 20), ("4.14.154-128.181.amzn2", 10)),
            "kernel-tools.x86_64": (("4.14.214-160.339.amzn2", 20),),
            "kernel-devel.x86_64": (("4.14.214-160.339.amzn2", 20),),
            "kernel-livepatch-4.14.214-160.339.x86_64": (("1.0-3.amzn2", 30),),
            "yum-plugin-kernel-livepatch.noarch": (("1.0-0.11.amzn2", 5),),
            "bash.x86_64": (("4.2.46-34.amzn2", 1),),
        }
    )
    assert read(tmp_path, packages, running=AL2_OLD) == Kernel(
        running=AL2_OLD,
        running_package="kernel-4.14.154-128.181.amzn2.x86_64",
        installed=(
            InstalledKernel(AL2_OLD, "kernel", "4.14.154-128.181.amzn2", 10),
            InstalledKernel(AL2_NEW, "kernel", "4.14.214-160.339.amzn2", 20),
        ),
        installed_standing=Standing.OK,
        next_boot=NO_LOADER,
        livepatches=("kernel-livepatch-4.14.214-160.339-1.0-3.amzn2.x86_64",),
        loaded=(),
    )


@pytest.mark.parametrize("names", [("kernel-core", "kernel"), ("kernel", "kernel-core")])
def test_where_kernel_core_owns_the_kernel_it_is_counted_once(tmp_path, names):
    evr = "4.18.0-240.15.1.el8_3"
    packages = PackageSet(installed={name + ".x86_64": ((evr, 7),) for name in names})
    got = read(tmp_path, packages, running=evr + ".x86_64")
    assert (got.running_package, got.installed) == (
        f"kernel-core-{evr}.x86_64",
        (InstalledKernel(evr + ".x86_64", "kernel-core", evr, 7),),
    )


@pytest.mark.parametrize(
    ("running", "name", "evr", "arch", "package"),
    [
        (AL2_OLD, "kernel", "4.14.154-128.181.amzn2", "x86_64", f"kernel-{AL2_OLD}"),
        # a variant of the same package's release
        (
            "5.14.0-427.el9.x86_64+debug",
            "kernel",
            "5.14.0-427.el9",
            "x86_64",
            "kernel-5.14.0-427.el9.x86_64",
        ),
        (
            "5.14.0-427.el9.aarch64+64k",
            "kernel-64k-core",
            "5.14.0-427.el9",
            "aarch64",
            "kernel-64k-core-5.14.0-427.el9.aarch64",
        ),
        (
            "3.10.0-1160.el7.x86_64.debug",
            "kernel-debug",
            "3.10.0-1160.el7",
            "x86_64",
            "kernel-debug-3.10.0-1160.el7.x86_64",
        ),
        (
            "6.1.0-32-amd64",
            "linux-image-6.1.0-32-amd64",
            "6.1.129-1",
            "amd64",
            "linux-image-6.1.0-32-amd64",
        ),
        ("6.1.0-3-amd64", "linux-image-6.1.0-32-amd64", "6.1.129-1", "amd64", ""),
        ("4.14.1-1.amzn2.x86_64", "kernel", "4.14.154-128.181.amzn2", "x86_64", ""),
    ],
)
def test_the_running_kernel_is_of_a_package(tmp_path, running, name, evr, arch, package):
    packages = PackageSet(installed={f"{name}.{arch}": ((evr, 0),)})
    assert read(tmp_path, packages, running=running).running_package == package


def test_without_a_database_the_files_tell(tmp_path):
    put(tmp_path, f"boot/vmlinuz-{AL2_NEW}")
    put(tmp_path, "boot/vmlinuz-0-rescue-b486fe3f109f430d995b1ee093897980")
    put(tmp_path, f"lib/modules/{AL2_OLD}/modules.dep")
    put(tmp_path, "lib/modules/4.14.1-1.amzn2.x86_64/extra/left-behind.ko")
    got = read(tmp_path)
    assert (got.installed_standing, got.installed) == (
        Standing.OK,
        (InstalledKernel(AL2_OLD), InstalledKernel(AL2_NEW)),
    )


def test_nothing_at_all_is_absent(tmp_path):
    assert read(tmp_path) == Kernel(
        Standing.ABSENT,
        "/proc/sys/kernel/osrelease does not exist",
        installed_standing=Standing.ABSENT,
        installed_reason="no kernel package and no kernel files in /boot",
        next_boot=NO_LOADER,
        loaded=(),
    )


LOADED = {
    "none, in a kernel that could have some": ({}, ()),
    "one": ({"livepatch_4_14_214": "1\n"}, ("livepatch_4_14_214",)),
    "one that is switched off": ({"livepatch_4_14_214": "0\n", "kpatch_x": "1\n"}, ("kpatch_x",)),
    "one that says nothing": ({"livepatch_4_14_214": "\0", "kpatch_x": "1\n"}, None),
}


@pytest.mark.parametrize(("modules", "expected"), LOADED.values(), ids=LOADED)
def test_the_live_patches_are_those_that_are_enabled(tmp_path, modules, expected):
    folder = tmp_path / "sys/kernel/livepatch"
    folder.mkdir(parents=True)
    for name, enabled in modules.items():
        (folder / name).mkdir()
        (folder / name / "enabled").write_text(enabled)
    assert read(tmp_path).loaded == expected


def test_a_database_that_failed_leaves_the_kernels_unknown(tmp_path):
    got = read(tmp_path, PackageSet(Standing.UNKNOWN, "rpm: error: cannot open Packages"))
    assert (got.installed_standing, got.installed_reason, got.installed) == (
        Standing.UNKNOWN,
        "rpm: error: cannot open Packages",
        (),
    )


@pytest.mark.parametrize("text", ["", "\n", "two words", "no-number", "5\x1b[0m", "4" * 200])
def test_an_osrelease_that_is_none_is_unknown(tmp_path, text):
    got = read(tmp_path, running=text or " ")
    assert (got.standing, got.running) == (Standing.UNKNOWN, "")
