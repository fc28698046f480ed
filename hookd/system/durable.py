"""Writes that are still there after a power cut: a new file, fsync, rename, fsync of the folder."""

from __future__ import annotations

import contextlib
import ctypes
import os
from typing import IO, Iterator

_KEEP_SIZE = 1  # FALLOC_FL_KEEP_SIZE, fallocate(2)


def write_file(path: str, data: bytes, *, mode: int = 0o600) -> None:
    """Put `data` at `path` so that a reader sees the old file or the whole new one.

    Raises OSError and leaves the old file when the new one cannot be stored.
    """
    temporary = f"{path}.new"
    with contextlib.suppress(FileNotFoundError):
        os.unlink(temporary)
    fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode)
    try:
        write_all(fd, data)
        os.fsync(fd)
        os.rename(temporary, path)
    except OSError:
        os.unlink(temporary)
        raise
    finally:
        os.close(fd)
    sync_directory(os.path.dirname(path))


def new_file(path: str, data: bytes, *, mode: int) -> None:
    """Put `data` at `path` with `mode` whatever the umask. Raises FileExistsError, OSError."""
    with growing_file(path, mode=mode) as file:
        file.write(data)


@contextlib.contextmanager
def growing_file(path: str, *, mode: int) -> Iterator[IO[bytes]]:
    """Give a file that is at `path`, durably, once all is written. Raises FileExistsError, OSError.

    Nobody sees a part of it, what is there is never replaced, and nothing is left when it fails.
    """
    folder, name = os.path.split(os.path.abspath(path))
    temporary = os.path.join(folder, f".{name}.made")
    with contextlib.suppress(FileNotFoundError):
        os.unlink(temporary)
    fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    try:
        with os.fdopen(fd, "wb") as file:
            yield file
            file.flush()
            os.fchmod(fd, mode)
            os.fsync(fd)
        os.link(temporary, path)
    finally:
        os.unlink(temporary)
    sync_directory(folder)


def write_all(fd: int, data: bytes) -> None:
    """Write all of `data`; a short write (a nearly full disk) is continued or raises OSError."""
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]


def sync_directory(path: str) -> None:
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def make_directory(path: str, *, mode: int) -> None:
    """Make `path` with `mode` whatever the umask, and its missing parents; fsync what holds it."""
    if os.path.isdir(path):
        return
    parent = os.path.dirname(path)
    if parent != path:
        make_directory(parent, mode=0o755)
    try:
        os.mkdir(path, mode)
    except FileExistsError:
        if os.path.isdir(path):
            return  # somebody else was quicker
        raise
    os.chmod(path, mode)
    sync_directory(parent)


def reserve(fd: int, size: int) -> str:
    """Reserve `size` bytes beyond the end of `fd`; return why it could not, or "".

    The file stays as long as it is (FALLOC_FL_KEEP_SIZE), so appended lines follow each other and
    find room on a full disk.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    offset = os.fstat(fd).st_size
    result = libc.fallocate(fd, _KEEP_SIZE, ctypes.c_int64(offset), ctypes.c_int64(size))
    return "" if result == 0 else os.strerror(ctypes.get_errno())


def release(fd: int) -> None:
    """Give back what `reserve` took: truncating to its own size frees blocks beyond the end."""
    with contextlib.suppress(OSError):
        os.ftruncate(fd, os.fstat(fd).st_size)
