"""File locks that cannot go stale (flock), with a note in the file of who holds them and why."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import time
from dataclasses import asdict, dataclass

from hookd.core.codec import decode
from hookd.system import clock, durable
from hookd.system.caller import Caller
from hookd.system.process.table import Process, read_process

POLL_S = 0.01


@dataclass(frozen=True)
class Holder:
    """Who executes: written by the holder after it got the lock, so only true while it is held."""

    operation: str
    phase: str
    attempt: int
    pid: int
    process_started_at: float
    since: str

    @property
    def process(self) -> Caller:
        return Caller(self.pid, self.process_started_at)

    def __str__(self) -> str:
        return f"{self.phase} of operation {self.operation} (pid {self.pid}) since {self.since}"


class Lock:
    """An exclusive flock on `path`. Closing the file, or dying, gives it back.

    `with` gives it back at the end; it has to be taken inside.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self._fd = -1

    def take(self) -> bool:
        """Return whether the lock is ours now. Raises OSError when the file cannot be opened."""
        if self._fd < 0:
            self._fd = self._open()
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def take_within(self, patience_s: float) -> bool:
        """Return whether it is ours after `patience_s` at most: its holder may be stopped."""
        until = clock.up_s() + patience_s
        while not self.take():
            if clock.up_s() >= until:
                return False
            time.sleep(POLL_S)
        return True

    def _open(self) -> int:
        """Open the file; on a read-only file system for reading, which flock(2) does not mind."""
        flags = os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
        try:
            return os.open(self.path, flags | os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            if error.errno != errno.EROFS:
                raise
        return os.open(self.path, flags | os.O_RDONLY)

    def say(self, holder: Holder) -> None:
        """Write who holds it; a reader that finds half of it takes it for nobody."""
        with contextlib.suppress(OSError):  # full or read-only: it is held all the same
            os.ftruncate(self._fd, 0)
            os.lseek(self._fd, 0, os.SEEK_SET)
            durable.write_all(self._fd, json.dumps(asdict(holder)).encode("ascii"))

    def release(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def __enter__(self) -> Lock:
        return self

    def __exit__(self, *_error: object) -> None:
        self.release()


def holder(path: str) -> Holder | None:
    """Return who holds the lock at `path` now, None when nobody does or it does not say."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return None
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return _read(fd)
    finally:
        os.close(fd)
    return None


def taker(path: str) -> Process | None:
    """Return the process that took the flock at `path`, None when it cannot be told (proc(5))."""
    try:
        found = os.stat(path)
        with open("/proc/locks", encoding="ascii", errors="replace") as file:
            lines = [line.split() for line in file]
    except OSError:
        return None
    device = f"{os.major(found.st_dev):02x}:{os.minor(found.st_dev):02x}"
    place = f"{device}:{found.st_ino}"
    pids = [words[4] for words in lines if words[1] == "FLOCK" and place in words]
    return read_process(int(pids[0])) if pids and pids[0].isdigit() else None


def _read(fd: int) -> Holder | None:
    try:
        return decode(Holder, json.loads(os.pread(fd, 4096, 0).decode("utf-8")))
    except (ValueError, RecursionError):
        return None
