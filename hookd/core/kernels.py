"""Which packages are kernels, which kernel was promised, and which changes need a reboot.

Names and releases follow the kernel packages of Amazon Linux, RHEL (kernel.spec: `uname -r` is
`VERSION-RELEASE.ARCH`, variants add `+NAME`), Oracle, ELRepo and Debian (`linux-image-RELEASE`).
"""

from __future__ import annotations

import re
from typing import Any, Dict, Iterable, Optional, Sequence, Tuple

from hookd.core.model import PackageAction, PackageChange
from hookd.core.nevra import evr_key
from hookd.core.readings import InstalledKernel, Kernel, LogAction, LogEntry, Standing
from hookd.core.snapshot import Snapshot

_VARIANTS = r"(?:-(?:rt|uek|uek64k|64k|lt|ml|debug))*"
_RPM_KERNEL = re.compile(r"kernel(?:\d+\.\d+)?" + _VARIANTS + r"(?:-core)?")
_INSTALLONLY = re.compile(
    r"kernel(?:\d+\.\d+)?"
    + _VARIANTS
    + r"(?:-(?:core|devel|devel-matched|source|bigmem|enterprise|smp|unsupported|PAE|PAE-debug"
    r"|modules(?:-[a-z]+)?))?"
)
_DEBIAN_KERNEL = re.compile(r"linux-image-(?:unsigned-)?(\d+\.\d+\.\d+[-+].*?)(?:-unsigned)?")
_LIVEPATCH = re.compile(r"(?:kernel-livepatch|kpatch-patch)-\d.*")

_REBOOT_NAMES = frozenset(
    (
        "glibc",
        "linux-firmware",
        "systemd",
        "udev",
        "dbus",
        "dbus-broker",
        "dbus-daemon",
        "microcode_ctl",
    )
)
"""What `needs-restarting -r` of yum-utils 1.1.31 and dnf-plugins-core 4 names beside kernels."""

_REBOOT_NAMES_7 = frozenset(("openssl-libs", "gnutls"))
"""What yum-utils 1.1.31 adds; dnf leaves them out."""

_GAINED = (
    LogAction.INSTALLED,
    LogAction.UPDATED,
    LogAction.DOWNGRADED,
    LogAction.REINSTALLED,
)


def is_kernel_package(name: str) -> bool:
    """Whether package `name` is a kernel that can be booted (no tools, modules or live patch)."""
    if name.endswith(("-dbg", "-dbgsym")):
        return False
    return bool(_RPM_KERNEL.fullmatch(name) or _DEBIAN_KERNEL.fullmatch(name))


def is_livepatch(name: str) -> bool:
    """Whether package `name` patches a running kernel (`kernel-livepatch-…`, `kpatch-patch-…`)."""
    return bool(_LIVEPATCH.fullmatch(name))


def is_installonly(name: str) -> bool:
    """Whether several versions of package `name` may be installed side by side."""
    return name == "gpg-pubkey" or bool(_INSTALLONLY.fullmatch(name) or is_kernel_package(name))


def release_of(name: str, evr: str, arch: str) -> str:
    """Return what `uname -r` prints for kernel package `name` of `evr` (`[E:]V-R`) and `arch`."""
    debian = _DEBIAN_KERNEL.fullmatch(name)
    if debian:
        return debian.group(1)
    release = evr.split(":", 1)[-1] + "." + arch
    return release + _uname_suffix(name, evr)


def _uname_suffix(name: str, evr: str) -> str:
    """EL8 and later append `+VARIANT`, EL7's kernel-debug `.debug`; older rt names it in `R`."""
    variants = [part for part in name.split("-")[1:] if part in ("rt", "64k", "debug")]
    if not name.endswith("-core"):
        return ".debug" if variants == ["debug"] else ""
    if ".rt" in evr and "rt" in variants:
        variants.remove("rt")
    return "+" + "-".join(variants) if variants else ""


def stream_of(name: str, version: str) -> str:
    """Return the line of kernels that `name` belongs to: `kernel 4.14`, `kernel6.12`.

    On Amazon Linux 2 the extras install 5.10 and 5.15 under the name `kernel` too, so its stream
    has the first two numbers of its version.
    """
    debian = _DEBIAN_KERNEL.fullmatch(name)
    if debian:
        parts = debian.group(1).split("-")
        while parts and parts[0][:1].isdigit():
            del parts[0]
        return "linux-image " + "-".join(parts)
    base = name[: -len("-core")] if name.endswith("-core") else name
    return "kernel " + _two_numbers(version) if base == "kernel" else base


def _two_numbers(version: str) -> str:
    found = re.match(r"(?:\d+:)?(\d+\.\d+)", version)
    return found.group(1) if found else version


def stream(kernel: InstalledKernel) -> str:
    """Return the stream of an installed kernel; without a package its release has to tell."""
    return stream_of(kernel.package or "kernel", kernel.evr or kernel.release)


def stream_of_release(release: str, installed: Sequence[InstalledKernel]) -> str:
    """Return the stream of kernel `release`, installed or not."""
    for kernel in installed:
        if kernel.release == release:
            return stream(kernel)
    for kernel in installed:
        if _two_numbers(kernel.release) == _two_numbers(release):
            return stream(kernel)
    return "kernel " + _two_numbers(release)


def newest(
    installed: Iterable[InstalledKernel], of_stream: Optional[str] = None
) -> Optional[InstalledKernel]:
    """Return the newest kernel by version, of one stream when it is named; None when none is."""
    fitting = [k for k in installed if of_stream is None or stream(k) == of_stream]
    return max(fitting, key=_age) if fitting else None


def _age(kernel: InstalledKernel) -> Any:
    return evr_key(kernel.release)


def newest_beside(release: str, installed: Sequence[InstalledKernel]) -> Optional[InstalledKernel]:
    """Return the newest kernel in the stream of `release`, or of all when none is in it."""
    own = newest(installed, stream_of_release(release, installed)) if release else None
    return own or newest(installed)


def promise(
    leaving: Optional[Snapshot], booted: Optional[Snapshot], entries: Iterable[LogEntry]
) -> Tuple[str, str]:
    """Return `(release, promised_by)`: the kernel that the next boot was to bring (lifecycle 7).

    `booted` is the first look at the machine after its last boot; `entries` are the operation's
    log lines in order. `promised_by` is `grubenv`, `bls`, `grub.cfg`, `newest installed`,
    `package log`, `second install` or empty.
    """
    second = _second_install(leaving, booted)
    if second:
        return second, "second install"
    if leaving is not None:
        boots_next = leaving.kernel.next_boot
        if boots_next.is_ok and boots_next.release:
            return boots_next.release, boots_next.source
        if _is_known(leaving.kernel):
            found = newest_beside(leaving.kernel.running, leaving.kernel.installed)
            if found:
                return found.release, "newest installed"
    logged = newest(_logged_kernels(entries))
    return (logged.release, "package log") if logged else ("", "")


def _second_install(leaving: Optional[Snapshot], booted: Optional[Snapshot]) -> str:
    if leaving is None or booted is None:
        return ""
    if not (_is_known(leaving.kernel) and _is_known(booted.kernel)):
        return ""
    had = {kernel.release for kernel in leaving.kernel.installed}
    came = newest(k for k in booted.kernel.installed if k.release not in had)
    return came.release if came else ""


def _is_known(kernel: Kernel) -> bool:
    return kernel.installed_standing is Standing.OK


def _logged_kernels(entries: Iterable[LogEntry]) -> Sequence[InstalledKernel]:
    """Return the kernels that the lines say came, without those that later lines take back."""
    named: Dict[Tuple[str, str, str], InstalledKernel] = {}
    for entry in entries:
        if not is_kernel_package(entry.name):
            continue
        if entry.action in _GAINED and entry.evr and entry.arch:
            release = release_of(entry.name, entry.evr, entry.arch)
            kernel = InstalledKernel(release, entry.name, entry.evr)
            named[(entry.name, entry.evr, entry.arch)] = kernel
        else:
            named = {key: kernel for key, kernel in named.items() if not _undoes(entry, key)}
    return tuple(named.values())


def _undoes(entry: LogEntry, key: Tuple[str, str, str]) -> bool:
    """A failure may give the bare name; a bare `Erased: kernel` does not say which one went."""
    name, evr, arch = key
    if entry.name != name or entry.arch not in ("", arch):
        return False
    if entry.action is LogAction.FAILED:
        return entry.evr in ("", evr)
    return entry.action in (LogAction.REMOVED, LogAction.OBSOLETED) and entry.evr == evr


def reboot_packages(os: str, changes: Iterable[PackageChange]) -> Tuple[str, ...]:
    """Return the names of changed packages that need a reboot, sorted. `os` is as `amzn 2`."""
    names = _REBOOT_NAMES | _REBOOT_NAMES_7 if _is_release_7(os) else _REBOOT_NAMES
    gone = (PackageAction.REMOVED, PackageAction.OBSOLETED)
    came = {change.name for change in changes if change.action not in gone}
    return tuple(sorted(name for name in came if name in names or is_kernel_package(name)))


def _is_release_7(os: str) -> bool:
    name, _, version = os.partition(" ")
    return (name, version.split(".")[0]) in (("amzn", "2"), ("rhel", "7"), ("centos", "7"))
