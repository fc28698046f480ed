"""What waits for a reboot: the kernel that boots next, packages that came, what Debian asks for."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Optional, Sequence, Tuple

from hookd.core.due import is_of_boot
from hookd.core.kernels import is_kernel_package, reboot_packages
from hookd.core.model import Changes, PackageChange
from hookd.core.snapshot import Snapshot

_DATABASES = ("rpmdb", "dpkg")


@dataclass(frozen=True)
class Waiting:
    """`kernel` boots next and does not run; `packages` came since the last boot, in words.

    `asked`: /run/reboot-required is there, for `asked_by` (package names, as far as it tells).
    """

    kernel: str = ""
    packages: Tuple[str, ...] = ()
    asked: bool = False
    asked_by: Tuple[str, ...] = ()

    @property
    def is_something(self) -> bool:
        return bool(self.kernel or self.packages or self.asked)


def is_pending(looks: Sequence[Snapshot], changes: Changes) -> Optional[bool]:
    """Whether a reboot is pending by all that the machine shows; None when nobody looked."""
    return waiting(looks, changes).is_something if looks else None


def waiting_at(look: Snapshot) -> Waiting:
    """Return what waits at one look by itself, whatever came before it."""
    kernel, required = look.kernel, look.node.reboot_required
    following = kernel.next_boot
    differs = following.is_ok and kernel.is_ok and following.release != kernel.running
    asked = required.is_ok and required.is_required
    return Waiting(
        following.release if differs else "",
        asked=asked,
        asked_by=required.packages if asked else (),
    )


def waiting(looks: Sequence[Snapshot], changes: Changes) -> Waiting:
    """Return what waits at the last of `looks` (not empty, in the order of time).

    A kernel that was promised and did not come up by a boot since is the promise's matter.
    """
    at = waiting_at(looks[-1])
    if at.kernel and at.kernel == changes.kernel.promised and _had_its_boot(looks):
        at = replace(at, kernel="")
    came = [change for change in changes.packages if _is_since_boot(change, looks)]
    names = reboot_packages(looks[-1].os, came)
    told = [
        _words(change)
        for change in came
        if change.name in names
        and change.after
        and not (at.kernel and is_kernel_package(change.name))
    ]
    return replace(at, packages=tuple(dict.fromkeys(told)))


def _had_its_boot(looks: Sequence[Snapshot]) -> bool:
    """Whether the machine booted since its next boot was promised a kernel."""
    made = next((look for look in looks if look.name == "leaving"), looks[0])
    return not _is_of_last_boot(made, looks)


def _is_of_last_boot(look: Snapshot, looks: Sequence[Snapshot]) -> bool:
    """Whether `look` is of the boot of the last one; where no id tells, it is."""
    one, last = look.boot, looks[-1].boot
    known = one.is_ok and last.is_ok and one.boot_id and last.boot_id
    return not known or one.boot_id == last.boot_id


def _is_since_boot(change: PackageChange, looks: Sequence[Snapshot]) -> bool:
    """Whether a change came after the last boot that `looks` saw.

    Where the boot lies between its two looks the time of installation tells; a log alone does not.
    """
    names = [look.name for look in looks]
    first, _, last = change.between.partition("..")
    if first not in names or last not in names:
        return True
    start, end = names.index(first), names.index(last)
    if not set(change.seen_in) & set(_DATABASES):
        start = _reads_logs(looks, start)
    if _is_of_last_boot(looks[start], looks):
        return True
    return _is_of_last_boot(looks[end], looks) and _is_newer(change, looks[-1])


def _reads_logs(looks: Sequence[Snapshot], start: int) -> int:
    """Return the last look up to `start` that read the logs: the first of a boot does not."""
    return max((n for n in range(start + 1) if not is_of_boot(looks[n].name)), default=start)


def _is_newer(change: PackageChange, look: Snapshot) -> bool:
    """Whether it was installed after the boot, as `needs-restarting -r` asks (yum-utils 1.1.31)."""
    installed_at = _installed_at(change, look)
    return bool(look.boot.btime and installed_at and installed_at > look.boot.btime)


def _installed_at(change: PackageChange, look: Snapshot) -> Optional[int]:
    key = f"{change.name}.{change.arch}"
    instances = (one for found in look.packages for one in found.installed.get(key, ()))
    return max((at for evr, at in instances if evr in change.after), default=None)


def _words(change: PackageChange) -> str:
    """Return `glibc 2.26-64 -> 2.26-65`; what came beside others, or anew, without the old."""
    came = [evr for evr in change.after if evr not in change.before] or list(change.after)
    stays = set(change.before) <= set(change.after)
    old = "" if stays else f"{change.before[-1]} -> "
    return f"{change.name} {old}{came[-1]}"
