"""Reads what is mounted (mountinfo, proc(5)) and what fstab(5) wants mounted.

No mount point is ever looked at itself: a dead server would keep us. psutil.disk_partitions does
so until 6.0, and leaves out lines that are longer than getmntent(3) has room for.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Iterator

from hookd.core.node import Mount, Mounts
from hookd.core.readings import Standing
from hookd.system.process.printable import printable_line
from hookd.system.root import NOTHING_RUNS
from hookd.system.textfile import read_text, unescaped

if TYPE_CHECKING:
    from hookd.system.root import Root

MOUNTINFO = "/proc/self/mountinfo"
FSTAB = "/etc/fstab"

_MOUNT = re.compile(
    r"^\d+ \d+ (\d+):\d+ [^ \n]+ ([^ \n]+) ([^ \n]+) (?:[^ \n]+ )*?"
    r"- ([^ \n]+) ([^ \n]*) ([^ \n]*)$",
    re.MULTILINE,
)
"""The device's major number, mount point, options, type, source, options of the file system."""
_ENTRY = re.compile(
    r"^[ \t]*[^# \t\n][^ \t\n]*[ \t]+([^ \t\n]+)[ \t]+([^ \t\n]+)(?:[ \t]+([^ \t\n]+))?",
    re.MULTILINE,
)
_LARGEST = 16 << 20
_LONGEST = 4096
_MOST_LINKS = 40  # as the kernel, path_resolution(7)
_PSEUDO = frozenset((
    *("autofs", "bdev", "binder", "binfmt_misc", "bpf", "cgroup", "cgroup2", "configfs", "cpuset"),
    *("debugfs", "devpts", "devtmpfs", "efivarfs", "fusectl", "fuse.gvfsd-fuse", "fuse.lxcfs"),
    *("fuse.portal", "hugetlbfs", "mqueue", "nfsd", "nsfs", "proc", "pstore", "resctrl"),
    *("rpc_pipefs", "securityfs", "selinuxfs", "smackfs", "sysfs", "tracefs", "xenfs"),
))  # fmt: skip
_PASSING = frozenset(("aufs", "overlay", "ramfs", "squashfs", "tmpfs"))
"""What containers, snaps and services mount for themselves; the machine's where fstab names it."""
_FOREIGN = (
    *("/dev", "/proc", "/run", "/sys"),
    *("/var/lib/containerd", "/var/lib/containers", "/var/lib/docker", "/var/lib/kubelet"),
)
_USERS = re.compile(r"(?:^|,)user_id=0*[1-9]")  # mount.fuse(8): who mounted it
_DELETED = "//deleted"


@dataclass(frozen=True)
class _Row:
    """A line of mountinfo; `is_local` when a block device is below it."""

    mount: Mount
    is_local: bool
    is_users: bool

    @property
    def point(self) -> str:
        return self.mount.point


def read(root: Root) -> Mounts:
    """Return what is mounted and missing; unknown, with what is mounted, for a broken fstab."""
    return _read(root) if root.is_host else Mounts(Standing.ABSENT, NOTHING_RUNS)


def _read(root: Root) -> Mounts:
    table = read_text(root, MOUNTINFO, _LARGEST)
    if not table.is_ok:
        return Mounts(Standing.UNKNOWN, table.reason)
    fstab = read_text(root, FSTAB)
    every = list(_rows(table.text))
    rows = {row.point: row for row in every}  # a later one lies over an earlier
    # what an automounter mounts comes and goes with its use, and it stands there all the time
    automounts = tuple(row.point for row in every if row.mount.fstype == "autofs")
    lines = {_resolved(root, point, rows): is_due for point, is_due in _wanted(fstab.text)}
    return Mounts(
        standing=Standing.OK if fstab.standing is Standing.ABSENT else fstab.standing,
        reason="" if fstab.standing is Standing.ABSENT else fstab.reason,
        mounted=tuple(
            row.mount
            for point, row in sorted(rows.items())
            if _is_of_machine(row, point in lines) and not _is_below(point, automounts)
        ),
        missing=tuple(sorted(p for p, is_due in lines.items() if is_due and p not in rows)),
    )


def _is_of_machine(row: _Row, is_named: bool) -> bool:
    if row.mount.fstype in _PSEUDO:
        return False
    if is_named or row.point == "/":
        return True
    return not (row.mount.fstype in _PASSING or row.is_users or _is_below(row.point, _FOREIGN))


def _is_below(point: str, directories: tuple[str, ...]) -> bool:
    return any((point + "/").startswith(directory + "/") for directory in directories)


# -- mountinfo -------------------------------------------------------------------------------


def _rows(text: str) -> Iterator[_Row]:
    for major, point, options, fstype, source, more in _MOUNT.findall(text):
        is_read_only = "ro" in (*options.split(","), *more.split(","))
        mount = Mount(_path(point), _path(source), _path(fstype), is_read_only)
        is_users = fstype.startswith("fuse") and bool(_USERS.search(more))
        if not point.endswith(_DELETED):
            yield _Row(mount, is_local=major != "0", is_users=is_users)


def _path(field: str) -> str:
    return printable_line(unescaped(field).encode("utf-8"), _LONGEST)


# -- fstab -----------------------------------------------------------------------------------


def _wanted(text: str) -> Iterator[tuple[str, bool]]:
    """Yield each mount point of fstab, and whether it is to be mounted at boot."""
    for field, fstype, options in _ENTRY.findall(text):
        point = _path(field)
        if point.startswith("/") and fstype not in ("swap", "ignore"):
            yield os.path.normpath("/" + point.lstrip("/")), "noauto" not in options.split(",")


def _resolved(root: Root, point: str, rows: dict[str, _Row]) -> str:
    """Return `point` with its links followed, as mountinfo has it, without touching a mount.

    What lies below a file system of no block device is not followed: it may be a dead server's.
    """
    todo = point.split("/")[:0:-1]
    done = ""
    links = 0
    while todo:
        part = todo.pop()
        here = "/" + os.path.normpath(f"{done}/{part}").lstrip("/")
        if here in rows:
            if not rows[here].is_local:
                return os.path.join(here, *todo[::-1])
            done = here
            continue
        try:
            target = os.readlink(os.path.join(root.directory, here[1:]))
        except (OSError, ValueError):
            done = here
            continue
        links += 1
        if links > _MOST_LINKS:
            return point
        done = "" if target.startswith("/") else done
        todo.extend([part for part in target.split("/") if part not in ("", ".")][::-1])
    return done or "/"
