"""What stays on disk of one output stream: its beginning, and its end once the cap is reached."""

from __future__ import annotations

import contextlib
import os
import stat
from typing import Iterator

_FLAGS = os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
_BLOCK = 1 << 16


class Kept:
    """Writes a stream to `path`: the first half of `cap` bytes there, then a ring beside it.

    The ring is two files, `path.tail` and the older `path.tail-old`, so that the end of the output
    is on disk even when the engine is killed; `close` joins them to `path`, `mend` does it later.
    Nothing is created before the first byte. Errors end the writing, they are never raised;
    `error` says which. `parts` are the ranges of the stream that are on disk, `[from, to)`.
    """

    def __init__(self, path: str, cap: int) -> None:
        self.path = path
        self.error = ""
        self._head_cap = cap // 2
        self._tail_cap = cap - self._head_cap
        self._head: int | None = None
        self._head_size = 0
        self._ring: _Ring | None = None
        self._tail = (0, 0)

    @property
    def parts(self) -> tuple[tuple[int, int], tuple[int, int]]:
        return (0, self._head_size), self._tail

    def write(self, data: bytes) -> None:
        """Keep what the cap and the disk allow of `data`."""
        if self.error or not self._tail_cap:
            return
        try:
            self._write(data)
        except OSError as error:
            self.error = error.strerror or str(error)

    def close(self) -> None:
        """Join the ring to the file and close all."""
        try:
            if self._ring is not None and self._head is not None:
                self._join(self._head, self._ring)
        except OSError as error:
            self.error = error.strerror or str(error)
        finally:
            if self._ring is not None:
                self._ring.remove()
            if self._head is not None:
                os.close(self._head)
            self._head = self._ring = None

    def _write(self, data: bytes) -> None:
        if self._head is None:
            self._head = _open(self.path)
            with contextlib.suppress(OSError):
                mend(self.path)
        rest = memoryview(data)
        room = self._head_cap - self._head_size
        for count in _written(self._head, rest[:room]):
            self._head_size += count
        rest = rest[room:]
        if not rest:
            return
        if self._ring is None:
            self._ring = _Ring(self.path, self._tail_cap)
        self._ring.write(rest)

    def _join(self, head: int, ring: _Ring) -> None:
        size = min(ring.size, self._tail_cap)
        hidden = ring.written - size
        if hidden:
            _write_all(head, marker(f"{hidden} bytes"))
        begin = end = self._head_size + hidden
        for block in ring.last(size):
            for count in _written(head, memoryview(block)):
                end += count
                self._tail = (begin, end)


class _Ring:
    """The last `cap` bytes of the `written`, in two files that hold at most `cap` each."""

    def __init__(self, path: str, cap: int) -> None:
        self._new, self._old = _ring_paths(path)
        self._cap = cap
        self.written = 0
        self._old_size = self._new_size = 0
        self._file: int | None = None
        self.remove()

    @property
    def size(self) -> int:
        return self._old_size + self._new_size

    def write(self, data: memoryview) -> None:
        if len(data) > self._cap:
            skipped = len(data) - self._cap
            self.remove()
            self.written += skipped
            data = data[skipped:]
        while data:
            if self._file is None or self._new_size == self._cap:
                self._turn()
            count = os.write(self._descriptor(), data[: self._cap - self._new_size])
            self._new_size += count
            self.written += count
            data = data[count:]

    def last(self, size: int) -> Iterator[bytes]:
        """Yield the last `size` bytes in order."""
        skip = self.size - size
        for path in (self._old, self._new):
            for block in _blocks(path):
                yield block[skip:]
                skip = max(0, skip - len(block))

    def remove(self) -> None:
        if self._file is not None:
            os.close(self._file)
        self._file = None
        self._old_size = self._new_size = 0
        for path in (self._new, self._old):
            with contextlib.suppress(OSError):
                os.unlink(path)

    def _descriptor(self) -> int:
        if self._file is None:
            raise FileNotFoundError(self._new)
        return self._file

    def _turn(self) -> None:
        # unlink before rename: replacing a file makes ext4 write the new one out at once
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self._old)
        if self._file is not None:
            os.close(self._file)
            self._file = None
            os.rename(self._new, self._old)
        self._old_size, self._new_size = self._new_size, 0
        self._file = os.open(self._new, _FLAGS | os.O_CREAT | os.O_EXCL, 0o600)


def mend(path: str) -> bool:
    """Join the ring that a killed engine left beside `path`; False when there was none.

    Raises OSError when the disk does not take it; the ring then stays.
    """
    new, old = _ring_paths(path)
    if not os.path.lexists(new) and not os.path.lexists(old):
        return False
    head = _open(path)
    try:
        _write_all(head, marker("an unknown number of bytes"))
        for ring in (old, new):
            for block in _blocks(ring):
                _write_all(head, block)
    finally:
        os.close(head)
    for ring in (old, new):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(ring)
    return True


def marker(hidden: str) -> bytes:
    """Return the line that stands in a kept file where output is missing."""
    return f"\n[hookd: {hidden} hidden]\n".encode()


def _ring_paths(path: str) -> tuple[str, str]:
    return path + ".tail", path + ".tail-old"


def _open(path: str) -> int:
    descriptor = os.open(path, _FLAGS | os.O_CREAT | os.O_APPEND, 0o600)
    if stat.S_ISREG(os.fstat(descriptor).st_mode):
        return descriptor
    os.close(descriptor)
    raise OSError(0, "not a regular file", path)


def _blocks(path: str) -> Iterator[bytes]:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    except FileNotFoundError:
        return
    try:
        while True:
            block = os.read(descriptor, _BLOCK)
            if not block:
                return
            yield block
    finally:
        os.close(descriptor)


def _written(descriptor: int, data: memoryview) -> Iterator[int]:
    while data:
        count = os.write(descriptor, data)
        yield count
        data = data[count:]


def _write_all(descriptor: int, data: bytes) -> None:
    for _ in _written(descriptor, memoryview(data)):
        pass
