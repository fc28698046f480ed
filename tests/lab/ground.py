"""What a machine stands on while it is off and on: its file system and its cgroup hierarchy.

All mounts are made in a mount namespace that one sleeping process holds. When it dies, and it dies
with the process that made it, the kernel takes every mount down.
"""

from __future__ import annotations

import contextlib
import os
import pathlib
import shutil
import subprocess
import uuid

from lab.layers import overlay

MOUNTS = """\
set -eu
machine=$1 stack=$2 cgroups=$3 var=$4
mkdir -p /run/systemd/nspawn
mount -t tmpfs tmpfs /run/systemd/nspawn
if [ "$cgroups" = v1 ]; then
  mount -t tmpfs tmpfs /sys/fs/cgroup
  mkdir /sys/fs/cgroup/systemd
  mount -t cgroup -o none,name=systemd cgroup /sys/fs/cgroup/systemd
else
  mount -t cgroup2 cgroup2 /sys/fs/cgroup
fi
mount -t overlay overlay -o "$stack" "$machine/root"
if [ "$var" != 0 ]; then
  mkfs.ext4 -q -m 0 -d "$machine/root/var" "$machine/var.img" "$var" >&2
  mount -o loop "$machine/var.img" "$machine/root/var"
fi
echo ready
exec sleep infinity
"""
HIERARCHY = {"v1": "/sys/fs/cgroup/systemd", "v2": "/sys/fs/cgroup"}
DIE_WITH_ME = ("setpriv", "--pdeathsig", "KILL")


class Ground:
    """The mounts of one machine in `directory`, which is removed when they are.

    `lowers`: the layers of its file system, named from the top. `cgroups`: v1 is the hierarchy
    name=systemd alone, as on Amazon Linux 2; v2 the unified one. `var`: the size of a file system
    of its own for /var (like 64M), or 0 for none.
    """

    def __init__(self, directory, lowers, cgroups="v2", var="0") -> None:
        self.directory = pathlib.Path(directory)
        self.root = self.directory / "root"
        self.cgroup = f"{HIERARCHY[cgroups]}/hookd-lab-{os.getpid()}-{uuid.uuid4().hex[:8]}"
        for name in ("upper", "work", "root"):
            (self.directory / name).mkdir(parents=True)
        stack = overlay(lowers, self.directory / "upper", self.directory / "work")
        arguments = (str(self.directory), stack, cgroups, var)
        self._holder = subprocess.Popen(
            (*DIE_WITH_ME, *_OWN_MOUNTS, "sh", "-c", MOUNTS, "sh", *arguments),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        if self._holder.stdout.readline() != b"ready\n":
            why = self.remove()
            raise RuntimeError(f"the machine's file system cannot be mounted: {why}")

    @property
    def inside(self) -> tuple[str, ...]:
        """The beginning of a command that runs where these mounts are seen."""
        return ("nsenter", "--target", str(self._holder.pid), "--mount")

    @property
    def inside_root(self) -> tuple[str, ...]:
        """The beginning of a command that runs below the machine's root while it is off."""
        root = f"/proc/{self._holder.pid}/root{self.root}"
        return (*self.inside, f"--root={root}", f"--wd={root}")

    def remove_cgroups(self) -> None:
        """Remove what systemd and its container left; everything in it must have ended."""
        top = f"/proc/{self._holder.pid}/root{self.cgroup}"
        for folder, _, _ in os.walk(top, topdown=False):
            with contextlib.suppress(FileNotFoundError):
                os.rmdir(folder)

    def remove(self) -> str:
        """End the holder, and with it all mounts, remove the directory; return what it said."""
        self._holder.kill()
        _, said = self._holder.communicate()
        shutil.rmtree(str(self.directory))
        return said.decode("utf-8", "backslashreplace")


_OWN_MOUNTS = ("unshare", "--mount", "--propagation", "private")
