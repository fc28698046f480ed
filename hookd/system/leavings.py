"""Finds the configuration files that a package manager put beside the admin's, below /etc.

rpm(8) leaves .rpmnew, .rpmsave and .rpmorig, dpkg(1) .dpkg-dist, .dpkg-new and .dpkg-old, ucf(1)
.ucf-dist and .ucf-new.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Iterator

from hookd.core.node import Leavings
from hookd.core.readings import Standing
from hookd.system.process.printable import printable_line

if TYPE_CHECKING:
    from hookd.system.root import Root

DIRECTORY = "/etc"

_ENDINGS = (
    *(".rpmnew", ".rpmsave", ".rpmorig"),
    *(".dpkg-dist", ".dpkg-new", ".dpkg-old"),
    *(".ucf-dist", ".ucf-new"),
)
_MOST_ENTRIES = 50_000
_MOST_FILES = 1000
_LONGEST = 4096


def read(root: Root) -> Leavings:
    """Return what lies below /etc inside `root`; no link is followed, no other file system entered.

    Absent without /etc, unknown when it cannot be read.
    """
    top = root.join(DIRECTORY)
    try:
        device = os.stat(top).st_dev
        os.scandir(top).close()
    except (FileNotFoundError, NotADirectoryError):
        return Leavings(Standing.ABSENT, f"{DIRECTORY} does not exist")
    except OSError as error:
        return Leavings(Standing.UNKNOWN, f"{DIRECTORY}: {error.strerror}")
    return _Walk(device, most=_MOST_ENTRIES).below(top)


class _Walk:
    """One walk on one file system. `most` counts what is left to look at."""

    def __init__(self, device: int, *, most: int) -> None:
        self._device = device
        self._most = most
        self._is_whole = True

    def below(self, top: str) -> Leavings:
        todo = [(top, DIRECTORY)]
        found = []
        while todo:
            directory, shown = todo.pop()
            for entry in self._entries(directory):
                name = f"{shown}/{entry.name}"
                if entry.name.endswith(_ENDINGS):
                    found.append(printable_line(os.fsencode(name), _LONGEST))
                if self._is_ours(entry):
                    todo.append((entry.path, name))
        whole = self._is_whole and len(found) <= _MOST_FILES
        return Leavings(files=tuple(sorted(found)[:_MOST_FILES]), is_whole=whole)

    def _entries(self, directory: str) -> Iterator[os.DirEntry[str]]:
        """Yield what is in `directory` while there is something left to look at."""
        try:
            with os.scandir(directory) as entries:
                for entry in entries:
                    if self._most <= 0:
                        self._is_whole = False
                        return
                    self._most -= 1
                    yield entry
        except FileNotFoundError:
            return
        except OSError:
            self._is_whole = False

    def _is_ours(self, entry: os.DirEntry[str]) -> bool:
        try:
            is_directory = entry.is_dir(follow_symlinks=False)
            return is_directory and entry.stat(follow_symlinks=False).st_dev == self._device
        except FileNotFoundError:
            return False
        except OSError:
            self._is_whole = False
            return False
