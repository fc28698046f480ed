"""Reads a package manager's SQLite database without changing anything beside it."""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import stat
import tempfile
import time
import urllib.parse
from typing import Any, Callable, Iterator, List, Tuple, TypeVar

from hookd.errors import HookdError

T = TypeVar("T")
Row = Tuple[Any, ...]
Query = Callable[..., List[Row]]
"""`query(sql, *values)`; the features of SQLite 3.7.17 (Amazon Linux 2) are all there is."""

BUSY_S = 2.0
"""How long to wait for a lock: yum holds its history locked while it runs."""

_WORK_S = 20.0
_MOST_COPIED = 256 * 1024 * 1024


class Unreadable(HookdError):
    """The database cannot be read now; `message` says why."""


def read(path: str, fold: Callable[[Query], T]) -> T:
    """Return what `fold` makes of the database. FileNotFoundError if there is none, Unreadable.

    No file appears beside it: a reader in mode=ro would make `-wal` and `-shm` for a database in
    WAL mode. With neither beside it nobody writes, so it is read as immutable; where a dead
    writer left a journal that has to be played back, that happens in a private copy.
    """
    if not stat.S_ISREG(os.stat(path).st_mode):
        raise Unreadable(f"{path} is not a regular file")
    try:
        if _is_wal(path):
            return _fold_wal(path, fold)
        return _fold_live(path, fold)
    except (sqlite3.Error, OSError, ValueError) as error:
        # ValueError: Python 3.13 fails to decode SQLite's message about a damaged name.
        who = " (a package manager is at work)" if "locked" in str(error) else ""
        raise Unreadable(f"{path}: {error}{who}") from error


def _is_wal(path: str) -> bool:
    """The read version of the file format, byte 19, is 2 for WAL (sqlite.org/fileformat.html)."""
    with open(path, "rb") as file:
        return file.read(20)[19:] == b"\x02"


def _fold_wal(path: str, fold: Callable[[Query], T]) -> T:
    if not _beside(path):
        result = _fold(path, "mode=ro&immutable=1", fold)
        if not _beside(path):
            return result
    if "-shm" not in _beside(path):
        return _fold_copy(path, fold)
    return _fold(path, "mode=ro", fold)


def _fold_live(path: str, fold: Callable[[Query], T]) -> T:
    try:
        return _fold(path, "mode=ro", fold)
    except sqlite3.OperationalError as error:
        # Hot journal: SQLite refuses to play it back read-only. A lock means a living writer.
        if "locked" in str(error) or "-journal" not in _beside(path):
            raise
        return _fold_copy(path, fold)


def _fold_copy(path: str, fold: Callable[[Query], T]) -> T:
    with tempfile.TemporaryDirectory(prefix="hookd-") as directory:
        copy = os.path.join(directory, "copy.sqlite")
        for suffix in ("", *sorted(_beside(path) - {"-shm"})):
            if os.stat(path + suffix).st_size > _MOST_COPIED:
                raise Unreadable(f"{path}{suffix} is too large to be played back in a copy")
            shutil.copyfile(path + suffix, copy + suffix)
        return _fold(copy, "mode=rw", fold)


def _fold(path: str, mode: str, fold: Callable[[Query], T]) -> T:
    uri = f"file:{urllib.parse.quote(path)}?{mode}"
    with contextlib.closing(sqlite3.connect(uri, uri=True, timeout=BUSY_S)) as connection:
        connection.text_factory = _text
        until = time.monotonic() + _WORK_S
        connection.set_progress_handler(lambda: time.monotonic() > until, 100_000)
        return fold(lambda sql, *values: connection.execute(sql, values).fetchall())


def _beside(path: str) -> set[str]:
    """Return the suffixes of the non-empty files that SQLite keeps beside a database in use."""
    return {suffix for suffix, size in _sizes(path) if size}


def _sizes(path: str) -> Iterator[tuple[str, int]]:
    for suffix in ("-wal", "-shm", "-journal"):
        with contextlib.suppress(FileNotFoundError):
            yield suffix, os.stat(path + suffix).st_size


def _text(value: bytes) -> str:
    return value.decode("utf-8", "backslashreplace")
