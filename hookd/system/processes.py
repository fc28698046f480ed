"""Reads what each process executes and maps, and who does so from a file that is no more there.

From /proc/PID/maps alone (proc(5)): smaps makes the kernel walk every page.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Iterator, NamedTuple

from hookd.core.node import Processes, StaleProcess
from hookd.core.readings import Standing
from hookd.system.process.printable import printable_line
from hookd.system.process.table import DELETED, read_process, read_program
from hookd.system.process.unit import Units
from hookd.system.root import NOTHING_RUNS

if TYPE_CHECKING:
    from hookd.system.root import Root

_LINE = re.compile(rb"[0-9a-f]+-[0-9a-f]+ (?:..x. [0-9a-f]+ ([0-9a-f:]+ \d+ +/.*)|.*)\n")
"""Device, inode and path of what may be executed (one line for a library), nothing for data.

It takes any line, so that each match begins where a line does: no path can pass for a line.
"""
_LARGEST = 8 << 20
_MOST_FILES = 20_000
_LONGEST_PATH = 4096
_MOST_ANCESTORS = 64
_NO_FILE = tuple(b"/anon_hugepage /dev/ /memfd: /proc/ /run/ /SYSV /tmp/ /var/tmp/".split())
"""Shared memory, and code that programs write for themselves (libffi, JNA, compilers)."""
_PACKAGED = (b"/bin/", b"/lib", b"/sbin/", b"/usr/")
_CONTAINER = re.compile(r"(?:docker|libpod|crio|cri-containerd)-.+\.scope")


class _File:
    """A file as /proc/PID/maps has it. `path` is its path, or what was that of a deleted one."""

    def __init__(self, mapped: bytes) -> None:
        device, inode, path = mapped.split(None, 2)
        major, _, minor = device.partition(b":")
        self.is_deleted = path.endswith(DELETED)
        self.path = path[: -len(DELETED)] if self.is_deleted else path
        self.name = printable_line(self.path, _LONGEST_PATH)
        self._device = int(major, 16), int(minor, 16)
        self._inode = int(inode)

    @property
    def is_gone(self) -> bool:
        """Whether it was deleted and either was a package's or has a successor.

        What is deleted elsewhere for good was mostly unpacked by a program for itself (netty).
        """
        is_packaged = self.path.startswith(_PACKAGED)
        return self.is_deleted and (is_packaged or os.path.lexists(self.path))

    @property
    def is_replaced(self) -> bool:
        """Whether another file of the same file system stands at its path, as after a bind mount.

        Only on block devices: btrfs and overlayfs give stat(2) another device than the mapping's,
        and a network file system may not answer.
        """
        if self.is_deleted or not self._device[0]:
            return False
        try:
            found = os.lstat(self.path)
        except OSError:
            return False
        is_same_device = found.st_dev == os.makedev(*self._device)
        return is_same_device and found.st_ino != self._inode


class _Process(NamedTuple):
    pid: int
    unit: str
    mapped: set[bytes]


def read(root: Root) -> Processes:
    """Return what the machine's own processes execute and map, hookd and its children left out.

    So are those of containers: it is not the machine's packages that they execute, and when
    restarted they would have the same files again.
    """
    return _read("/proc", os.getpid()) if root.is_host else Processes(Standing.ABSENT, NOTHING_RUNS)


def _read(proc: str, me: int) -> Processes:
    """Look at the processes below `proc` as process `me`."""
    look = _Look(proc, me)
    try:
        processes = list(look.processes())
    except OSError as error:
        return Processes(Standing.UNKNOWN, f"{error.filename}: {error.strerror}")
    every = set().union(*(process.mapped for process in processes))
    if len(every) > _MOST_FILES:
        return Processes(Standing.UNKNOWN, f"more than {_MOST_FILES} files are mapped")
    known = _Known(every)
    return Processes(
        stale=tuple(look.stale(processes, known)),
        files=known.names,
        uses=known.uses(processes),
        unread=look.unread,
    )


class _Known:
    """The files that any process has mapped, by what /proc/PID/maps says of them."""

    def __init__(self, every: set[bytes]) -> None:
        files = {mapped: _File(mapped) for mapped in every}
        self.files = {m: file for m, file in files.items() if not file.path.startswith(_NO_FILE)}
        self.gone = {mapped for mapped, file in self.files.items() if file.is_gone}
        self.replaced = {mapped for mapped, file in self.files.items() if file.is_replaced}
        self.names = tuple(sorted({file.name for file in self.files.values()}))

    def uses(self, processes: list[_Process]) -> dict[str, tuple[int, ...]]:
        """Return the indices of each unit's files; what is in no unit is left out."""
        at = {name: index for index, name in enumerate(self.names)}
        index = {mapped: at[file.name] for mapped, file in self.files.items()}
        found: dict[str, set[int]] = {}
        for process in processes:
            if process.unit:
                uses = found.setdefault(process.unit, set())
                uses.update(index[mapped] for mapped in process.mapped if mapped in index)
        return {unit: tuple(sorted(uses)) for unit, uses in sorted(found.items())}


class _Look:
    """One pass over the processes below `proc`. `unread` counts those that refused."""

    def __init__(self, proc: str, me: int) -> None:
        self._proc = proc
        self._units = Units(proc)
        self._space = self._link("self", "ns/pid")
        self._root = self._identity("self", "root")
        self._ours = self._hookd(me)
        self.unread = 0

    def processes(self) -> Iterator[_Process]:
        for name in os.listdir(self._proc):
            mapped = self._mapped(name) if name.isdigit() else None
            if mapped and int(name) not in self._ours:
                unit = self._units.of(int(name))
                if not self._is_contained(name, unit):
                    yield _Process(int(name), unit, mapped)

    def stale(self, processes: list[_Process], known: _Known) -> Iterator[StaleProcess]:
        for process in sorted(processes):
            found = process.mapped & known.gone
            if process.mapped & known.replaced and self._sees_our_files(process.pid):
                found |= process.mapped & known.replaced
            entry = read_process(process.pid, self._proc) if found else None
            if entry is not None and not self._ours.intersection(self._lineage(process.pid)):
                names = sorted({known.files[mapped].name for mapped in found})
                program = read_program(process.pid, self._proc)
                yield StaleProcess(process.pid, entry.started, program, process.unit, tuple(names))

    def _mapped(self, pid: str) -> set[bytes]:
        """Return what `pid` may execute; nothing for a kernel thread and for who is gone."""
        try:
            with open(f"{self._proc}/{pid}/maps", "rb") as file:
                data = file.read(_LARGEST)
        except (FileNotFoundError, ProcessLookupError):
            return set()
        except OSError:
            self.unread += 1
            return set()
        self.unread += len(data) == _LARGEST
        return set(_LINE.findall(data)) - {b""}

    def _is_contained(self, pid: str, unit: str) -> bool:
        """A container has a pid namespace of its own, or, sharing ours, a scope of its engine's."""
        spaces = {self._space, self._link(pid, "ns/pid")} - {""}
        return len(spaces) > 1 or bool(_CONTAINER.fullmatch(unit))

    def _sees_our_files(self, pid: int) -> bool:
        return self._identity(str(pid), "root") == self._root

    def _hookd(self, me: int) -> set[int]:
        """Return `me` and those of its ancestors that execute the same: engine and daemon."""
        program = self._identity(str(me), "exe")
        above = self._lineage(me) if program else ()
        return {me, *(pid for pid in above if self._identity(str(pid), "exe") == program)}

    def _lineage(self, pid: int) -> Iterator[int]:
        for _ in range(_MOST_ANCESTORS):
            process = read_process(pid, self._proc)
            if process is None:
                return
            yield pid
            pid = process.parent

    def _link(self, pid: str, name: str) -> str:
        try:
            return os.readlink(f"{self._proc}/{pid}/{name}")
        except OSError:
            return ""

    def _identity(self, pid: str, name: str) -> tuple[int, int] | None:
        try:
            found = os.stat(f"{self._proc}/{pid}/{name}")
        except OSError:
            return None
        return found.st_dev, found.st_ino
