"""What the engine tells while it works; a sink overrides what it wants to know."""

from __future__ import annotations

from hookd.core.journal import Event
from hookd.core.operation import Operation


class Observer:
    """Base that listens to nothing."""

    def waiting(self, message: str) -> None:
        """The call waits for another one, or ends it."""

    def event(self, event: Event, _operation: Operation) -> None:
        """`event` was recorded; the operation is what the journal tells now."""

    def looking(self, name: str) -> None:
        """Snapshot `name` is about to be taken."""

    def output(self, hook: str, stream: str, data: bytes) -> None:
        """`hook` wrote `data` to `stream` (`stdout` or `stderr`)."""
