"""Takes in one output stream of a hook: counts it, keeps it on disk, shows its ends as text."""

from __future__ import annotations

import codecs

from hookd.core.model import Stream
from hookd.system.process.kept import Kept
from hookd.system.process.printable import printable

SHOWN = 2048
"""Bytes of the beginning and of the end that the result shows as text."""

_LONGEST = 3  # bytes that may follow the first one of a character in UTF-8
_FOLLOWING = range(0x80, 0xC0)


class Capture:
    """The output so far. Holds a few kB in memory, whatever the hook prints."""

    def __init__(self, path: str, cap: int) -> None:
        self._kept = Kept(path, cap)
        self._total = 0
        self._first = b""
        self._last = b""

    def feed(self, data: bytes) -> None:
        self._kept.write(data)
        self._total += len(data)
        missing = SHOWN - len(self._first)
        if missing > 0:
            self._first += data[:missing]
        self._last = data[-SHOWN:] if len(data) >= SHOWN else (self._last + data)[-SHOWN:]

    def close(self) -> Stream:
        """End the capture; what could not be kept is counted in `dropped`, never raised."""
        if not self._total:
            return Stream()
        self._kept.close()
        head, head_end = self._head()
        tail, tail_begin = self._tail(head_end)
        parts = self._kept.parts
        on_disk = sum(end - begin for begin, end in parts)
        shown = ((0, head_end), (tail_begin, self._total))
        seen = sum(_overlap(part, text) for part in parts for text in shown)
        return Stream(
            path=self._kept.path if on_disk else "",
            bytes=self._total,
            head=head,
            tail=tail,
            hidden=on_disk - seen,
            dropped=self._total - on_disk,
        )

    def _head(self) -> tuple[str, int]:
        """Return the beginning and where it ends; a character cut in two is left to the tail."""
        whole = self._total <= SHOWN
        decoder = codecs.getincrementaldecoder("utf-8")("backslashreplace")
        text = decoder.decode(self._first, final=whole)
        pending, _flags = decoder.getstate()
        return printable(text), len(self._first) - len(pending)

    def _tail(self, head_end: int) -> tuple[str, int]:
        """Return the end that the head does not show, and where it begins."""
        have = self._total - len(self._last)
        if have <= len(self._first):
            data = self._first[head_end:have] + self._last[max(0, head_end - have) :]
        else:
            data = _from_character(self._last)
        return printable(data.decode("utf-8", "backslashreplace")), self._total - len(data)


def _from_character(data: bytes) -> bytes:
    """Return `data` without the rest of a character whose beginning is not in it."""
    for count in range(_LONGEST + 1):
        if data[count] not in _FOLLOWING:
            return data[count:]
    return data


def _overlap(one: tuple[int, int], other: tuple[int, int]) -> int:
    return max(0, min(one[1], other[1]) - max(one[0], other[0]))
