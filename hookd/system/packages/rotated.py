"""The rotated siblings of a log file: which there are, in what order, and what is in them."""

from __future__ import annotations

import bz2
import contextlib
import gzip
import hashlib
import lzma
import os
import re
import stat
import zlib
from dataclasses import dataclass
from typing import BinaryIO, Generator, Iterator

from hookd.core.readings import LogCursor

MARK = 256
"""How many bytes before a cursor's offset its `tail_sha256` covers."""

_CHUNK = 256 * 1024
_MOST_SIBLINGS = 64
_XZ_MEMORY = 128 * 1024 * 1024
_SUFFIX = re.compile(r"\.([0-9]{1,6})|[-.][0-9][0-9T_-]*")
_PACKED = re.compile(r"\.(gz|bz2|xz)$")
_BROKEN = (OSError, EOFError, ValueError, zlib.error, lzma.LZMAError)


@dataclass(frozen=True)
class Sibling:
    """A rotated log. `packing` is `gz`, `bz2`, `xz` or empty; logs sort from old to young."""

    path: str
    device: int
    inode: int
    mtime_ns: int
    number: int
    packing: str

    @property
    def age(self) -> tuple[int, int, str]:
        """Renaming and gzip keep the time of the last write; `.2` is older than `.1`."""
        return self.mtime_ns, -self.number, self.path


def open_log(path: str) -> int:
    """Open a regular file for reading and return its descriptor; OSError for anything else."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    if stat.S_ISREG(os.fstat(descriptor).st_mode):
        return descriptor
    os.close(descriptor)
    raise OSError(None, "is not a regular file", path)


def siblings(path: str) -> list[Sibling]:
    """Return the logs that logrotate or dnf made of `path`, the oldest first, at most 64.

    Names are `NAME-DATE` (logrotate's dateext) and `NAME.N`, either with `.gz`, `.bz2` or `.xz`;
    an administrator's `NAME-old` is not one of them.
    """
    directory, base = os.path.split(path)
    found = []
    with contextlib.suppress(OSError), os.scandir(directory or ".") as entries:
        for entry in entries:
            if entry.name.startswith(base):
                sibling = _sibling(entry.path, entry.name[len(base) :])
                if sibling is not None:
                    found.append(sibling)
    return sorted(found, key=lambda sibling: sibling.age)[-_MOST_SIBLINGS:]


def contents(sibling: Sibling, start: int) -> Generator[bytes, None, None]:
    """Yield what stands behind byte `start` of the unpacked log. OSError when it is broken."""
    descriptor = open_log(sibling.path)
    with os.fdopen(descriptor, "rb") as file:
        if not sibling.packing:
            file.seek(start)
            yield from iter(lambda: file.read(_CHUNK), b"")
            return
        try:
            yield from _behind(start, _unpack(file, sibling.packing))
        except _BROKEN as error:
            raise OSError(None, f"cannot be unpacked: {error}", sibling.path) from error


def holds(sibling: Sibling, cursor: LogCursor) -> bool:
    """Tell whether the unpacked log has, before the cursor's offset, what the cursor saw there."""
    try:
        return place(sibling, cursor.offset).tail_sha256 == cursor.tail_sha256
    except OSError:
        return False


def place(sibling: Sibling, offset: int) -> LogCursor:
    """Return the cursor of byte `offset` of the unpacked log; OSError when it cannot be read."""
    start = max(0, offset - MARK)
    seen = b""
    with contextlib.closing(contents(sibling, start)) as chunks:
        for chunk in chunks:
            seen += chunk
            if len(seen) >= offset - start:
                break
    return LogCursor(sibling.device, sibling.inode, offset, digest(seen[: offset - start]))


def digest(mark: bytes) -> str:
    return hashlib.sha256(mark).hexdigest()


def _sibling(path: str, suffix: str) -> Sibling | None:
    packed = _PACKED.search(suffix)
    match = _SUFFIX.fullmatch(suffix[: packed.start()] if packed else suffix)
    if match is None:
        return None
    try:
        status = os.stat(path)
    except OSError:
        return None
    if not stat.S_ISREG(status.st_mode):
        return None
    number = int(match.group(1) or 0)
    packing = packed.group(1) if packed else ""
    return Sibling(path, status.st_dev, status.st_ino, status.st_mtime_ns, number, packing)


def _unpack(file: BinaryIO, packing: str) -> Iterator[bytes]:
    if packing == "xz":
        yield from _unpack_xz(file)
        return
    with gzip.open(file) if packing == "gz" else bz2.open(file) as opened:
        yield from iter(lambda: opened.read(_CHUNK), b"")


def _unpack_xz(file: BinaryIO) -> Iterator[bytes]:
    """`lzma.open` has no limit on the memory that the file's header may ask for."""
    unpacker = lzma.LZMADecompressor(memlimit=_XZ_MEMORY)
    while not unpacker.eof:
        packed = file.read(_CHUNK) if unpacker.needs_input else b""
        if unpacker.needs_input and not packed:
            raise EOFError("it ends too early")
        yield unpacker.decompress(packed, _CHUNK)


def _behind(start: int, chunks: Iterator[bytes]) -> Iterator[bytes]:
    position = 0
    for chunk in chunks:
        if position + len(chunk) > start:
            yield chunk[max(0, start - position) :]
        position += len(chunk)
