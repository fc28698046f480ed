"""Calls posix_spawn(3): starting a process without first copying this one.

subprocess before Python 3.10 forks, and copying the page tables of an engine of 25 MB costs three
times as much as all else that starting a hook does; from 3.10 on it uses vfork(2), and costs only
its own Python code. os.posix_spawn came with 3.8; Amazon Linux 2 has 3.7, where ctypes must do.
"""

from __future__ import annotations

import os
import signal
import sys
from typing import Any, Iterable, Mapping, Sequence

_SETSIGDEF = 0x04  # spawn.h of glibc
_SETSIGMASK = 0x08
_SETSID = 0x80
_KNOWS_SETSID = (2, 26)
_ROOM = 1024  # posix_spawnattr_t is 336 bytes on 64 bits, the other types are smaller
_IGNORED_BY_PYTHON = (signal.SIGPIPE, signal.SIGXFSZ)

_libc: Any = None
try:
    import ctypes

    _libc = ctypes.CDLL(None)
    _libc.gnu_get_libc_version.restype = ctypes.c_char_p
    _version = tuple(int(part) for part in _libc.gnu_get_libc_version().split(b".")[:2])
except (ImportError, OSError, AttributeError, ValueError):
    _version = (0,)

IS_HERE = _version >= _KNOWS_SETSID
"""Whether `posix_spawn` can be used; it needs a C library that can start a session."""


def posix_spawn(
    argv: Sequence[str], *, cwd: str, environment: Mapping[str, str], stdio: Sequence[int]
) -> int:
    """Start `argv[0]` in a session of its own with `stdio` as its descriptors 0, 1 and 2.

    Every descriptor of ours above 2 must be close-on-exec and `stdio` must be above 2. The working
    directory of this process is `cwd` for a moment. Raises OSError as Popen does: with `cwd` as
    its file name when that cannot be entered; ValueError for what execve cannot be given.
    """
    back = os.open(".", os.O_PATH | os.O_CLOEXEC)
    try:
        os.chdir(cwd)
        try:
            return _spawn(argv, environment, stdio)
        finally:
            os.fchdir(back)
    finally:
        os.close(back)


if sys.version_info >= (3, 8):  # novm

    def _spawn(argv: Sequence[str], environment: Mapping[str, str], stdio: Sequence[int]) -> int:
        return os.posix_spawn(
            argv[0],
            argv,
            environment,
            file_actions=[(os.POSIX_SPAWN_DUP2, one, target) for target, one in enumerate(stdio)],
            setsid=True,
            setsigmask=(),
            setsigdef=_IGNORED_BY_PYTHON,
        )

else:

    def _spawn(argv: Sequence[str], environment: Mapping[str, str], stdio: Sequence[int]) -> int:
        arguments, variables = _strings(argv), _strings(_entries(environment))
        actions, attributes, signals = (ctypes.create_string_buffer(_ROOM) for _ in range(3))
        pid = ctypes.c_int()
        _libc.posix_spawn_file_actions_init(actions)
        _libc.posix_spawnattr_init(attributes)
        try:
            for target, descriptor in enumerate(stdio):
                _libc.posix_spawn_file_actions_adddup2(actions, descriptor, target)
            _libc.sigemptyset(signals)
            _libc.posix_spawnattr_setsigmask(attributes, signals)
            for number in _IGNORED_BY_PYTHON:
                _libc.sigaddset(signals, int(number))
            _libc.posix_spawnattr_setsigdefault(attributes, signals)
            flags = ctypes.c_short(_SETSID | _SETSIGMASK | _SETSIGDEF)
            _libc.posix_spawnattr_setflags(attributes, flags)
            error = _libc.posix_spawn(
                ctypes.byref(pid), arguments[0], actions, attributes, arguments, variables
            )
        finally:
            _libc.posix_spawnattr_destroy(attributes)
            _libc.posix_spawn_file_actions_destroy(actions)
        if error:
            raise OSError(error, os.strerror(error), argv[0])
        return pid.value


def _entries(environment: Mapping[str, str]) -> list[str]:
    if any("=" in name for name in environment):
        raise ValueError("illegal environment variable name")
    return [f"{name}={value}" for name, value in environment.items()]


def _strings(texts: Iterable[str]) -> Any:
    encoded = [os.fsencode(text) for text in texts]
    if any(b"\0" in text for text in encoded):
        raise ValueError("embedded null byte")
    return (ctypes.c_char_p * (len(encoded) + 1))(*encoded, None)
