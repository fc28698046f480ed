"""The mounts over an operation's looks: what went, what came, what is mounted otherwise."""

from __future__ import annotations

from typing import Dict, Optional, Sequence, Tuple

from hookd.core.differences import MountChange
from hookd.core.node import Mount, Mounts
from hookd.core.snapshot import Snapshot
from hookd.core.spans import spans


def mounts_of(look: Snapshot) -> Mounts:
    return look.node.mounts


def by_point(look: Snapshot) -> Dict[str, Mount]:
    return {mount.point: mount for mount in look.node.mounts.mounted}


def told(mount: Optional[Mount]) -> str:
    """Return as `ext4 of /dev/nvme1n1, read-write` what is mounted, empty for nothing."""
    if mount is None:
        return ""
    way = "read-only" if mount.is_read_only else "read-write"
    return f"{mount.fstype} of {mount.source}, {way}"


def changes(looks: Sequence[Snapshot]) -> Tuple[MountChange, ...]:
    """Return what differs, by span, then mount point."""
    found = []
    for between, earlier, later in spans(looks, mounts_of):
        before, after = by_point(earlier), by_point(later)
        for point in sorted(before.keys() | after.keys()):
            was, now = told(before.get(point)), told(after.get(point))
            if was != now:
                found.append(MountChange(point, was, now, between))
    return tuple(found)
