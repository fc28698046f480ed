"""Root-only copies of the undos that pre may need later, whatever becomes of the originals."""

from __future__ import annotations

import hashlib
import os
import shutil

from hookd.core.journal import UndoKept
from hookd.core.model import Hook
from hookd.system import durable
from hookd.system.hooks.execution import file_name
from hookd.system.hooks.identity import Identity, NoIdentityError, identity_of
from hookd.system.textfile import open_regular


def keep(hook: Hook, folder: str) -> UndoKept:
    """Copy `hook` into the operation's folder and return the event that says where it is.

    Ours alone; the group of the user that it is to run as may read and execute it.
    """
    path = os.path.join(folder, "undo", file_name(hook.name))
    try:
        digest = _copy(hook.path, path, identity_of(hook.spec))
    except NoIdentityError as error:
        failed = f"could not be copied: {error}"
        return UndoKept(hook.name, hook.spec.undoes, "", "", hook.spec, failed)
    except OSError as error:
        failed = f"could not be copied: {error.strerror}"
        return UndoKept(hook.name, hook.spec.undoes, "", "", hook.spec, failed)
    return UndoKept(hook.name, hook.spec.undoes, path, digest, hook.spec)


def is_intact(path: str, sha256: str) -> bool:
    """Whether the copy at `path` still is what pre kept."""
    try:
        return _digest(path) == sha256
    except OSError:
        return False


def _copy(source: str, path: str, whom: Identity) -> str:
    temporary = path + ".new"
    fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o700)
    with open_regular(source) as original, os.fdopen(fd, "wb") as copy:
        shutil.copyfileobj(original, copy)
        copy.flush()
        if not whom.is_self:
            os.chown(copy.fileno(), -1, whom.gid)
            os.chmod(copy.fileno(), 0o750)
        os.fsync(copy.fileno())
    os.rename(temporary, path)
    durable.sync_directory(os.path.dirname(path))
    return _digest(path)


def _digest(path: str) -> str:
    digest = hashlib.sha256()
    with open_regular(path) as file:
        for chunk in iter(lambda: file.read(1 << 16), b""):
            digest.update(chunk)
    return digest.hexdigest()
