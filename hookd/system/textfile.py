"""Reads small text files that anybody may have replaced by something else."""

from __future__ import annotations

import errno
import os
import re
import stat
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

from hookd.core.readings import Reading, Standing

if TYPE_CHECKING:
    from hookd.system.root import Root

LARGEST_BYTES = 1 << 20


@dataclass(frozen=True)
class Text(Reading):
    """A file's text, bytes that are no UTF-8 as `\\xNN`; empty unless it is ok."""

    text: str = ""


def read_text(root: Root, path: str, at_most: int = LARGEST_BYTES) -> Text:
    """Return the text of regular file `path` inside `root`.

    Absent when there is none; unknown when it cannot be read, is no regular file, is longer than
    `at_most` bytes or holds a NUL byte.
    """
    if not path.isprintable():
        return Text(Standing.UNKNOWN, f"{path!r} is no path")
    try:
        data = _read(root.join(path), at_most)
    except (FileNotFoundError, NotADirectoryError):
        return Text(Standing.ABSENT, f"{path} does not exist")
    except OSError as error:
        return Text(Standing.UNKNOWN, f"{path}: {error.strerror}")
    wrong = _wrong(data, at_most)
    if data is None or wrong:
        return Text(Standing.UNKNOWN, f"{path} {wrong}")
    return Text(text=data.decode("utf-8", "backslashreplace"))


def unescaped(text: str) -> str:
    """Return a field of fstab(5) or mountinfo, proc(5), with its `\\040` and the like resolved."""
    return re.sub(r"\\([0-7]{3})", lambda found: chr(int(found.group(1), 8)), text)


def _wrong(data: bytes | None, at_most: int) -> str:
    if data is None:
        return "is no regular file"
    if len(data) > at_most:
        return f"is longer than {at_most} bytes"
    return "is binary" if b"\0" in data else ""


def _read(path: str, at_most: int) -> bytes | None:
    """Return up to one byte more than `at_most`; None when it is no regular file."""
    if not stat.S_ISREG(os.stat(path).st_mode):
        return None
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return None
        return file.read(at_most + 1)


def open_regular(path: str) -> IO[bytes]:
    """Open `path` for reading without ever waiting. Raises OSError, also for no regular file."""
    fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_NOCTTY | os.O_CLOEXEC)
    if stat.S_ISREG(os.fstat(fd).st_mode):
        return os.fdopen(fd, "rb")
    os.close(fd)
    raise OSError(errno.EINVAL, "it is no regular file", path)


def read_regular(path: str, at_most: int) -> bytes:
    """Return the bytes of regular file `path`. Raises OSError, also for more than `at_most`."""
    with open_regular(path) as file:
        data = file.read(at_most + 1)
    if len(data) > at_most:
        raise OSError(errno.EFBIG, f"it is longer than {at_most} bytes", path)
    return data


def is_filled(root: Root, path: str) -> bool:
    """Whether `path` inside `root` is a regular file with at least one byte."""
    if not path.isprintable():
        return False
    try:
        found = os.stat(root.join(path))
    except OSError:
        return False
    return stat.S_ISREG(found.st_mode) and found.st_size > 0


def names_in(root: Root, directory: str) -> list[str]:
    """Return the printable names in `directory` inside `root`, sorted; none when it is not there.

    Raise OSError when the directory exists and cannot be read.
    """
    try:
        names = os.listdir(root.join(directory))
    except (FileNotFoundError, NotADirectoryError):
        return []
    return sorted(name for name in names if name.isprintable())
