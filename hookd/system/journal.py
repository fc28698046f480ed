"""The journal file of one operation: read what is there, append durably, lose nothing."""

from __future__ import annotations

import contextlib
import errno
import os
from dataclasses import dataclass
from itertools import chain, islice
from typing import Sequence

from hookd.core.codec import CodecError
from hookd.core.journal import Body, Event, from_line, new_event, to_line
from hookd.system import clock, durable
from hookd.system.textfile import read_regular

_RESERVE = 8 * 1024 * 1024
_LONGEST = 256 * 1024 * 1024
_MOST_MISSING = 1000  # a damaged number may be as high as it likes


class JournalUnwritable(Exception):
    """The journal could not be made durable; after a failed fsync it is never tried again."""


@dataclass(frozen=True)
class Read:
    """What stands in a journal file. `torn` is a last line without its end, `bad` the line numbers
    that are no events; `size` is up to where whole lines go.
    """

    events: tuple[Event, ...]
    torn: bytes = b""
    bad: tuple[int, ...] = ()
    size: int = 0


def read(path: str) -> Read:
    """Return the events at `path`; a file that is not there has none. Raises OSError otherwise."""
    try:
        data = read_regular(path, _LONGEST)
    except FileNotFoundError:
        return Read(())
    whole, newline, torn = data.rpartition(b"\n")
    events, bad = [], []
    for number, line in enumerate(whole.split(b"\n") if newline else [], 1):
        try:
            events.append(from_line(line))
        except CodecError:
            bad.append(number)
    return Read(tuple(events), torn, tuple(bad), len(whole) + len(newline))


def merged(stored: tuple[Event, ...], spilled: tuple[Event, ...]) -> tuple[Event, ...]:
    """Return both; an event that was written and could not be synced stands in both, once here."""
    last = max((event.n for event in stored), default=0)
    return (*stored, *(event for event in spilled if event.n > last))


def missing(events: Sequence[Event]) -> tuple[int, ...]:
    """Return the numbers that no event has although later ones were written, the first of many."""
    present = sorted({0, *(event.n for event in events if event.n > 0)})
    gaps = (range(earlier + 1, later) for earlier, later in zip(present, present[1:]))
    return tuple(islice(chain.from_iterable(gaps), _MOST_MISSING))


class Journal:
    """An operation's journal, open for appending by the one engine that holds its lock.

    `spill` is where events go when the file cannot be written any more (lifecycle 10); they are
    merged by the next one that opens the journal.
    """

    def __init__(self, path: str, spill: str, boot_id: str) -> None:
        self.path = path
        self._spill = spill
        self._boot_id = boot_id
        self._fd = -1
        self.n = 0
        self.syncs = 0
        self.failed = ""
        self.is_spilling = False

    def open(self) -> Read:
        """Open for append and return what stands there, spilled events included.

        A torn last line is moved to `journal.torn` first, so that nothing is appended to it.
        """
        found = read(self.path)
        self.n = max((event.n for event in found.events), default=0)
        self._fd = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o600)
        if found.torn:
            self._set_aside(found)
        return self._merge(found)

    def open_spilling(self, why: OSError) -> Read:
        """Return what can be read, and write to the spill only: the file cannot be opened."""
        self.failed = f"{self.path}: {why.strerror}"
        try:
            found = read(self.path)
            spilled = read(self._spill)
        except OSError:
            found = spilled = Read(())
        self.n = max((event.n for event in (*found.events, *spilled.events)), default=0)
        self.spill()
        return Read(
            merged(found.events, spilled.events), found.torn, found.bad + spilled.bad, found.size
        )

    def _set_aside(self, found: Read) -> None:
        with open(self.path[: -len("jsonl")] + "torn", "ab") as torn:
            torn.write(found.torn + b"\n")
            torn.flush()
            os.fsync(torn.fileno())
        os.ftruncate(self._fd, found.size)
        os.fsync(self._fd)

    def _merge(self, found: Read) -> Read:
        if not os.path.exists(self._spill):
            return found
        spilled = read(self._spill)
        events = merged(found.events, spilled.events)
        more = events[len(found.events) :]
        if more:
            self._write(b"".join(to_line(event) for event in more), sync=True)
            self.n = more[-1].n
        os.unlink(self._spill)
        return Read(events, found.torn, found.bad + spilled.bad, found.size)

    def reserve(self) -> str:
        """Reserve room for an operation's events; return why that could not be done, or ""."""
        return durable.reserve(self._fd, _RESERVE)

    def append(self, *bodies: Body, sync: bool = True) -> tuple[Event, ...]:
        """Write `bodies` as events by one write, and one fdatasync if `sync`.

        Raises JournalUnwritable; then nothing was appended for good and the file is not used again.
        """
        if self.failed and not self.is_spilling:
            raise JournalUnwritable(self.failed)
        at, up_s = clock.utc_now(), round(clock.up_s(), 3)  # as the line will say it
        events = tuple(
            new_event(body, n=self.n + i, at=at, boot_id=self._boot_id, up_s=up_s)
            for i, body in enumerate(bodies, 1)
        )
        try:
            self._write(b"".join(map(to_line, events)), sync=sync)
        except OSError as error:
            self.failed = f"{self.path}: {error.strerror}"
            if not self.is_spilling:
                raise JournalUnwritable(self.failed) from error
        self.n += len(events)
        return events

    def spill(self) -> None:
        """Write to /run from now on, or nowhere when that fails too (the engine goes on)."""
        self.is_spilling = True
        self.close()
        with contextlib.suppress(OSError):
            durable.make_directory(os.path.dirname(self._spill), mode=0o711)
            flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW
            self._fd = os.open(self._spill, flags, 0o600)

    def _write(self, data: bytes, *, sync: bool) -> None:
        if self._fd < 0:
            raise OSError(0, "the journal is closed")
        if data:
            durable.write_all(self._fd, data)
        if sync:
            os.fdatasync(self._fd)
            self.syncs += 1
            if os.fstat(self._fd).st_nlink == 0:
                raise OSError(errno.ENOENT, "it was deleted")

    def release(self) -> None:
        """Give the reserved room back; the operation is closed."""
        if self._fd >= 0:
            durable.release(self._fd)

    def close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
