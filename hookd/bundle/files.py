"""The files of hookd that go into a bundle: operations, and the end of results.jsonl."""

from __future__ import annotations

import os
import stat
from typing import IO, Callable, Iterable, Iterator, Union

from hookd.bundle import masking
from hookd.bundle.part import Part
from hookd.core.bundle import LeftOut, why_kept_back
from hookd.system.hooks.trust import printable
from hookd.system.results import RESULTS
from hookd.system.root import Root
from hookd.system.state import State
from hookd.system.textfile import open_regular

LARGEST = 16 << 20
TAIL = 1 << 20

_MOST_NAMES = 2000
_DEEPEST = 4
_KINDS = (
    (stat.S_ISLNK, "a symbolic link, which is not followed"),
    (stat.S_ISFIFO, "a FIFO"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)

Found = Iterator[Union[Part, LeftOut]]
Mask = Callable[[IO[bytes], int], Iterable[bytes]]


def operation(state: State, operation_id: str) -> Found:
    """Yield what the folder of an operation holds, and its events in /run. Never raises."""
    folder = state.folder(operation_id)
    yield from _below(state.root, folder, "", f"operations/{operation_id}")
    spill = state.spill_path(operation_id)
    if os.path.lexists(spill):
        yield _file(state.root, spill, f"operations/{operation_id}/journal.spilled.jsonl")


def results(root: Root) -> Found:
    """Yield the end of results.jsonl."""
    path = root.join(RESULTS)
    found = _file(root, path, "results.jsonl", largest=None)
    if isinstance(found, LeftOut):
        yield found
        return
    size = os.lstat(path).st_size
    note = f"the last {TAIL} of {size} bytes" if size > TAIL else ""
    yield Part(found.name, found.source, lambda _: _tail(path), note)


def _below(root: Root, folder: str, path: str, member: str, depth: int = 1) -> Found:
    shown = root.shown(folder)
    try:
        with os.scandir(folder) as entries:
            found = sorted((entry for entry, _ in zip(entries, range(_MOST_NAMES))), key=_order)
    except OSError as error:
        yield LeftOut(member, shown, error.strerror or str(error))
        return
    if len(found) == _MOST_NAMES:
        yield LeftOut(member, shown, f"it has {_MOST_NAMES} names or more; the others are not here")
    for entry in found:
        name = printable(os.fsencode(entry.name))
        below, inner = f"{path}/{name}".lstrip("/"), f"{member}/{name}"
        why = why_kept_back(below)
        is_folder = entry.is_dir(follow_symlinks=False)
        if why or (is_folder and depth == _DEEPEST):
            yield LeftOut(inner, f"{shown}/{name}", why or "too deep")
        elif is_folder:
            yield from _below(root, entry.path, below, inner, depth + 1)
        else:
            yield _file(root, entry.path, inner)


def _order(entry: os.DirEntry[str]) -> tuple[bool, bytes]:
    """The journal and the result come before snapshots and output: they are worth more."""
    return entry.is_dir(follow_symlinks=False), os.fsencode(entry.name)


def _file(root: Root, path: str, member: str, largest: int | None = LARGEST) -> Part | LeftOut:
    source = printable(os.fsencode(root.shown(path)))
    try:
        found = os.lstat(path)
    except OSError as error:
        return LeftOut(member, source, error.strerror or str(error))
    why = next((kind for is_kind, kind in _KINDS if is_kind(found.st_mode)), "")
    if not why and largest is not None and found.st_size > largest:
        why = f"{found.st_size} bytes, more than {largest}"
    if why:
        return LeftOut(member, source, why)
    is_json = member.endswith((".json", ".jsonl", ".torn"))
    mask = masking.json_lines if is_json else masking.text
    return Part(member, source, lambda _: _contents(path, mask))


def _contents(path: str, mask: Mask) -> Iterator[bytes]:
    """Yield what the file holds now: one that is being written may grow meanwhile."""
    with open_regular(path) as file:
        yield from mask(file, min(os.fstat(file.fileno()).st_size, LARGEST))


def _tail(path: str) -> Iterator[bytes]:
    """Yield the last lines; the first of them is whole."""
    with open_regular(path) as file:
        size = os.fstat(file.fileno()).st_size
        if size > TAIL:
            file.seek(size - TAIL)
            file.readline(TAIL)
        yield from masking.json_lines(file, size - file.tell())
