"""The contents of one hook file, read once: its head, its checksum and how it stood then."""

from __future__ import annotations

import errno
import hashlib
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hookd.system.hooks.trust import open_trusted

if TYPE_CHECKING:
    from hookd.system.hooks.trust import Trust

HEAD_BYTES = 1 << 16
LARGEST_BYTES = 64 << 20
_CHUNK_BYTES = 1 << 20


@dataclass(frozen=True)
class Contents:
    """`head` is the first 64 KiB; `status` was taken before the first byte was read."""

    head: bytes
    sha256: str
    status: os.stat_result
    is_noexec: bool


def read_contents(trust: Trust) -> Contents:
    """Read the file that was examined. Raise OSError, also for more than 64 MiB."""
    descriptor = open_trusted(trust)
    try:
        status = os.fstat(descriptor)
        if status.st_size > LARGEST_BYTES:
            raise _too_large(trust.path)
        is_noexec = bool(os.fstatvfs(descriptor).f_flag & os.ST_NOEXEC)
        head = os.read(descriptor, HEAD_BYTES)
        return Contents(head, _sha256(descriptor, head, trust.path), status, is_noexec)
    finally:
        os.close(descriptor)


def stamp(status: os.stat_result) -> tuple[int, ...]:
    """Return what changes when the file is written, replaced, or its mode or owner is changed."""
    times = (status.st_mtime_ns, status.st_ctime_ns)
    return (status.st_dev, status.st_ino, status.st_size, *times)


def _sha256(descriptor: int, head: bytes, path: str) -> str:
    digest = hashlib.sha256(head)
    count = len(head)
    chunk = head
    while len(chunk):
        chunk = os.read(descriptor, _CHUNK_BYTES)
        digest.update(chunk)
        count += len(chunk)
        if count > LARGEST_BYTES:
            raise _too_large(path)
    return digest.hexdigest()


def _too_large(path: str) -> OSError:
    return OSError(errno.EFBIG, "is larger than 64 MiB: start the program from a small hook", path)
