"""The socket that the service listens on: systemd's, or one that it makes itself."""

from __future__ import annotations

import contextlib
import os
import socket
import stat

from hookd.daemon import notify, protocol
from hookd.errors import Exit, HookdError
from hookd.system import durable
from hookd.system.root import Root

_BACKLOG = 128


def listen(root: Root) -> tuple[socket.socket, bool]:
    """Return a listening socket, and whether systemd gave it. Raises HookdError."""
    given = notify.given_sockets()
    if given:
        return given[0], True
    path = root.join(protocol.SOCKET)
    try:
        durable.make_directory(os.path.dirname(path), mode=0o711)
        return _bind(path), False
    except OSError as error:
        raise HookdError(f"{path}: {error.strerror}") from error


def _bind(path: str) -> socket.socket:
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
    folder = os.open(os.path.dirname(path), os.O_PATH | os.O_DIRECTORY)
    short = f"/proc/self/fd/{folder}/{os.path.basename(path)}"
    try:
        _remove_dead(short, path)
        old = os.umask(0o177)
        try:
            listening.bind(short)
        finally:
            os.umask(old)
        listening.listen(_BACKLOG)
    except BaseException:
        listening.close()
        raise
    finally:
        os.close(folder)
    return listening


def _remove_dead(short: str, path: str) -> None:
    """Remove a socket that nobody listens on; one that answers is another service's."""
    if not os.path.lexists(short):
        return
    if not stat.S_ISSOCK(os.lstat(short).st_mode):
        raise HookdError(f"{path} is in the way and no socket", code=Exit.FAILED)
    with contextlib.suppress(ConnectionRefusedError), socket.socket(socket.AF_UNIX) as client:
        client.connect(short)
        raise HookdError(f"another hookd serves {path}", code=Exit.BUSY)
    os.unlink(short)
