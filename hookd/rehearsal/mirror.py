"""Copies files to the same place below another root: links, owners and modes as they are."""

from __future__ import annotations

import contextlib
import os
import shutil
import stat

_MOST_LINKS = 40


class Mirror:
    """Copies from the real `/` to below `root`, so that trust judges the copies alike.

    `unowned` names what could not be given its owner, which only root may do; `unread` what could
    not be copied at all.
    """

    def __init__(self, root: str) -> None:
        self._root = root
        self._seen: set[str] = set()
        self.unowned: set[str] = set()
        self.unread: set[str] = set()

    def tree(self, path: str) -> None:
        """Copy everything at and below `path`; nothing when it is not there."""
        here = self.way_to(path)
        try:
            names = os.listdir(here) if os.path.isdir(here) else []
        except OSError:
            self.unread.add(here)
            return
        for name in sorted(names):
            self.tree(os.path.join(here, name))

    def way_to(self, path: str) -> str:
        """Copy `path` and all directories and links on the way; return where the links lead."""
        todo = [part for part in path.split("/") if part][::-1]
        here, links = "/", 0
        while todo:
            part = todo.pop()
            if part in (".", ".."):
                here = os.path.dirname(here) if part == ".." else here
                continue
            one = os.path.join(here, part)
            try:
                status = os.lstat(one)
            except OSError:
                return one
            self._copy(one, status)
            if not stat.S_ISLNK(status.st_mode):
                here = one
                continue
            links += 1
            text = os.readlink(one)
            if links > _MOST_LINKS or text == os.devnull:
                return one
            here = "/" if text.startswith("/") else here
            todo += [part for part in text.split("/") if part][::-1]
        return here

    def _copy(self, path: str, status: os.stat_result) -> None:
        if path in self._seen:
            return
        self._seen.add(path)
        try:
            self._make(path, self._root + path, status)
        except OSError:
            self.unread.add(path)

    def _make(self, path: str, target: str, status: os.stat_result) -> None:
        if stat.S_ISLNK(status.st_mode):
            os.symlink(os.readlink(path), target)
        elif stat.S_ISDIR(status.st_mode):
            with contextlib.suppress(FileExistsError):
                os.mkdir(target)
        elif stat.S_ISREG(status.st_mode):
            shutil.copyfile(path, target)
        elif stat.S_ISFIFO(status.st_mode):
            os.mkfifo(target)
        else:
            return  # a device or a socket: no hook
        self._own(target, status)

    def _own(self, target: str, status: os.stat_result) -> None:
        try:
            os.chown(target, status.st_uid, status.st_gid, follow_symlinks=False)
        except PermissionError:
            self.unowned.add(target)
        if not stat.S_ISLNK(status.st_mode):
            os.chmod(target, stat.S_IMODE(status.st_mode))
