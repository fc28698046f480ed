"""Whom a hook runs as: the user and groups that its metadata name, and how it becomes them."""

from __future__ import annotations

import grp
import os
import pwd
import shutil
import stat
from dataclasses import dataclass
from functools import lru_cache

from hookd.core.model import HookSpec
from hookd.system.hooks.trust import shown
from hookd.system.process.command import PATH


class NoIdentityError(Exception):
    """The hook cannot run as whom it names; the message says why, for people."""


@dataclass(frozen=True)
class Identity:
    """Numeric ids; `groups` are all of them (getgrouplist(3)). `is_self`: that is who we are."""

    uid: int
    gid: int
    groups: tuple[int, ...]
    home: str
    is_self: bool = True

    def command(self, path: str) -> tuple[str, ...]:
        """Return the command that runs `path` as this account. Raises NoIdentityError.

        setpriv(1) of util-linux 2.30, Amazon Linux 2's, knows these options. It becomes the hook:
        no process is left between, as with runuser(1).
        """
        if self.is_self:
            return (path,)
        groups = ",".join(map(str, self.groups))
        ids = ("--reuid", str(self.uid), "--regid", str(self.gid), "--groups", groups)
        return (_setpriv(), *ids, "--", path)

    def why_not_executable(self, path: str, *, is_script: bool) -> str:
        """Return which mode keeps this account from `path`; empty when none does.

        Only modes are looked at. A script must be readable, too: its interpreter opens it.
        """
        if self.uid == 0:
            return ""
        directory = os.path.dirname(path)
        while True:
            if not self._may(directory, 0o1):
                return (
                    f"uid {self.uid} cannot enter {shown(directory)}: chmod o+x {shown(directory)}"
                )
            if directory == os.path.dirname(directory):
                break
            directory = os.path.dirname(directory)
        if self._may(path, 0o5 if is_script else 0o1):
            return ""
        return f"uid {self.uid} cannot execute it: chmod o+rx {shown(path)}"

    def _may(self, path: str, wanted: int) -> bool:
        try:
            status = os.stat(path)
        except OSError:
            return False
        mode = stat.S_IMODE(status.st_mode)
        if status.st_uid == self.uid:
            mode >>= 6
        elif status.st_gid in self.groups:
            mode >>= 3
        return mode & wanted == wanted


def identity_of(spec: HookSpec) -> Identity:
    """Return whom a hook with `spec` runs as. Raises NoIdentityError."""
    if not spec.user and not spec.group:
        return _our_own()
    user = _user(spec.user)
    gid = _group(spec.group) if spec.group else user.pw_gid
    groups = tuple(os.getgrouplist(user.pw_name, gid))
    is_self = (user.pw_uid, gid) == (os.geteuid(), os.getegid())
    found = Identity(user.pw_uid, gid, groups, user.pw_dir, is_self)
    if not is_self:
        _may_become(spec)
    return found


@lru_cache(maxsize=None)
def _our_own() -> Identity:
    return Identity(os.geteuid(), os.getegid(), tuple(os.getgroups()), _user("").pw_dir)


def _user(name: str) -> pwd.struct_passwd:
    try:
        return pwd.getpwnam(name) if name else pwd.getpwuid(os.geteuid())
    except KeyError:
        if name:
            raise NoIdentityError(f"there is no user {name}") from None
    nobody = (str(os.geteuid()), "x", os.geteuid(), os.getegid(), "", "/", "")
    return pwd.struct_passwd(nobody)


def _group(name: str) -> int:
    try:
        return grp.getgrnam(name).gr_gid
    except KeyError:
        raise NoIdentityError(f"there is no group {name}") from None


def _may_become(spec: HookSpec) -> None:
    if os.geteuid() != 0:
        wanted = " and ".join(
            f"{key} {name}" for key, name in (("user", spec.user), ("group", spec.group)) if name
        )
        raise NoIdentityError(f"only root can run it as {wanted}; hookd runs as uid {os.geteuid()}")
    _setpriv()


def _setpriv() -> str:
    found = shutil.which("setpriv", path=PATH)
    if not found:
        raise NoIdentityError("setpriv (util-linux) is not installed, so it can run as root only")
    return found
