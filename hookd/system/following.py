"""Follows an operation that another process executes, by its files: events, and hooks' output."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import Iterator

from hookd.core.codec import CodecError
from hookd.core.journal import Event, from_line
from hookd.core.model import Phase
from hookd.system.hooks.execution import file_name

_MOST = 1 << 20  # at once: what is there already may be long
_STREAMS = {"stdout": "out", "stderr": "err"}


@dataclass
class Following:
    """The operation in `folder`, from its beginning. What is torn is left until it is whole."""

    folder: str
    _at: dict[str, int] = field(default_factory=dict)

    def events(self) -> Iterator[Event]:
        """Yield the events that came since the last call. Raises OSError."""
        path = os.path.join(self.folder, "journal.jsonl")
        while True:
            data = _read(path, self._at.get(path, 0), _MOST)
            whole, newline, _torn = data.rpartition(b"\n")
            if not newline:
                return
            self._at[path] = self._at.get(path, 0) + len(whole) + 1
            yield from _decoded(whole)

    def output(self, phase: Phase, attempt: int, hook: str) -> Iterator[tuple[str, bytes]]:
        """Yield (`stdout` | `stderr`, bytes) that `hook` wrote since the last call, as it is kept.

        Beyond the first half of its cap the output is shown when the hook has ended.
        """
        place = os.path.join(self.folder, "hooks", f"{phase}-{attempt}", file_name(hook))
        for stream, suffix in _STREAMS.items():
            path = f"{place}.{suffix}"
            try:
                data = _read(path, self._at.get(path, 0), _MOST)
            except OSError:  # none was written, or none could be kept
                continue
            if data:
                self._at[path] = self._at.get(path, 0) + len(data)
                yield stream, data


def _read(path: str, offset: int, most: int) -> bytes:
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        return os.pread(descriptor, most, offset)
    finally:
        os.close(descriptor)


def _decoded(lines: bytes) -> Iterator[Event]:
    for line in lines.split(b"\n"):
        try:
            yield from_line(line)
        except CodecError:  # damaged: `hookd show` names it
            continue
