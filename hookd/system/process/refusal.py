"""Says in words why the kernel would not execute a file."""

from __future__ import annotations

import errno
import os
import stat

_SHEBANG = 256


def refusal(path: str, error: OSError, cwd: str) -> str:
    """Return one line for `error`, which starting `path` in directory `cwd` raised."""
    if error.filename == cwd and cwd != path:
        return f"cannot start in {cwd}: {os.strerror(error.errno)}"
    if error.errno == errno.ENOENT:
        return _missing(path)
    if error.errno == errno.EACCES:
        return _denied(path)
    if error.errno == errno.ENOEXEC:
        return "neither a program for this machine nor a script with a #! line (Exec format error)"
    if error.errno == errno.E2BIG:
        return "its environment is too large (Argument list too long)"
    return f"cannot be started: {error.strerror or error}"


def _missing(path: str) -> str:
    if not os.path.exists(path):
        return "the file is gone"
    name = _interpreter(path)
    if name.endswith("\r"):
        return (
            f"its #! line ends in CR LF, so the kernel looks for {name!r}; "
            "save the file with Unix line ends"
        )
    if name:
        return f"its interpreter {name} does not exist"
    return "the loader that it was linked for does not exist"


def _denied(path: str) -> str:
    for name in filter(None, (path, _interpreter(path))):
        what = "" if name == path else f"its interpreter {name} "
        try:
            if os.statvfs(name).f_flag & os.ST_NOEXEC:
                return what + "lies on a file system that is mounted noexec"
            mode = os.stat(name).st_mode
        except OSError as error:
            return f"{what or 'it '}cannot be reached: {error.strerror}"
        if not stat.S_ISREG(mode):
            return what + "is not a regular file"
        if not mode & 0o111:
            return what + "is not executable"
    return "permission denied"


def _interpreter(path: str) -> str:
    """Return the program that the #! line names, empty when there is none."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return ""
    try:
        line = os.read(descriptor, _SHEBANG).split(b"\n", 1)[0]
    except OSError:
        return ""
    finally:
        os.close(descriptor)
    words = line[2:].strip(b" \t").replace(b"\t", b" ").split(b" ")
    return os.fsdecode(words[0]) if line.startswith(b"#!") else ""
