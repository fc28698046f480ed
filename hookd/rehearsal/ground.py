"""The directory in which a rehearsal is played: a throw-away one, or one that was given for it."""

from __future__ import annotations

import os
import shutil
import tempfile
from dataclasses import dataclass

from hookd.errors import Exit, HookdError
from hookd.rehearsal.agent import PRIVATE, install_hookd
from hookd.rehearsal.mirror import Mirror

HOOKS = ("/etc/hookd", "/usr/lib/hookd/hooks.d")
_PLACES = ("/var/tmp", "/tmp")  # noqa: S108 - mkdtemp makes a directory of its own in it
_LEAVINGS = ("var/lib/hookd", "var/lib/amazon/ssm", "var/log/amazon", "var/log/hookd", "run/hookd")
_DATABASES = ("var/lib/rpm", "usr/lib/sysimage/rpm", "var/lib/dpkg/status")


@dataclass(frozen=True)
class Ground:
    """`root` is where it is played. `notes` say what is not as it is on the real machine."""

    root: str
    is_ours: bool
    notes: tuple[str, ...] = ()

    @property
    def seen_from(self) -> str:
        """The root that says which machine it is."""
        return "/" if self.is_ours else self.root

    def remove(self) -> None:
        """Remove a throw-away directory; of a given one only what was lent for the play."""
        if self.is_ours:
            shutil.rmtree(self.root, ignore_errors=True)


def throw_away() -> Ground:
    """Make a directory with copies of this machine's hooks and configuration. Raises HookdError."""
    root = os.path.realpath(tempfile.mkdtemp(prefix="hookd-rehearsal-", dir=_place()))
    os.chmod(root, 0o755)
    mirror = Mirror(root)
    for path in HOOKS:
        mirror.tree(path)
    notes = [f"not copied: {', '.join(sorted(mirror.unread))}"] if mirror.unread else []
    if mirror.unowned:
        notes.append("the copies of the hooks belong to you: only root can give files away")
    return _prepared(Ground(root, is_ours=True, notes=tuple(notes)))


def given(directory: str) -> Ground:
    """Make `directory` ready: what an earlier rehearsal left in it is removed. Raises HookdError.

    A directory with a past that is no rehearsal's, or with a package database, is refused.
    """
    root = os.path.realpath(directory)
    if _is_noexec(root):
        raise HookdError(f"{root} is mounted noexec: no hook can run in it", code=Exit.USAGE)
    for place in _DATABASES:
        if os.path.lexists(os.path.join(root, place)):
            message = f"{root}/{place}: a rehearsal cannot pretend to change a package database"
            hint = f"copy etc/hookd and usr/lib/hookd of {root} to a directory of their own"
            raise HookdError(message, hint=hint, code=Exit.USAGE)
    if not os.path.isdir(os.path.join(root, PRIVATE)):
        _refuse_a_past(root)
    for place in (PRIVATE, *_LEAVINGS):
        shutil.rmtree(os.path.join(root, place), ignore_errors=True)
    return _prepared(Ground(root, is_ours=False))


def _refuse_a_past(root: str) -> None:
    past = [place for place in _LEAVINGS if os.path.lexists(os.path.join(root, place))]
    if past:
        message = f"{root} has a past that is no rehearsal's: {', '.join(past)}"
        hint = "give a directory that holds nothing but hooks and configuration"
        raise HookdError(message, hint=hint, code=Exit.USAGE)


def _prepared(ground: Ground) -> Ground:
    folder = os.path.join(ground.root, PRIVATE, "bin")
    os.makedirs(folder)
    os.chmod(os.path.dirname(folder), 0o711)
    install_hookd(folder)
    return ground


def _place() -> str:
    """Return a directory in which programs may be executed. Raises HookdError."""
    asked = os.environ.get("TMPDIR")
    places = (asked,) if asked else _PLACES
    for place in places:
        if os.path.isdir(place) and not _is_noexec(place):
            return place
    raise HookdError(
        f"no directory for the rehearsal: {', '.join(places)} cannot execute programs",
        hint="set TMPDIR to one that can",
        code=Exit.USAGE,
    )


def _is_noexec(path: str) -> bool:
    return bool(os.statvfs(path).f_flag & os.ST_NOEXEC)
