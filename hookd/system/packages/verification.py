"""Verifies packages with `rpm -V` or `dpkg --verify`, and tells which difference is damage."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from typing import Callable, Iterable, NamedTuple, Sequence

from hookd.system.process.command import Completed, Run

_BATCH = 20
"""Packages verified by one command: what is done by the end of the time is known."""

# rpm(8) VERIFY OPTIONS: eight or nine flags (`.` passed, `?` not read), the file's kind, its name.
# dpkg(1) --verify writes the same with one blank less.
_DIFFERENT = re.compile(r"([SM5DLUGTPC.?]{8,10}) {1,2}([a-z ]) (/.*)")
_MISSING = re.compile(r"missing {3,5}([a-z ]) (/.*)")
_WHY_MISSING = re.compile(r" \((?:[A-Z][a-z]+(?: [a-z]+)*)\)$")

# What cannot be so by itself: size, digest, device, link. Modes, owners, capabilities and times
# are set by scriptlets and admins.
_MEANINGS = {
    "S": "size",
    "5": "contents",
    "D": "device number",
    "L": "target",
}
_LOOSE_KINDS = frozenset("cgdlr")  # configuration, ghost, documentation, licence, readme

# What programs write by themselves, and what an image leaves out.
_LOOSE_FILES = re.compile(
    r"/(?:var|run|tmp|dev|proc|sys)(?:/.*)?|/usr/(?:share/(?:doc|man|info|locale)|tmp)(?:/.*)?"
    r"|.*\.py[co]"
)


class Damage(NamedTuple):
    """A file that is not as it was packaged. `why` is as `it is missing`."""

    path: str
    why: str


@dataclass(frozen=True)
class Verified:
    """`unverified` counts the packages that the time did not suffice for."""

    damage: tuple[Damage, ...] = ()
    unverified: int = 0
    error: str = ""


def verify(
    run: Run,
    argv: Sequence[str],
    labels: Sequence[str],
    until: float,
    complaint: Callable[[Completed], str],
) -> Verified:
    """Run `argv` over the packages `labels` until `until` (time.monotonic).

    The exit code counts differences, so what went wrong is a `complaint` of the answer.
    """
    found: list[Damage] = []
    for start in range(0, len(labels), _BATCH):
        left_s = until - time.monotonic()
        batch, unverified = labels[start : start + _BATCH], len(labels) - start
        if left_s <= 0:
            return Verified(tuple(found), unverified)
        answer = run([*argv, *batch], timeout_s=left_s, environment={"LC_ALL": "C"})
        if answer.exit_code is None and time.monotonic() >= until:
            return Verified(tuple(found), unverified)
        error = answer.error or complaint(answer)
        if error:
            return Verified(tuple(found), unverified, error)
        found += damages(lines(answer))
    return Verified(tuple(found))


def lines(answer: Completed) -> list[str]:
    """Return what the command printed, line by line; names that are not UTF-8 escaped."""
    return answer.stdout.decode("utf-8", "backslashreplace").split("\n")


def damages(printed: Iterable[str]) -> list[Damage]:
    """Return the damage among the lines of a verification; all other lines say nothing of it."""
    found = (_damage(line) for line in printed)
    return [damage for damage in found if damage is not None]


def _damage(line: str) -> Damage | None:
    missing = _MISSING.fullmatch(line)
    if missing:
        kind, path = missing.groups()
        path = _WHY_MISSING.sub("", path)
        return None if _is_loose(kind, path) else Damage(path, "it is missing")
    different = _DIFFERENT.fullmatch(line)
    if different is None:
        return None
    flags, kind, path = different.groups()
    why = [meaning for flag, meaning in _MEANINGS.items() if flag in flags]
    if not why or _is_loose(kind, path):
        return None
    return Damage(path, f"it differs in {' and '.join(why)}")


def _is_loose(kind: str, path: str) -> bool:
    return kind in _LOOSE_KINDS or bool(_LOOSE_FILES.fullmatch(path)) or not path.isprintable()
