"""Reads the kernels: the running one, the installed ones, and what boots next."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Iterable, Sequence

from hookd.core.kernels import is_kernel_package, is_livepatch, release_of
from hookd.core.nevra import evr_key
from hookd.core.readings import InstalledKernel, Kernel, PackageSet, Standing
from hookd.system import bootloader
from hookd.system.textfile import is_filled, names_in, read_text

if TYPE_CHECKING:
    from hookd.system.root import Root

OSRELEASE = "/proc/sys/kernel/osrelease"
LIVEPATCH = "/sys/kernel/livepatch"
_RELEASE = re.compile(r"[0-9][!-~]{1,100}")


def read(root: Root, packages: Sequence[PackageSet]) -> Kernel:
    """Return the kernels of the machine below `root`; `packages` are its databases, just read."""
    running = read_text(root, OSRELEASE, at_most=256)
    release = running.text.strip()
    standing, reason = running.standing, running.reason
    if running.is_ok and not _RELEASE.fullmatch(release):
        standing = Standing.UNKNOWN
        reason = f"{OSRELEASE} holds no kernel release: {release[:40]!r}"
        release = ""
    by_packages = sorted(_by_packages(packages), key=_order)
    installed_standing, installed_reason, installed = _installed(root, packages, by_packages)
    return Kernel(
        standing=standing,
        reason=reason,
        running=release,
        running_package=_package_of(release, by_packages),
        installed=installed,
        installed_standing=installed_standing,
        installed_reason=installed_reason,
        next_boot=bootloader.read(root),
        livepatches=tuple(sorted(_livepatches(packages))),
        loaded=_loaded(root),
    )


def _loaded(root: Root) -> tuple[str, ...] | None:
    """Return the modules that patch the running kernel; None where that cannot be read.

    One that is `enabled` does (Documentation/ABI/testing/sysfs-kernel-livepatch).
    """
    try:
        names = names_in(root, LIVEPATCH)
    except OSError:
        return None
    states = {name: read_text(root, f"{LIVEPATCH}/{name}/enabled", at_most=16) for name in names}
    if any(state.standing is Standing.UNKNOWN for state in states.values()):
        return None
    return tuple(name for name, state in states.items() if state.text.strip() == "1")


def _order(kernel: InstalledKernel) -> tuple[object, ...]:
    return evr_key(kernel.release), kernel.release, kernel.package


def _by_packages(packages: Sequence[PackageSet]) -> list[InstalledKernel]:
    """Return one kernel per release; on EL8 `kernel-core` owns it and `kernel` is a shell."""
    found: dict[str, InstalledKernel] = {}
    for name, arch, evr, when in _instances(packages):
        if is_kernel_package(name):
            kernel = InstalledKernel(release_of(name, evr, arch), name, evr, when)
            if kernel.release not in found or name.endswith("-core"):
                found[kernel.release] = kernel
    return list(found.values())


def _livepatches(packages: Sequence[PackageSet]) -> Iterable[str]:
    for name, arch, evr, _ in _instances(packages):
        if is_livepatch(name):
            yield f"{name}-{evr}.{arch}"


def _instances(packages: Sequence[PackageSet]) -> Iterable[tuple[str, str, str, int]]:
    for one in packages:
        if one.is_ok:
            for key, instances in one.installed.items():
                if key.startswith(("kernel", "linux-image-", "kpatch-patch-")):
                    name, _, arch = key.rpartition(".")
                    for evr, when in instances:
                        yield name, arch, evr, when


def _installed(
    root: Root, packages: Sequence[PackageSet], by_packages: list[InstalledKernel]
) -> tuple[Standing, str, tuple[InstalledKernel, ...]]:
    if by_packages:
        return Standing.OK, "", tuple(by_packages)
    try:
        by_files = sorted(_by_files(root), key=_order)
    except OSError as error:
        return Standing.UNKNOWN, f"{error.filename}: {error.strerror}", ()
    if by_files:
        return Standing.OK, "", tuple(by_files)
    unread = [one.reason for one in packages if one.standing is Standing.UNKNOWN]
    if unread:
        return Standing.UNKNOWN, unread[0], ()
    return Standing.ABSENT, "no kernel package and no kernel files in /boot", ()


def _by_files(root: Root) -> list[InstalledKernel]:
    images = {n.partition("-")[2] for n in names_in(root, "/boot") if n.startswith("vmlinuz-")}
    modules = {
        name
        for name in names_in(root, "/lib/modules")
        if is_filled(root, f"/lib/modules/{name}/modules.dep")
    }
    named = (name for name in images | modules if _RELEASE.fullmatch(name))
    return [InstalledKernel(name) for name in named if not name.startswith("0-rescue")]


def _package_of(release: str, kernels: Sequence[InstalledKernel]) -> str:
    """Return the package that kernel `release` is of: its release, or that and `+debug` etc."""
    for kernel in kernels:
        rest = release[len(kernel.release) :]
        if release.startswith(kernel.release) and rest[:1] in ("", "+", "."):
            if kernel.package.startswith("linux-image-"):
                return kernel.package
            return f"{kernel.package}-{_with_epoch(kernel)}"
    return ""


def _with_epoch(kernel: InstalledKernel) -> str:
    """Return `[E:]V-R.ARCH`: the release has the architecture and at most a variant behind it."""
    arch = kernel.release[len(kernel.evr.split(":", 1)[-1]) :]
    return kernel.evr + re.sub(r"(?:\+.*|\.debug)$", "", arch)
