"""The exit codes of the program and the one error that carries them to the boundary in cli."""

from __future__ import annotations

from enum import IntEnum


class Exit(IntEnum):
    """Exit codes: API, never reused (docs/results.md). 137, 168, 169 and 194-196 are SSM's."""

    OK = 0
    FAILED = 1
    USAGE = 2
    DEADLINE = 3
    BUG = 70
    BUSY = 75
    CONFIG = 78
    INTERRUPTED = 130


class HookdError(Exception):
    """What went wrong, what the reader can do about it, and how the process ends."""

    def __init__(self, message: str, *, hint: str = "", code: Exit = Exit.FAILED) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.code = code

    @property
    def text(self) -> str:
        """What people read."""
        return f"hookd: {self.message}" + (f"\n  {self.hint}" if self.hint else "")

    @property
    def document(self) -> dict[str, object]:
        """What programs read, as JSON."""
        return {"error": self.message, "hint": self.hint, "exit_code": int(self.code)}
