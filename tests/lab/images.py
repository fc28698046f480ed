"""The disks of virtual machines: one ext4 file system that holds everything, /boot too."""

from __future__ import annotations

import pathlib

from lab import kernels
from lab.layers import HERE, change, layer, root, run

SIZE = "2G"
FILES = HERE / "guest"


def virtual() -> pathlib.Path:
    """Return what a root needs to boot by itself: the older kernel, dnf, the guest agent."""
    script = HERE / "make-virtual"

    def make(to):
        change([kernels.repository(), root()], to, str(script), "{}", str(FILES))

    files = sorted(path for path in FILES.rglob("*") if path.is_file())
    named = [part for path in files for part in (str(path).encode(), path.read_bytes())]
    lowers = (kernels.repository().name.encode(), root().name.encode())
    return layer("virtual", make, script.read_bytes(), *lowers, *named)


def disk(stack, to: pathlib.Path) -> pathlib.Path:
    """Return the disk `to`, made of the layers `stack` over those that every machine has."""
    to.parent.mkdir(parents=True, exist_ok=True)
    upper = to.with_suffix(".upper")
    upper.mkdir()
    lowers = [*stack, virtual(), kernels.repository(), root()]
    change(lowers, upper, "mkfs.ext4", "-q", "-m", "0", "-d", "{}", str(to), SIZE)
    upper.rmdir()
    return to


def copy(disk_: pathlib.Path, to: pathlib.Path) -> pathlib.Path:
    """Return a copy of a disk of a machine that is off; holes stay holes."""
    run("cp", "--sparse=always", "--reflink=auto", str(disk_), str(to))
    return to
