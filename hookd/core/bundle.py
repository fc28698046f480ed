"""The support bundle as values: what is in it, what is not and why, and whose operations it has."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Collection, Sequence

FORMAT = 1
"""Fields of the manifest are added, never renamed, within a number."""

_KEPT_BACK = {
    "scratch": "hooks keep there what they like",
    "undo": "copies of hooks: hooks.json and the journal have their digests",
    "lock": "a lock",
}


@dataclass(frozen=True)
class Member:
    """One file of the bundle: its bytes as they are in there, and where they come from."""

    name: str
    size: int
    sha256: str
    source: str
    note: str = ""


@dataclass(frozen=True)
class LeftOut:
    """What would have been member `name` of `source`, and why it is not."""

    name: str
    source: str
    reason: str


@dataclass(frozen=True)
class Manifest:
    """`host` is who the machine is, `operations` whose folders were read, the newest first."""

    format: int
    created_at: str
    version: str
    host: dict[str, str]
    operations: tuple[str, ...]
    most_bytes: int
    members: tuple[Member, ...]
    left_out: tuple[LeftOut, ...]


def chosen(
    folders: Sequence[str], readable: Sequence[str], marked: Collection[str], last: int
) -> tuple[str, ...]:
    """Return the newest `last` operations (at least one), and all that are marked or damaged.

    `readable` are the operations by their counter. How old the damaged ones are nobody knows:
    they come after these, by their names.
    """
    wanted = {*readable[-last:], *marked}
    newest_first = (name for name in reversed(readable) if name in wanted)
    return (*newest_first, *sorted({*folders} - {*readable}, reverse=True))


def why_kept_back(path: str) -> str:
    """Return why `path`, below an operation's folder, is no part of a bundle; "" when it is."""
    return _KEPT_BACK.get(path, "")
