"""Reads how much room is left where packages, kernels and hookd write (statvfs(3))."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from hookd.core.node import Disks, Space
from hookd.core.readings import Standing
from hookd.system.state import DIRECTORY

if TYPE_CHECKING:
    from hookd.system.root import Root

_PLACES = ("/", "/boot", "/var", DIRECTORY)


def read(root: Root) -> Disks:
    """Return the room at each place that exists and is a file system of its own, `/` first.

    What ordinary users may still take counts: the reserve of the file system is not for packages.
    btrfs has no count of inodes, all are 0 there.
    """
    spaces, problems, seen = [], [], set()
    for place in _PLACES:
        path = root.join(place)
        try:
            device = os.stat(path).st_dev
            if device not in seen:
                spaces.append(_space(place, path))
                seen.add(device)
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError as error:
            problems.append(f"{place}: {error.strerror}")
    standing = Standing.UNKNOWN if problems else Standing.OK
    return Disks(standing, "; ".join(problems), tuple(spaces))


def _space(place: str, path: str) -> Space:
    found = os.statvfs(path)
    block = found.f_frsize
    return Space(
        place, found.f_bavail * block, found.f_blocks * block, found.f_favail, found.f_files
    )
