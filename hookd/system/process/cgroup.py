"""The control group of each try of a hook: made, entered, read for who is in it, and removed.

Used for finding and killing, without controllers: in the tree of version 2, else in the
name=systemd hierarchy of version 1 (cgroups(7)). With no controller enabled below a service, its
root may hold processes and child cgroups alike: the engine stays where systemd has put it, and is
in a hook's cgroup only for the moment in which it starts the hook.
"""

from __future__ import annotations

import contextlib
import os
import re
from typing import Iterator

from hookd.system.textfile import unescaped

_UNIT = "hookd.service"  # the only one of ours with Delegate=yes
_VERSION_1, _VERSION_2 = "name=systemd", ""
_UNSAFE = re.compile(r"[^A-Za-z0-9._+=@,%-]")
_MOUNT = re.compile(r"\d+ \d+ \S+ (\S+) (\S+) .*?- (cgroup2?) \S+ (\S+)")
_SELF = b"0"  # both versions take it for whoever writes


class Cgroups:
    """Where tries get their cgroups: below `directory`; nowhere when it is empty, for `reason`."""

    def __init__(self, directory: str = "", reason: str = "") -> None:
        self.directory = directory
        self.reason = reason
        self._home = -1
        self._notifies = False

    def path(self, token: str) -> str:
        """Return the directory that the try with `token` gets; empty where tries get none."""
        name = _UNSAFE.sub(".", token)
        return os.path.join(self.directory, name) if self.directory else ""

    @contextlib.contextmanager
    def entered(self, token: str) -> Iterator[str]:
        """Be in the cgroup of the try with `token`: what is started meanwhile stays in it.

        Yields its directory, empty when there is none: the try then runs where we are.
        """
        path = self._enter(token)
        try:
            yield path
        except BaseException:
            self._leave(path)
            remove(path)
            raise
        self._leave(path)

    def close(self) -> None:
        if self._home >= 0:
            os.close(self._home)
            self._home = -1

    def _enter(self, token: str) -> str:
        path = self.path(token)
        if not path:
            return ""
        try:
            self._open()
            with contextlib.suppress(FileExistsError):
                os.mkdir(path, 0o755)
            if self._notifies:
                _write(os.path.join(path, "notify_on_release"), b"0")
            _write(os.path.join(path, "cgroup.procs"), _SELF)
        except OSError as error:
            self.reason = f"{error.filename or path}: {error.strerror}"
            remove(path)
            return ""
        return path

    def _open(self) -> None:
        """Find the way back before the first step away; remove what earlier engines left empty."""
        if self._home >= 0:
            return
        procs = os.path.join(self.directory, "cgroup.procs")
        self._home = os.open(procs, os.O_WRONLY | os.O_CLOEXEC)
        # inherited from the service: the kernel would start systemd's agent at each hook's end
        self._notifies = os.path.exists(os.path.join(self.directory, "notify_on_release"))
        for name in os.listdir(self.directory):
            remove(os.path.join(self.directory, name))

    def _leave(self, path: str) -> None:
        if not path:
            return
        try:
            os.write(self._home, _SELF)
        except OSError as error:
            # we stay in this hook's cgroup: the next must not be started from here into another
            self.directory, self.reason = "", f"cannot leave {path}: {error.strerror}"


def find() -> Cgroups:
    """Return where this process may make cgroups: below its own when that is hookd's service.

    Any other cgroup belongs to somebody else: a login session, the SSM agent, systemd itself.
    """
    try:
        found = locate(_read("/proc/self/cgroup"), _read("/proc/self/mountinfo"))
    except OSError as error:
        return Cgroups(reason=f"{error.filename}: {error.strerror}")
    if not found:
        return Cgroups(reason=f"not started as {_UNIT}, so no cgroup is delegated")
    for directory in found:
        if os.access(directory, os.W_OK):
            return Cgroups(directory)
    return Cgroups(reason=f"{found[0]} cannot be written")


def locate(cgroups: str, mounts: str) -> list[str]:
    """Return the directories of our cgroup where it is that of hookd.service.

    `cgroups` is the text of /proc/self/cgroup, `mounts` that of /proc/self/mountinfo. Version 2
    comes first: where both are mounted it is the one that systemd goes by (since 233).
    """
    at = _mounted(mounts)
    found = {}
    for line in cgroups.splitlines():
        controllers, _, path = line.partition(":")[2].partition(":")
        if controllers not in at or os.path.basename(path) != _UNIT:
            continue
        root, point = at[controllers]
        if (path + "/").startswith(root.rstrip("/") + "/"):
            below = path[len(root.rstrip("/")) :]
            found[controllers] = point.rstrip("/") + below
    return [found[version] for version in (_VERSION_2, _VERSION_1) if version in found]


def pids(path: str) -> set[int]:
    """Return who is in the cgroup of a hook, its child cgroups included."""
    found: set[int] = set()
    if not _is_hooks(path):
        return found
    for directory, _, _ in os.walk(path):
        with contextlib.suppress(OSError):  # gone, or threaded: its domain above lists the same
            found.update(map(int, _read(os.path.join(directory, "cgroup.procs")).split()))
    return found - {0}  # processes of another pid namespace


def remove(path: str) -> None:
    """Remove the cgroup of a hook, with its child cgroups, unless somebody is in one of them."""
    if not _is_hooks(path):
        return
    with contextlib.suppress(OSError):
        os.rmdir(path)
        return
    if pids(path):
        return
    for directory, _, _ in os.walk(path, topdown=False):
        with contextlib.suppress(OSError):
            os.rmdir(directory)


def _is_hooks(path: str) -> bool:
    """Whether `path`, which may come from a journal, is right below the cgroup of our service."""
    return os.path.basename(os.path.dirname(path)) == _UNIT


def _mounted(mounts: str) -> dict[str, tuple[str, str]]:
    """Return (root, mount point) of each version's hierarchy, see proc(5)."""
    found: dict[str, tuple[str, str]] = {}
    for line in mounts.splitlines():
        match = _MOUNT.match(line)
        if not match:
            continue
        root, point, kind, options = match.groups()
        if kind == "cgroup2":
            found.setdefault(_VERSION_2, (unescaped(root), unescaped(point)))
        elif _VERSION_1 in options.split(","):
            found.setdefault(_VERSION_1, (unescaped(root), unescaped(point)))
    return found


def _read(path: str) -> str:
    with open(path, encoding="utf-8", errors="surrogateescape") as file:
        return file.read()


def _write(path: str, data: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(descriptor, data)
    finally:
        os.close(descriptor)
