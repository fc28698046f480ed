"""Judges the room, in bytes and inodes, where packages, kernels and hookd write."""

from __future__ import annotations

from typing import Dict, List, Mapping, Optional, Tuple

from hookd.core.checks.state import DISK_LOW
from hookd.core.checks.table import Judge, Severities
from hookd.core.model import Check, Severity
from hookd.core.node import Disks, Space
from hookd.core.readings import Standing

LEAST_FREE = {"/": 64 << 20, "/boot": 16 << 20, "/var": 32 << 20, "/var/lib/hookd": 16 << 20}
"""Bytes that are to be free at each place, whichever file system it lies on."""

ENOUGH_FREE = {**LEAST_FREE, "/": 512 << 20, "/boot": 64 << 20, "/var": 256 << 20}
"""Bytes that a patch run with a kernel in it may need there; less is a warning."""

LEAST_INODES = 1024
"""A kernel's modules alone are more files; btrfs and vfat count none at all."""

_Lack = Tuple[str, bool]
"""The path of a file system that lacks room, and whether it is inodes that it lacks."""

_NOT_ASKED = Disks(Standing.ABSENT)


def disk_low(disks: Disks, severities: Severities, before: Disks = _NOT_ASKED) -> Check:
    """Judge the room at each place that LEAST_FREE names; `before` is that of the first look."""
    judge = Judge(DISK_LOW, severities)
    expected = ", ".join(_wanted(place) for place in LEAST_FREE)
    expected = f"free: {expected}, {LEAST_INODES} inodes"
    lacks = _lacks(disks, ENOUGH_FREE)
    if lacks:
        return judge.not_met(
            expected=expected,
            found=_told(lacks, disks),
            before=_told(lacks, before),
            at_most=Severity.FAIL if _lacks(disks, LEAST_FREE) else Severity.WARN,
        )
    if disks.standing is Standing.ABSENT:
        return judge.skipped(disks.reason)
    if not disks.is_ok:
        return judge.unknown(disks.reason, expected=expected)
    had = (_told(_lacks(before, ENOUGH_FREE), before) or "enough") if before.is_ok else ""
    return judge.passed(expected=expected, found="enough", before=had)


def _wanted(place: str) -> str:
    least, enough = LEAST_FREE[place], ENOUGH_FREE[place]
    return f"{place} {_mib(enough)}" + (f" ({least >> 20} at least)" if least < enough else "")


def _lacks(disks: Disks, floors: Mapping[str, int]) -> List[_Lack]:
    least: Dict[Space, int] = {}
    for place, size in floors.items():
        space = _below(place, disks)
        if space is not None:
            least[space] = max(size, least.get(space, 0))
    found = []
    for space, size in least.items():
        if space.free_bytes < size:
            found.append((space.path, False))
        if space.total_inodes and space.free_inodes < LEAST_INODES:
            found.append((space.path, True))
    return found


def _told(lacks: List[_Lack], disks: Disks) -> str:
    """Return how much there is of what lacks, where `disks` has it."""
    spaces = {space.path: space for space in disks.spaces}
    return ", ".join(
        f"{path} {_free(spaces[path], is_inodes=is_inodes)}"
        for path, is_inodes in lacks
        if path in spaces
    )


def _free(space: Space, *, is_inodes: bool) -> str:
    return f"{space.free_inodes} inodes free" if is_inodes else f"{_mib(space.free_bytes)} free"


def _below(place: str, disks: Disks) -> Optional[Space]:
    """Return the file system that `place` lies on: the longest path that leads to it."""
    above = [s for s in disks.spaces if f"{place}/".startswith(f"{s.path.rstrip('/')}/")]
    return max(above, key=_depth) if above else None


def _depth(space: Space) -> int:
    return len(space.path)


def _mib(size: int) -> str:
    return f"{size // (1 << 20)} MiB"
