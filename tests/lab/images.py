"""The disks of virtual machines: one ext4 file system that holds everything, /boot too."""

from __future__ import annotations

import contextlib
import fcntl
import pathlib
import shutil
import tempfile
from typing import Iterator

from lab import kernels
from lab.layers import CACHE, HERE, change, layer, root, run

SIZE = "2G"
FILES = HERE / "guest"
# A package of hookd would bring its .pyc files; compiled in the machine it takes half a minute.
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
    """Yield an empty directory for disks, which is then removed.

    So are those of other suites that were killed: nobody holds their locks any more.
    """
    CACHE.mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as stack:
        with _locked(CACHE / "disks.lock"):
            for other in CACHE.glob("disks-*"):
                with contextlib.suppress(BlockingIOError), _locked(other / "lock", fcntl.LOCK_NB):
                    shutil.rmtree(str(other))
            directory = pathlib.Path(tempfile.mkdtemp(prefix="disks-", dir=str(CACHE)))
            stack.enter_context(_locked(directory / "lock"))
        stack.callback(shutil.rmtree, str(directory))
        yield directory


@contextlib.contextmanager
def _locked(file: pathlib.Path, how: int = 0) -> Iterator[None]:
    with open(str(file), "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | how)
        yield
