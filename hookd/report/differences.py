"""The changes of the running node in words, for summary and details; the bad ones first."""

from __future__ import annotations

from hookd.report.document import Document

_SUBJECT = {"units": "unit", "sockets": "socket", "mounts": "point", "settings": "what"}
_NOTHING = {"units": "not loaded", "sockets": "nobody", "mounts": "not mounted", "settings": "none"}


def told_changes(changes: list[Document], noun: str) -> list[str]:
    """Return a text for each of `changes`, the units, sockets, mounts or settings of a result.

    What failed or is gone comes before what is otherwise or came.
    """
    return [_told(change, noun) for change in sorted(changes, key=_rank)]


def _rank(change: Document) -> int:
    is_worse = not change["after"] or change["after"].startswith("failed")
    return 0 if is_worse else 1


def _told(change: Document, noun: str) -> str:
    before, after = (change[end] or _NOTHING[noun] for end in ("before", "after"))
    packages = ", ".join(change.get("packages", ()))
    said = f"{change['between']}; {packages} changed" if packages else change["between"]
    return f"{change[_SUBJECT[noun]]} {before} -> {after} ({said})"
