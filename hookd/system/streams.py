"""The standard streams, whatever the caller left of them: closed, a broken pipe, a full disk."""

from __future__ import annotations

import contextlib
import io
import os
import sys

TYPE_CHECKING = False  # without `typing`: the thin client has no time for it
if TYPE_CHECKING:
    from typing import Iterator, TextIO

_LAST_STANDARD = 2


def open_missing() -> None:
    """Put /dev/null where 0, 1 or 2 is closed, before a file of ours gets one of these numbers.

    What the terminal's encoding does not have is printed as `\\xNN` from here on.
    """
    while True:
        descriptor = os.open(os.devnull, os.O_RDWR)
        if descriptor > _LAST_STANDARD:
            os.close(descriptor)
            break
    sys.stdout = _printable(sys.stdout, 1)
    sys.stderr = _printable(sys.stderr, 2)


def _printable(stream: TextIO | None, descriptor: int) -> TextIO:
    if stream is None:  # its descriptor was closed when the interpreter started
        stream = os.fdopen(descriptor, "w", closefd=False)
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(errors="backslashreplace")
    return stream


def is_journal(stream: TextIO) -> bool:
    """Whether systemd's journal reads `stream` (JOURNAL_STREAM, systemd.exec(5)).

    The variable alone tells nothing: the SSM agent leaves its own to the scripts it runs.
    """
    try:
        found = os.fstat(stream.fileno())
    except (OSError, ValueError):
        return False
    return os.environ.get("JOURNAL_STREAM") == f"{found.st_dev}:{found.st_ino}"


@contextlib.contextmanager
def unfailing() -> Iterator[None]:
    """Print inside to whoever still reads: what cannot be printed is lost, nothing else is."""
    try:
        yield
        sys.stdout.flush()
    except OSError:
        mute()


def mute() -> None:
    """Send standard output nowhere, so that the interpreter's own last flush cannot fail."""
    with contextlib.suppress(OSError, ValueError):
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, sys.stdout.fileno())
        os.close(null)
