"""Who holds the locks of rpm, yum, dnf and dpkg; asked of the kernel, never taken."""

from __future__ import annotations

import contextlib
import fcntl
import os
import struct
from typing import Iterable, Iterator

from hookd.system.process.family import leftover
from hookd.system.process.table import read_process
from hookd.system.textfile import open_regular

RECORD_LOCKS = (
    "/var/lib/rpm/.rpm.lock",
    "/usr/lib/sysimage/rpm/.rpm.lock",
    "/var/lib/dpkg/lock-frontend",
    "/var/lib/dpkg/lock",
)
PID_FILES = ("/var/run/yum.pid", "/var/cache/dnf/metadata_lock.pid", "/var/lib/dnf/rpmdb_lock.pid")

_FLOCK = "hhqqi4x"  # struct flock of 64 bits: l_type, l_whence, l_start, l_len, l_pid


def holders(
    record_locks: Iterable[str] = RECORD_LOCKS, pid_files: Iterable[str] = PID_FILES
) -> list[str]:
    """Return each lock that another process of this host holds, and which. Raises OSError."""
    found = []
    for path, pid in (*_record_locks(record_locks), *_by_pid_file(pid_files)):
        found.append(f"{path} by pid {pid} ({leftover(pid).command})")
    return found


def _record_locks(paths: Iterable[str]) -> Iterator[tuple[str, int]]:
    for path in paths:
        try:
            file = open_regular(path)
        except FileNotFoundError:
            continue
        with file:
            wanted = struct.pack(_FLOCK, fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)
            answer = fcntl.fcntl(file.fileno(), fcntl.F_GETLK, wanted)
        kind, _, _, _, pid = struct.unpack(_FLOCK, answer)
        if kind != fcntl.F_UNLCK:
            yield path, pid


def _by_pid_file(paths: Iterable[str]) -> Iterator[tuple[str, int]]:
    """Yield the pid files whose process lives; yum and dnf leave stale ones behind."""
    for path in paths:
        with contextlib.suppress(FileNotFoundError, ValueError), open_regular(path) as file:
            pid = int(file.read(64))
            process = read_process(pid)
            if process is not None and not process.is_dead:
                yield path, pid
