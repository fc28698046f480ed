"""What a machine stands on while it is off and on: its file system and its cgroup hierarchy.

One process holds the mounts, in a mount namespace of its own. It ends when the process that made
the machine ends, however that comes, and takes the machine and all that it left with it.
"""

from __future__ import annotations

import contextlib
import os
import pathlib
import subprocess
import uuid

from lab.layers import HERE, overlay

HIERARCHY = {"v1": "/sys/fs/cgroup/systemd", "v2": "/sys/fs/cgroup"}


class Ground:
    """The mounts of one machine in `directory`, which is removed with them.

    `lowers`: the layers of its file system, named from the top. `cgroups`: v1 is the hierarchy
    name=systemd alone, as on Amazon Linux 2; v2 the unified one. `var`: the size of a file system
    of its own for /var (like 64M), or 0 for none.
    """

    def __init__(self, directory, lowers, cgroups="v2", var="0") -> None:
        self.directory = pathlib.Path(directory)
        self.root = self.directory / "root"
        self.cgroup = f"{HIERARCHY[cgroups]}/hookd-lab-{uuid.uuid4().hex[:12]}"
        for name in ("disk", "root"):
            (self.directory / name).mkdir(parents=True)
        stack = overlay(lowers, self.directory / "disk/upper", self.directory / "disk/work")
        self._holder = subprocess.Popen(
            (
                *("unshare", "--mount", "--propagation", "private", str(HERE / "stand")),
                *(str(self.directory), stack, cgroups, self.cgroup, var),
            ),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            # a Ctrl-C at the terminal is for the tests, which then remove their machines
            start_new_session=True,
        )
        if self._holder.stdout.readline() != b"ready\n":
            raise RuntimeError(f"the machine's file system cannot be mounted: {self.remove()}")

    @property
    def inside(self) -> tuple[str, ...]:
        """The beginning of a command that runs where these mounts are seen."""
        return ("nsenter", "--target", str(self._holder.pid), "--mount")

    @property
    def inside_root(self) -> tuple[str, ...]:
        """The beginning of a command that runs below the machine's root while it is off."""
        return (*self.inside, f"--root={self.seen}", f"--wd={self.seen}")

    @property
    def seen(self) -> str:
        """Where this process sees the machine's root, on or off, as far as it is on a disk."""
        return f"/proc/{self._holder.pid}/root{self.root}"

    def clear_cgroups(self) -> None:
        """Remove the cgroups of the last boot; everything in them must have ended."""
        top = f"/proc/{self._holder.pid}/root{self.cgroup}"
        for folder, _, _ in os.walk(top, topdown=False):
            if folder != top:
                with contextlib.suppress(FileNotFoundError):
                    os.rmdir(folder)

    def remove(self) -> str:
        """Kill what runs in the machine and take everything away; return what went wrong before."""
        _, said = self._holder.communicate(timeout=60)
        return said.decode("utf-8", "backslashreplace")
