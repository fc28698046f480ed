"""The disks of virtual machines: one ext4 file system that holds everything, /boot too."""

from __future__ import annotations

import contextlib
import fcntl
import pathlib
import shutil
from typing import Iterator

from lab import kernels
from lab.layers import CACHE, HERE, change, layer, root, run

SIZE = "2G"
FILES = HERE / "guest"
# A package of hookd would bring its .pyc files along; compiled in the machine it takes half a minute.
MAKE = """\
chroot "$1" python3 -m compileall -q /usr/lib/hookd
mkfs.ext4 -q -m 0 -d "$1" "$2" "$3"
"""


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
    upper = to.with_suffix(".upper")
    upper.mkdir()
    lowers = [*stack, virtual(), kernels.repository(), root()]
    change(lowers, upper, "sh", "-euc", MAKE, "sh", "{}", str(to), SIZE)
    shutil.rmtree(str(upper))
    return to


def copy(disk_: pathlib.Path, to: pathlib.Path) -> pathlib.Path:
    """Return a copy of the disk of a machine that is off; holes stay holes."""
    run("cp", "--sparse=always", "--reflink=auto", str(disk_), str(to))
    return to


@contextlib.contextmanager
def place() -> Iterator[pathlib.Path]:
    """Yield an empty directory for disks, emptied again at the end.

    One suite at a time has it, so what one that was killed has left is gone then as well.
    """
    CACHE.mkdir(parents=True, exist_ok=True)
    directory = CACHE / "disks"
    with open(str(CACHE / "disks.lock"), "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        shutil.rmtree(str(directory), ignore_errors=True)
        directory.mkdir()
        try:
            yield directory
        finally:
            shutil.rmtree(str(directory))
