"""What the admin does not want to hear of (`[verify.ignore]`): patterns, in fnmatch(3)'s manner."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Sequence, Tuple


@dataclass(frozen=True)
class Ignore:
    """Patterns of names: `snap-*.service`, `udp *:68`, `/mnt/scratch*`, `/opt/agent/*`."""

    units: Tuple[str, ...] = ()
    sockets: Tuple[str, ...] = ()
    mounts: Tuple[str, ...] = ()
    processes: Tuple[str, ...] = ()
    files: Tuple[str, ...] = ()


def matches(name: str, patterns: Sequence[str]) -> bool:
    """Whether one of `patterns` stands for `name`."""
    return any(fnmatchcase(name, pattern) for pattern in patterns)
