"""File locks that cannot go stale (flock), with a note in the file of who holds them and why."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
from dataclasses import asdict, dataclass

from hookd.core.codec import decode
from hookd.system import durable
from hookd.system.caller import Caller


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
    """An exclusive flock on `path`. Closing the file, or dying, gives it back."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._fd = -1

    def take(self, *, wait: bool = False) -> bool:
        """Return whether the lock is ours now. Raises OSError when the file cannot be opened."""
        if self._fd < 0:
            self._fd = self._open()
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            return False
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
        self.take(wait=True)
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


def _read(fd: int) -> Holder | None:
    try:
        return decode(Holder, json.loads(os.pread(fd, 4096, 0).decode("utf-8")))
    except (ValueError, RecursionError):
        return None
