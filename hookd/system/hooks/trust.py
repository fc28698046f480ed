"""Decides whether a file may be believed: who could have written it, or any directory above it.

The rules are those of NetworkManager's dispatcher (nm-dispatcher.c, check_permissions) and of
keepalived's script security (whole chain of directories). Access control lists are not looked at:
an ACL that lets somebody else write shows in the mode as group write (acl(5)), which is refused.
"""

from __future__ import annotations

import errno
import os
import shlex
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hookd.core.model import Name

if TYPE_CHECKING:
    from hookd.system.root import Root

_MOST_LINKS = 40
_MASK = "/dev/null"
_WRITABLE = stat.S_IWGRP | stat.S_IWOTH
_SET_ID = stat.S_ISUID | stat.S_ISGID
_UNTRUSTED = _WRITABLE | _SET_ID
_KINDS = (
    (stat.S_ISDIR, "a directory"),
    (stat.S_ISFIFO, "a FIFO"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISBLK, "a block device"),
    (stat.S_ISCHR, "a character device"),
)


class TrustState(Name):
    TRUSTED = "trusted"
    MASKED = "masked"
    REFUSED = "refused"
    MISSING = "missing"


@dataclass(frozen=True)
class Trust:
    """What was found at a path. `path` is the host's, every link followed where it could be.

    `stat` is of that file; None when it was not reached. `reason` names the offending path and
    says what to do; it is empty for what is trusted.
    """

    state: TrustState
    reason: str
    path: str
    stat: os.stat_result | None = None


@dataclass(frozen=True)
class Directory:
    """A directory on the way: its host path, links followed, and why it is not believed.

    `error` is the errno when it was not reached (ENOENT: there is none), else 0.
    """

    path: str
    reason: str = ""
    error: int = 0


class Examiner:
    """Examines files below one root, each directory once. Keep it for one run at most."""

    def __init__(self, root: Root) -> None:
        self._root = root
        self._owners = (0, os.geteuid())
        self._directories: dict[str, Directory] = {}

    def examine(self, path: str) -> Trust:
        """Return what to think of the file at `path`, which reads as it does inside the root.

        A link whose text is `/dev/null` masks; it is not followed. Nothing is opened.
        """
        head, _, name = path.rpartition("/")
        above = self.directory(head or "/")
        here = os.path.join(above.path, name)
        if above.error:
            state = TrustState.MISSING if above.error == errno.ENOENT else TrustState.REFUSED
            return Trust(state, above.reason, here)
        if above.reason:
            return Trust(TrustState.REFUSED, above.reason, here)
        try:
            status = os.lstat(here)
            if stat.S_ISLNK(status.st_mode):
                return self._linked(here, status)
        except OSError as error:
            return _unreached(here, error)
        return self._judged(here, status)

    def directory(self, path: str) -> Directory:
        """Return the directory at `path` (inside the root) and whether the way to it is trusted."""
        if path not in self._directories:
            self._directories[path] = self._visit(path)
        return self._directories[path]

    def _visit(self, path: str) -> Directory:
        trust, reasons = self._walk(path)
        if trust.stat is None:
            code = errno.ENOENT if trust.state is TrustState.MISSING else errno.EACCES
            return Directory(trust.path, trust.reason, code)
        if not stat.S_ISDIR(trust.stat.st_mode):
            return Directory(trust.path, f"{shown(trust.path)} is no directory", errno.ENOTDIR)
        return Directory(trust.path, "; ".join(reasons))

    def _linked(self, link: str, status: os.stat_result) -> Trust:
        fault = self._link_fault(link, status)
        if fault:
            return Trust(TrustState.REFUSED, fault, link)
        text = os.readlink(link)
        if text == _MASK:
            return Trust(TrustState.MASKED, f"{shown(link)} is a link to {_MASK}", link)
        end, reasons = self._walk(self._root.shown(link))
        if end.stat is None:
            return Trust(TrustState.REFUSED, f"{shown(link)} links to {text!r}: {end.reason}", link)
        if reasons:
            return Trust(TrustState.REFUSED, "; ".join(reasons), end.path, end.stat)
        return self._judged(end.path, end.stat)

    def _judged(self, path: str, status: os.stat_result) -> Trust:
        reason = "; ".join(self._file_faults(path, status))
        state = TrustState.REFUSED if reason else TrustState.TRUSTED
        return Trust(state, reason, path, status)

    def _walk(self, path: str) -> tuple[Trust, list[str]]:
        """Follow `path` from the root down; return its end and what is wrong on the way.

        The end itself is judged only when it is a directory.
        """
        top = self._root.directory
        todo = _parts(path)[::-1]
        done: list[str] = []
        links, asked = 0, len(todo)
        try:
            reasons = dict.fromkeys(self._directory_faults(top, os.stat(top)))
        except OSError as error:
            return _unreached(top, error), []
        while todo:
            part = todo.pop()
            is_asked = len(todo) < asked
            asked = min(asked, len(todo))
            here = os.path.join(top, *done[:-1]) if part == ".." else os.path.join(top, *done, part)
            try:
                status = os.lstat(here)
                text = os.readlink(here) if stat.S_ISLNK(status.st_mode) else ""
            except OSError as error:
                return _unreached(here, error, is_asked=is_asked), list(reasons)
            if part == "..":
                del done[-1:]
            elif text:
                links += 1
                if links > _MOST_LINKS:
                    return Trust(TrustState.REFUSED, _loops(here), here), list(reasons)
                reasons.update(dict.fromkeys(filter(None, [self._link_fault(here, status)])))
                done = [] if text.startswith("/") else done
                todo.extend(_parts(text)[::-1])
            else:
                if stat.S_ISDIR(status.st_mode):
                    reasons.update(dict.fromkeys(self._directory_faults(here, status)))
                elif todo:
                    reason = f"{shown(here)} is no directory"
                    return Trust(TrustState.REFUSED, reason, here), list(reasons)
                done.append(part)
        here = os.path.join(top, *done)
        return Trust(TrustState.TRUSTED, "", here, os.lstat(here)), list(reasons)

    def _file_faults(self, path: str, status: os.stat_result) -> list[str]:
        if stat.S_ISREG(status.st_mode):
            return self._faults(path, status)
        kinds = [kind for is_kind, kind in _KINDS if is_kind(status.st_mode)]
        return [f"{shown(path)} is {kinds[0] if kinds else 'no regular file'}: move it away"]

    def _directory_faults(self, path: str, status: os.stat_result) -> list[str]:
        if status.st_uid == 0 and status.st_mode & stat.S_ISVTX:
            return []
        return self._faults(path, status)

    def _link_fault(self, path: str, status: os.stat_result) -> str:
        # Matters in sticky directories, where everybody may place links of his own.
        if status.st_uid in self._owners:
            return ""
        return f"link {shown(path)} is owned by uid {status.st_uid}: chown -h root {shown(path)}"

    def _faults(self, path: str, status: os.stat_result) -> list[str]:
        mode = stat.S_IMODE(status.st_mode)
        if status.st_uid in self._owners and not mode & _UNTRUSTED:
            return []
        where, faults = shown(path), []
        if status.st_uid not in self._owners:
            faults.append(f"{where} is owned by uid {status.st_uid}: chown root {where}")
        if mode & _WRITABLE:
            faults.append(f"{where} can be written by others (mode {mode:04o}): chmod go-w {where}")
        if mode & _SET_ID:
            faults.append(f"{where} has a set-id bit (mode {mode:04o}): chmod ug-s {where}")
        return faults


def examine(root: Root, path: str) -> Trust:
    """Return what to think of the one file at `path`; see Examiner for many."""
    return Examiner(root).examine(path)


def open_trusted(trust: Trust) -> int:
    """Open what was examined for reading, never blocking. Raise OSError, also when it changed."""
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY
    descriptor = os.open(trust.path, flags)
    now = os.fstat(descriptor)
    if trust.stat is None or _identity(now) != _identity(trust.stat):
        os.close(descriptor)
        raise OSError(errno.ESTALE, "was replaced while it was examined", trust.path)
    return descriptor


def shown(path: str) -> str:
    """Return `path` printable, and quoted for a shell where it needs to be."""
    return shlex.quote(printable(os.fsencode(path)))


def printable(name: bytes) -> str:
    """Return `name` with undecodable bytes, control characters and backslashes as `\\xNN`.

    No two names are shown alike.
    """
    text = name.decode("ascii", "replace")
    if text.isprintable() and "\\" not in text and "\ufffd" not in text:
        return text
    return "".join(map(_shown_character, name.decode("utf-8", "surrogateescape")))


def _shown_character(character: str) -> str:
    if character.isprintable() and character != "\\":
        return character
    return "".join(f"\\x{byte:02x}" for byte in character.encode("utf-8", "surrogateescape"))


def _identity(status: os.stat_result) -> tuple[int, ...]:
    return (status.st_dev, status.st_ino, status.st_mode, status.st_uid)


def _unreached(path: str, error: OSError, *, is_asked: bool = True) -> Trust:
    """What a link leads to (not `is_asked`) was meant to be there: it is not just missing."""
    if error.errno == errno.ENOENT:
        state = TrustState.MISSING if is_asked else TrustState.REFUSED
        return Trust(state, f"{shown(path)} does not exist", path)
    return Trust(TrustState.REFUSED, f"{shown(path)}: {error.strerror}", path)


def _loops(path: str) -> str:
    return f"{shown(path)}: more than {_MOST_LINKS} links on the way"


def _parts(path: str) -> list[str]:
    return [part for part in path.split("/") if part not in ("", ".")]
