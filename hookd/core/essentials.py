"""What no machine with rpm runs without, and a package database that tells of none of it."""

from __future__ import annotations

from dataclasses import replace
from typing import List, Sequence, Tuple

from hookd.core.readings import Kernel, PackageSet, Standing
from hookd.core.snapshot import Snapshot

ESSENTIALS = ("rpm", "glibc", "bash")
_RPM = "rpmdb"


def doubted(looks: Sequence[Snapshot]) -> Tuple[Snapshot, ...]:
    """Return `looks`, in the order of time, without what a partly lost rpm database tells.

    rpm lists what can still be found and ends well. One that had any of ESSENTIALS and has none is
    not known, and neither are the kernels that it owns: otherwise its loss would look like the
    removal of hundreds of packages. A database that never had one is of no whole machine.
    """
    found: List[Snapshot] = []
    had, at = "", ""
    for look in looks:
        present = ", ".join(sorted(one for d in look.packages for one in _essentials(d)))
        if present:
            had, at = present, look.name
        is_lost = had and not present and any(map(_is_read, look.packages))
        found.append(_without(look, f"{at} had {had}") if is_lost else look)
    return tuple(found)


def _is_read(database: PackageSet) -> bool:
    return database.source == _RPM and database.is_ok


def _essentials(database: PackageSet) -> List[str]:
    names = {key.rpartition(".")[0] for key in database.installed} if _is_read(database) else ()
    return [name for name in ESSENTIALS if name in names]


def _without(look: Snapshot, had: str) -> Snapshot:
    reason = f"a part of it is lost: none of {', '.join(ESSENTIALS)} is in it, {had}"
    lost = PackageSet(Standing.UNKNOWN, reason, _RPM)
    return replace(
        look,
        packages=tuple(lost if _is_read(one) else one for one in look.packages),
        kernel=_unowned(look.kernel, f"{_RPM}: {reason}"),
    )


def _unowned(kernel: Kernel, reason: str) -> Kernel:
    """Return `kernel` without what packages tell; files in /boot tell of none."""
    kernel = replace(kernel, running_package="", livepatches=())
    if not any(one.package for one in kernel.installed):
        return kernel
    return replace(
        kernel, installed=(), installed_standing=Standing.UNKNOWN, installed_reason=reason
    )
