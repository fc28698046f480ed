"""Follows a text log that grows and is rotated: from a cursor to the lines behind it."""

from __future__ import annotations

import os
from collections import deque
from dataclasses import dataclass
from typing import Iterable, Iterator, NamedTuple, Sequence

from hookd.core.readings import LogCursor, LogEntry, PackageLog, Reading, Standing
from hookd.system.packages.rotated import (
    MARK,
    Sibling,
    contents,
    digest,
    holds,
    open_log,
    place,
    siblings,
)

LINE_CAP = 1024 * 1024
"""Bytes kept of one line: apt names all packages of an upgrade in one."""

MOST = 8 * 1024 * 1024
"""Memory that the lines of one look may take, in bytes; the oldest beyond it are dropped."""

NOWHERE = LogCursor(device=0, inode=0, offset=0)
"""The cursor of a log that did not exist: once it does, all of its lines are new."""

_CHUNK = 256 * 1024
_LINE_COST = 64
_SHOWN = 20


@dataclass(frozen=True)
class Tail(Reading):
    """The lines behind a cursor, the oldest first, without their newlines.

    `cursor` is where the next look begins; after a failed look it is the old one. `gap` is true
    when lines may be missing, `reason` says why. `mtime` is of the youngest file, epoch seconds.
    """

    cursor: LogCursor | None = None
    lines: tuple[bytes, ...] = ()
    gap: bool = False
    mtime: float = 0.0


def follow(path: str, cursor: LogCursor | None, *, most: int = MOST) -> Tail:
    """Return the lines that `path` gained since `cursor`, through its rotated siblings.

    Without a cursor there are no lines: the first look only finds the end. The place is known
    again by the bytes before it, because a device number may change at a boot and copytruncate
    keeps the inode. A last line without its newline is still being written and is left for the
    next look.
    """
    try:
        descriptor = open_log(path)
    except (FileNotFoundError, NotADirectoryError):
        return _follow_missing(path, cursor, most)
    except OSError as error:
        return _unreadable(path, error, cursor)
    try:
        return _follow_open(path, descriptor, cursor, most)
    except OSError as error:
        return _unreadable(path, error, cursor)
    finally:
        os.close(descriptor)


def back(path: str, cursor: LogCursor, lines: Sequence[bytes]) -> LogCursor:
    """Return the place of the last `lines` before `cursor`; that itself if they are gone."""
    offset = cursor.offset - sum(len(line) + 1 for line in lines)
    try:
        descriptor = open_log(path)
    except OSError:
        return cursor
    try:
        there = os.fstat(descriptor).st_ino == cursor.inode and offset >= 0
        return _place(descriptor, offset) if there else cursor
    except OSError:
        return cursor
    finally:
        os.close(descriptor)


def as_log(
    tail: Tail, source: str, entries: Sequence[LogEntry], unread: Sequence[str]
) -> PackageLog:
    """Return the reading of a package log from its tail and what was read in its lines."""
    return PackageLog(
        standing=tail.standing,
        reason=tail.reason,
        source=source,
        cursor=tail.cursor,
        entries=tuple(entries),
        gap=tail.gap,
        unread=tuple(line[:200] for line in unread[:_SHOWN]),
        unread_count=len(unread),
    )


class _Lines:
    """Cuts chunks into lines and keeps the youngest that fit into `most` bytes."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.kept: deque[bytes] = deque()
        self.dropped = False
        self.pending = 0
        self.read = 0
        self._held = 0
        self._rest = b""
        self._skip = False

    def begin_inside_a_line(self) -> None:
        self._skip = self.dropped = True

    def feed(self, chunks: Iterable[bytes]) -> None:
        """Take what one file holds; `read` counts its bytes."""
        self.read = 0
        for chunk in chunks:
            self.read += len(chunk)
            newline = chunk.rfind(b"\n")
            self.pending = len(chunk) - newline - 1 + (self.pending if newline < 0 else 0)
            *lines, rest = (self._rest + chunk).split(b"\n")
            self._rest = rest[:LINE_CAP]
            for line in lines:
                self._add(line)

    def end(self) -> None:
        """Take what stands behind the last newline as a line: nobody will write the rest."""
        if self.pending:
            self._add(self._rest)
        self.pending, self._rest = 0, b""

    def _add(self, line: bytes) -> None:
        if self._skip:
            self._skip = False
            return
        self.kept.append(line[:LINE_CAP])
        self._held += _cost(self.kept[-1])
        while self._held > self.most:
            self._held -= _cost(self.kept.popleft())
            self.dropped = True


def _cost(line: bytes) -> int:
    return len(line) + _LINE_COST


def _follow_open(path: str, descriptor: int, cursor: LogCursor | None, most: int) -> Tail:
    status = os.fstat(descriptor)
    lines = _Lines(most)
    reason = ""
    if cursor is None:
        end = status.st_size - _unfinished(descriptor, status.st_size)
        return Tail(cursor=_place(descriptor, end), mtime=status.st_mtime)
    if _is_same(descriptor, status, cursor):
        start = cursor.offset
    else:
        start = 0
        here = (status.st_dev, status.st_ino)
        reason = _catch_up(path, cursor, lines, without=here).reason
    if status.st_size - start > most:
        start = status.st_size - most
        lines.begin_inside_a_line()
    lines.feed(_pread(descriptor, start, status.st_size))
    if lines.pending > LINE_CAP:
        lines.end()
    return _tail(lines, reason, _place(descriptor, status.st_size - lines.pending), status.st_mtime)


def _follow_missing(path: str, cursor: LogCursor | None, most: int) -> Tail:
    """Without a log, what is new can only be at the end of the one that was rotated away."""
    gone = f"{path} does not exist"
    if cursor is None or cursor == NOWHERE:
        return Tail(Standing.ABSENT, gone, cursor=NOWHERE)
    lines = _Lines(most)
    caught = _catch_up(path, cursor, lines, without=None)
    if caught.youngest is None:
        return Tail(Standing.ABSENT, gone, cursor=NOWHERE, gap=True)
    try:
        end = place(caught.youngest, caught.end)
    except OSError as error:
        return _unreadable(path, error, cursor)
    return _tail(lines, caught.reason, end, caught.youngest.mtime_ns / 1e9)


def _tail(lines: _Lines, reason: str, cursor: LogCursor, mtime: float) -> Tail:
    if lines.dropped:
        reason = reason or f"only the youngest {lines.most} bytes of it were kept"
    return Tail(
        reason=reason, cursor=cursor, lines=tuple(lines.kept), gap=bool(reason), mtime=mtime
    )


class _Caught(NamedTuple):
    """What the rotated siblings gave: why lines may be missing, and how far the last one went."""

    reason: str = ""
    youngest: Sibling | None = None
    end: int = 0


def _catch_up(
    path: str, cursor: LogCursor, lines: _Lines, *, without: tuple[int, int] | None
) -> _Caught:
    """Feed what the rotated siblings (but for inode `without`) hold behind `cursor`."""
    if cursor == NOWHERE:
        return _Caught()
    rows = [row for row in siblings(path) if (row.device, row.inode) != without]
    left = _where_left(rows, cursor)
    if left is None:
        return _Caught(f"{path} does not hold the place where it was left, nor does a rotated log")
    # A sibling that holds the place as well is a copy: gzip and the file it replaces, or a backup.
    younger = [
        row for row in rows if row.age > left.age and not (cursor.offset and holds(row, cursor))
    ]
    caught = _Caught()
    for row in (left, *younger):
        start = cursor.offset if row is left else 0
        reason = caught.reason
        try:
            lines.feed(_bounded(contents(row, start), lines))
        except OSError as error:
            reason = f"{error.filename}: {error.strerror}"
        lines.end()
        caught = _Caught(reason, row, start + lines.read)
    return caught


def _where_left(rows: Sequence[Sibling], cursor: LogCursor) -> Sibling | None:
    """Return the sibling that `cursor` was in: its own inode first, then unpacked copies.

    Without bytes before it (offset 0) only the inode can tell.
    """
    own = [row for row in rows if (row.device, row.inode) == (cursor.device, cursor.inode)]
    others = sorted(rows, key=lambda row: (bool(row.packing), row.age)) if cursor.offset else []
    for row in (*own, *others):
        if holds(row, cursor):
            return row
    return None


def _bounded(chunks: Iterator[bytes], lines: _Lines) -> Iterator[bytes]:
    """A packed log may unpack to any size: stop far beyond what is kept."""
    seen = 0
    for chunk in chunks:
        yield chunk
        seen += len(chunk)
        if seen > 4 * lines.most:
            lines.dropped = True
            return


def _is_same(descriptor: int, status: os.stat_result, cursor: LogCursor) -> bool:
    if not cursor.offset:
        return status.st_ino == cursor.inode
    if status.st_size < cursor.offset:
        return False
    return _place(descriptor, cursor.offset).tail_sha256 == cursor.tail_sha256


def _place(descriptor: int, offset: int) -> LogCursor:
    status = os.fstat(descriptor)
    length = min(MARK, offset)
    mark = os.pread(descriptor, length, offset - length)
    return LogCursor(status.st_dev, status.st_ino, offset, digest(mark))


def _unfinished(descriptor: int, size: int) -> int:
    """Return the length of the last line if it has no newline yet (0 beyond LINE_CAP)."""
    length = min(LINE_CAP, size)
    end = os.pread(descriptor, length, size - length)
    newline = end.rfind(b"\n")
    if newline < 0 and length < size:
        return 0
    return length - newline - 1


def _pread(descriptor: int, start: int, end: int) -> Iterator[bytes]:
    while start < end:
        chunk = os.pread(descriptor, min(_CHUNK, end - start), start)
        if not chunk:
            return
        yield chunk
        start += len(chunk)


def _unreadable(path: str, error: OSError, cursor: LogCursor | None) -> Tail:
    return Tail(Standing.UNKNOWN, f"{path}: {error.strerror or error}", cursor=cursor)
