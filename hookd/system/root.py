"""The root directory that every path read or written lies under (design 3, rule 5)."""

from __future__ import annotations

import os

_MOST_LINKS = 40  # as the kernel, path_resolution(7)
_NOWHERE = "too-many-links".ljust(256, "-")
"""Longer than NAME_MAX: nothing of this name can exist, here or on the host."""

NOTHING_RUNS = "nothing runs below another root"
"""Why sockets, processes, mounts and the like are absent unless the root is the host's."""


class Root:
    """A directory that stands for `/`. Links are followed as if DIR were `/` (never out of it).

    The path of a loop of links can be used like any other, and opening it fails.
    """

    def __init__(self, directory: str = "/") -> None:
        self.directory = os.path.realpath(directory)

    @property
    def is_host(self) -> bool:
        return self.directory == "/"

    def __str__(self) -> str:
        return self.directory

    def join(self, path: str) -> str:
        """Return the host's path of absolute `path`, every link followed."""
        if self.is_host:
            return path
        return self._resolve(path, follow_last=True)

    def join_nofollow(self, path: str) -> str:
        """Return the host's path of `path` with every link followed but the last component's."""
        if self.is_host:
            return path
        return self._resolve(path, follow_last=False)

    def shown(self, path: str) -> str:
        """Return host path `path` as it reads inside this root."""
        if self.is_host or not (path + "/").startswith(self.directory + "/"):
            return path
        return path[len(self.directory) :] or "/"

    def _resolve(self, path: str, *, follow_last: bool) -> str:
        todo = _parts(path)[::-1]
        done: list[str] = []
        links = 0
        while todo:
            part = todo.pop()
            if part == "..":
                del done[-1:]
                continue
            here = os.path.join(self.directory, *done, part)
            if (todo or follow_last) and os.path.islink(here):
                links += 1
                if links > _MOST_LINKS:
                    return os.path.join(self.directory, _NOWHERE)
                target = os.readlink(here)
                if target.startswith("/"):
                    done = []
                todo.extend(_parts(target)[::-1])
                continue
            done.append(part)
        return os.path.join(self.directory, *done)


def _parts(path: str) -> list[str]:
    return [part for part in path.split("/") if part not in ("", ".")]
