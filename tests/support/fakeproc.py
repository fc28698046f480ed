"""A made-up /proc: processes with their links and texts in the forms that the kernel gives them."""

from __future__ import annotations

import os
import pathlib

SPACE = "pid:[4026531836]"
"""The pid namespace that everybody is in unless told otherwise."""


class FakeProc:
    """The tree below `path`. Process 1 is systemd; `self` is nobody in particular."""

    def __init__(self, path: pathlib.Path, version: str = "name=systemd"):
        self.path = path
        self._version = version
        self.process(1, "/usr/lib/systemd/systemd", "/init.scope", parent=0)
        self._link("self/ns/pid", SPACE)
        self._link("self/root", "/")

    def __str__(self):
        return str(self.path)

    def process(
        self,
        pid,
        exe="",
        cgroup="/",
        *,
        maps=(),
        sockets=(),
        parent=1,
        ticks=100,
        space=SPACE,
        root="/",
    ):
        """Add process `pid`: `sockets` are inodes, `maps` lines, `ticks` its start."""
        state = ["S", str(parent), str(pid), str(pid), *["0"] * 15, str(ticks), "0", "0"]
        # a name may hold anything: here what looks like the end of it and another state
        self.put(f"{pid}/stat", f"{pid} (a) Z 9 (b) {' '.join(state)}\n")
        self.put(f"{pid}/cgroup", f"12:pids:/elsewhere\n1:{self._version}:{cgroup}\n")
        self.put(f"{pid}/maps", "".join(f"{line}\n" for line in maps))
        self._link(f"{pid}/exe", exe)
        self._link(f"{pid}/ns/pid", space)
        self._link(f"{pid}/root", root)
        self._link(f"{pid}/fd/0", "/dev/null")
        for number, inode in enumerate(sockets, 3):
            self._link(f"{pid}/fd/{number}", f"socket:[{inode}]")

    def put(self, name, text):
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())

    def _link(self, name, target):
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if target:
            os.symlink(target, str(path))


def mapping(path, *, device="00:2b", inode=7, may="r-xp"):
    """Return a line of maps; its device has no number of a driver unless one is given."""
    return f"7f5eb396f000-7f5eb39c6000 {may} 00002000 {device} {inode:<26} {path}"
