"""Judges the room, in bytes and inodes, where packages, kernels and hookd write."""

from __future__ import annotations

from typing import Dict, List, Optional

from hookd.core.checks.state import DISK_LOW
from hookd.core.checks.table import Judge, Severities
from hookd.core.model import Check
from hookd.core.node import Disks, Space
from hookd.core.readings import Standing

LEAST_FREE = {"/": 16 << 20, "/boot": 16 << 20, "/var/lib/hookd": 16 << 20}
"""Bytes that are to be free at each place, whichever file system it lies on."""

LEAST_INODES = 1024
"""A kernel's modules alone are more files; btrfs and vfat count none at all."""


def disk_low(disks: Disks, severities: Severities) -> Check:
    """Judge the room at each place that LEAST_FREE names."""
    judge = Judge(DISK_LOW, severities)
    expected = ", ".join(f"{path} {_mib(size)}" for path, size in LEAST_FREE.items())
    expected = f"free: {expected}, {LEAST_INODES} inodes"
    found = _low(disks)
    if found:
        return judge.not_met(expected=expected, found=", ".join(found))
    if disks.standing is Standing.ABSENT:
        return judge.skipped(disks.reason)
    if not disks.is_ok:
        return judge.unknown(disks.reason, expected=expected)
    return judge.passed(expected=expected, found="enough")


def _low(disks: Disks) -> List[str]:
    least: Dict[Space, int] = {}
    for place, size in LEAST_FREE.items():
        space = _below(place, disks)
        if space is not None:
            least[space] = max(size, least.get(space, 0))
    found = [f"{s.path} {_mib(s.free_bytes)} free" for s in least if s.free_bytes < least[s]]
    for space in least:
        if space.total_inodes and space.free_inodes < LEAST_INODES:
            found.append(f"{space.path} {space.free_inodes} inodes free")
    return found


def _below(place: str, disks: Disks) -> Optional[Space]:
    """Return the file system that `place` lies on: the longest path that leads to it."""
    above = [s for s in disks.spaces if f"{place}/".startswith(f"{s.path.rstrip('/')}/")]
    return max(above, key=_depth) if above else None


def _depth(space: Space) -> int:
    return len(space.path)


def _mib(size: int) -> str:
    return f"{size // (1 << 20)} MiB"
