"""Which packages are kernels, which kernel was promised, which changes need a reboot."""

from __future__ import annotations

import pytest

from hookd.core.kernels import (
    is_installonly,
    is_kernel_package,
    is_livepatch,
    newest,
    newest_beside,
    promise,
    reboot_packages,
    release_of,
    stream_of,
    stream_of_release,
)
from hookd.core.model import PackageAction, PackageChange
from hookd.core.readings import (
    Boot,
    InstalledKernel,
    Kernel,
    LogAction,
    LogEntry,
    NextBoot,
    Standing,
)
from hookd.core.snapshot import Snapshot


@pytest.mark.parametrize(
    ("name", "is_kernel", "is_many"),
    [
        ("kernel", True, True),
        ("kernel6.12", True, True),
        ("kernel-core", True, True),
        ("kernel-rt", True, True),
        ("kernel-rt-core", True, True),
        ("kernel-uek", True, True),
        ("kernel-uek-core", True, True),
        ("kernel-64k-debug-core", True, True),
        ("kernel-debug", True, True),
        ("kernel-lt", True, True),
        ("linux-image-6.1.0-32-amd64", True, True),
        ("linux-image-6.1.0-32-cloud-amd64-unsigned", True, True),
        ("linux-image-unsigned-6.8.0-1021-aws", True, True),
        ("linux-image-6.12.48+deb13-amd64", True, True),
        ("kernel-devel", False, True),
        ("kernel6.12-devel", False, True),
        ("kernel-modules", False, True),
        ("kernel-modules-extra", False, True),
        ("kernel-rt-modules-core", False, True),
        ("kernel-uek-devel", False, True),
        ("gpg-pubkey", False, True),
        ("kernel-tools", False, False),
        ("kernel-tools-libs", False, False),
        ("kernel-headers", False, False),
        ("kernel-libbpf", False, False),
        ("kernel6.12-tools", False, False),
        ("kernel-livepatch-5.10.102-99.473", False, False),
        ("kernel-livepatch-repo-s3", False, False),
        ("yum-plugin-kernel-livepatch", False, False),
        ("kpatch-patch-4_18_0-240_1_1", False, False),
        ("kernelshark", False, False),
        ("linux-image-amd64", False, False),
        ("linux-image-aws", False, False),
        ("linux-image-6.1.0-32-amd64-dbg", False, False),
        ("linux-headers-6.1.0-32-amd64", False, False),
        ("linux-firmware", False, False),
        ("bash", False, False),
        ("", False, False),
    ],
)
def test_a_name_tells_kernels_from_the_rest(name, is_kernel, is_many):
    assert (is_kernel_package(name), is_installonly(name)) == (is_kernel, is_many)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("kernel-livepatch-5.10.102-99.473", True),
        ("kpatch-patch-4_18_0-240_1_1", True),
        ("kernel-livepatch-repo-s3", False),
        ("yum-plugin-kernel-livepatch", False),
        ("kernel", False),
    ],
)
def test_livepatches_are_known_by_their_names(name, expected):
    assert is_livepatch(name) is expected


@pytest.mark.parametrize(
    ("name", "evr", "arch", "release"),
    [
        ("kernel", "4.14.268-205.500.amzn2", "x86_64", "4.14.268-205.500.amzn2.x86_64"),
        ("kernel", "1:6.1.134-152.225.amzn2023", "aarch64", "6.1.134-152.225.amzn2023.aarch64"),
        ("kernel-core", "4.18.0-240.15.1.el8_3", "x86_64", "4.18.0-240.15.1.el8_3.x86_64"),
        ("kernel-debug-core", "4.18.0-240.el8", "x86_64", "4.18.0-240.el8.x86_64+debug"),
        ("kernel-debug", "3.10.0-1160.el7", "x86_64", "3.10.0-1160.el7.x86_64.debug"),
        ("kernel-rt-core", "4.18.0-193.rt13.51.el8", "x86_64", "4.18.0-193.rt13.51.el8.x86_64"),
        ("kernel-rt-core", "5.14.0-427.el9", "x86_64", "5.14.0-427.el9.x86_64+rt"),
        ("kernel-64k-debug-core", "5.14.0-427.el9", "aarch64", "5.14.0-427.el9.aarch64+64k-debug"),
        ("kernel-uek", "5.4.17-2136.300.7.el8uek", "x86_64", "5.4.17-2136.300.7.el8uek.x86_64"),
        ("linux-image-6.1.0-32-amd64", "6.1.129-1", "amd64", "6.1.0-32-amd64"),
        ("linux-image-unsigned-6.8.0-1021-aws", "6.8.0-1021.23", "amd64", "6.8.0-1021-aws"),
    ],
)
def test_a_package_tells_what_uname_would_print(name, evr, arch, release):
    assert release_of(name, evr, arch) == release


@pytest.mark.parametrize(
    ("name", "version", "expected"),
    [
        ("kernel", "4.14.268", "kernel 4.14"),
        ("kernel", "5.10.201", "kernel 5.10"),
        ("kernel-core", "4.18.0", "kernel 4.18"),
        ("kernel6.12", "6.12.20", "kernel6.12"),
        ("kernel-rt-core", "5.14.0", "kernel-rt"),
        ("kernel-uek", "5.4.17", "kernel-uek"),
        ("linux-image-6.1.0-32-cloud-amd64", "6.1.129-1", "linux-image cloud-amd64"),
        ("linux-image-6.8.0-1021-aws", "6.8.0-1021.23", "linux-image aws"),
        ("linux-image-6.12.48+deb13-amd64", "6.12.48-1", "linux-image amd64"),
    ],
)
def test_kernels_come_in_streams(name, version, expected):
    assert stream_of(name, version) == expected


def kernel(version, package="kernel", arch="x86_64"):
    return InstalledKernel(f"{version}.{arch}", package, version)


K414_9 = kernel("4.14.9-1.amzn2")
K414_10 = kernel("4.14.10-1.amzn2")
K510 = kernel("5.10.2-1.amzn2")
AL2 = (K414_10, K414_9, K510)


@pytest.mark.parametrize(
    ("release", "expected"),
    [
        (K414_9.release, K414_10),
        (K510.release, K510),
        ("4.14.8-1.amzn2.x86_64", K414_10),  # no longer installed, its stream is
        ("3.2.1-1.x86_64", K510),  # of no installed stream
        ("", K510),
    ],
)
def test_the_newest_beside_a_kernel_is_of_its_stream(release, expected):
    assert newest_beside(release, AL2) == expected


def test_newest_is_by_version_not_by_text():
    assert newest((K414_9, K414_10)) == K414_10
    assert newest(AL2, "kernel 4.14") == K414_10
    assert newest(AL2, "kernel6.12") is None
    assert newest(()) is None


def test_kernels_found_by_files_have_a_stream_too():
    bare = (InstalledKernel("4.14.9-1.amzn2.x86_64"), InstalledKernel("5.10.2-1.amzn2.x86_64"))
    assert newest_beside("4.14.1-1.amzn2.x86_64", bare) == bare[0]
    kernel612 = kernel("6.12.1-1.amzn2023", "kernel6.12")
    assert stream_of_release("6.12.0-1.amzn2023.x86_64", (kernel612,)) == "kernel6.12"


# -- the promise ------------------------------------------------------------------------------


def snapshot(name, *installed, running="", boots=None, standing=Standing.OK):
    next_boot = NextBoot(release=boots[0], source=boots[1]) if boots else NextBoot(Standing.ABSENT)
    part = Kernel(
        running=running, installed=installed, installed_standing=standing, next_boot=next_boot
    )
    return Snapshot(name=name, taken_at="", boot=Boot(), kernel=part)


def logged(action, evr, name="kernel", arch="x86_64"):
    return LogEntry(action, name, evr, arch)


INSTALLED, REMOVED, FAILED = LogAction.INSTALLED, LogAction.REMOVED, LogAction.FAILED
CAME = (logged(INSTALLED, "4.14.9-1.amzn2"), logged(INSTALLED, "4.14.10-1.amzn2"))
RUNS_9 = {"running": K414_9.release}
BOOTS_9 = {"boots": (K414_9.release, "bls")}
UNKNOWN = {"standing": Standing.UNKNOWN}


@pytest.mark.parametrize(
    ("leaving", "booted", "entries", "expected"),
    [
        pytest.param(
            snapshot("leaving", *AL2, **RUNS_9, **BOOTS_9),
            None,
            CAME,
            (K414_9.release, "bls"),
            id="the boot loader's entry first",
        ),
        pytest.param(
            snapshot("leaving", *AL2, **RUNS_9),
            None,
            CAME[:1],
            (K414_10.release, "newest installed"),
            id="then the newest of the running stream",
        ),
        pytest.param(
            snapshot("leaving", **UNKNOWN),
            None,
            CAME,
            (K414_10.release, "package log"),
            id="then the newest the log names",
        ),
        pytest.param(None, None, CAME, (K414_10.release, "package log"), id="post never came"),
        pytest.param(None, None, (), ("", ""), id="nothing promises"),
        pytest.param(
            snapshot("leaving", K414_9, **RUNS_9, **BOOTS_9),
            snapshot("booted-1", K414_9, K414_10, **RUNS_9),
            (),
            (K414_10.release, "second install"),
            id="a kernel came after post",
        ),
        pytest.param(
            snapshot("leaving", K414_9, K414_10, **RUNS_9, **BOOTS_9),
            snapshot("booted-1", K414_10),
            (),
            (K414_9.release, "bls"),
            id="a kernel only went after post",
        ),
        pytest.param(
            snapshot("leaving", K414_9, **RUNS_9, **BOOTS_9),
            snapshot("booted-1", K414_10, **UNKNOWN),
            (),
            (K414_9.release, "bls"),
            id="what is not known to be installed is no second install",
        ),
        pytest.param(
            None,
            None,
            (*CAME, logged(REMOVED, "4.14.10-1.amzn2")),
            (K414_9.release, "package log"),
            id="the log takes one back",
        ),
        pytest.param(
            None,
            None,
            (*CAME, logged(FAILED, "4.14.10-1.amzn2")),
            (K414_9.release, "package log"),
            id="one failed",
        ),
        pytest.param(
            None, None, (*CAME, logged(FAILED, "", arch="")), ("", ""), id="a bare failure"
        ),
        pytest.param(
            None,
            None,
            (*CAME, logged(REMOVED, "", arch="")),
            (K414_10.release, "package log"),
            id="a bare removal does not say which",
        ),
        pytest.param(
            None,
            None,
            (
                logged(INSTALLED, "1.0-4.amzn2", "kernel-livepatch-5.10.102-99.473"),
                logged(LogAction.UPDATED, "5.10.2-1.amzn2", "kernel-tools"),
            ),
            ("", ""),
            id="livepatches and tools are no kernels",
        ),
    ],
)
def test_the_promised_kernel(leaving, booted, entries, expected):
    assert promise(leaving, booted, entries) == expected


# -- reboots ----------------------------------------------------------------------------------


def change(name, action=PackageAction.UPDATED):
    return PackageChange(name, "x86_64", action, ("1",), ("2",), "ready..installed", ())


@pytest.mark.parametrize(
    ("os", "names", "expected"),
    [
        (
            "amzn 2",
            ("bash", "openssl-libs", "gnutls", "glibc"),
            ("glibc", "gnutls", "openssl-libs"),
        ),
        ("centos 7", ("openssl-libs",), ("openssl-libs",)),
        ("rhel 7.9", ("openssl-libs",), ("openssl-libs",)),
        ("amzn 2023", ("openssl-libs", "systemd", "dbus-broker"), ("dbus-broker", "systemd")),
        ("rhel 8.3", ("gnutls", "kernel-core", "kernel-tools"), ("kernel-core",)),
        (
            "debian 12",
            ("linux-image-6.1.0-32-amd64", "udev"),
            ("linux-image-6.1.0-32-amd64", "udev"),
        ),
        ("", ("linux-firmware", "microcode_ctl"), ("linux-firmware", "microcode_ctl")),
        ("amzn 2", ("kernel-livepatch-5.10.102-99.473", "kernel-headers"), ()),
    ],
)
def test_packages_that_need_a_reboot(os, names, expected):
    assert reboot_packages(os, [change(name) for name in names]) == expected


def test_what_went_needs_no_reboot():
    gone = [change("kernel", PackageAction.REMOVED), change("dbus", PackageAction.OBSOLETED)]
    assert reboot_packages("amzn 2", gone) == ()
