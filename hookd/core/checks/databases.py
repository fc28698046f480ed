"""A package database at the ends of an operation, for the checks that compare it."""

from __future__ import annotations

from typing import Dict, List, Optional, Sequence

from hookd.core.readings import PackageSet, Standing
from hookd.core.snapshot import Snapshot

Installed = Dict[str, Dict[str, int]]
"""EVR to install time, by `name.arch`."""


def database_of(snapshot: Snapshot, source: str) -> Optional[PackageSet]:
    """Return the database where it exists, read or not."""
    for one in snapshot.packages:
        if one.source == source and one.standing is not Standing.ABSENT:
            return one
    return None


def contents(snapshot: Snapshot, source: str) -> Installed:
    packages = database_of(snapshot, source)
    installed = packages.installed if packages else {}
    return {key: dict(instances) for key, instances in installed.items()}


def why_unread(snapshots: Sequence[Snapshot], source: str) -> List[str]:
    """Return why the database is not known at the first or the last look."""
    ends = (database_of(snapshots[0], source), database_of(snapshots[-1], source))
    return [end.reason for end in ends if end is not None and not end.is_ok]
