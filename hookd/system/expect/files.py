"""Looks at a file once, below a root."""

from __future__ import annotations

import os
import pwd
import stat

from hookd.core.expect import LARGEST_BYTES, FileExpectation, by_file
from hookd.core.node import Expected
from hookd.system.root import Root
from hookd.system.textfile import open_regular, read_text


def attempt(path: str, expected: FileExpectation, root: Root) -> Expected:
    """Return how `path` inside `root` is; links are followed."""
    real = os.path.realpath(root.join(path))
    try:
        status = os.stat(real)
        contents = _beginning(real) if expected.contains else b""
    except (FileNotFoundError, NotADirectoryError):
        return Expected("file", path, not expected.exists, expected.wanted, "not there")
    except OSError as error:
        reason = str(error.strerror).lower()
        return Expected("file", path, None, expected.wanted, reason=f"cannot be read: {reason}")
    mode = f"{stat.S_IMODE(status.st_mode):04o}"
    owners = (_name(status.st_uid, root), str(status.st_uid))
    return by_file(path, expected, mode, owners, contents)


def _beginning(path: str) -> bytes:
    with open_regular(path) as file:
        return file.read(LARGEST_BYTES)


def _name(uid: int, root: Root) -> str:
    """Return the name of user `uid` (passwd(5) of another root), else the number."""
    if not root.is_host:
        rows = (line.split(":") for line in read_text(root, "/etc/passwd").text.splitlines())
        return next((row[0] for row in rows if row[2:3] == [str(uid)]), str(uid))
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
