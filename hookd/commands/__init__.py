"""One small file per verb, named like it; a verb is imported when it is called."""

from __future__ import annotations

from importlib import import_module

TYPE_CHECKING = False  # without `typing`: the thin client has no time for it
if TYPE_CHECKING:
    from typing import Callable


def command(verb: str) -> Callable[..., int]:
    """Return the function that executes `verb`; most verbs need little of what `run` does."""
    name = verb.replace("-", "_")
    found: Callable[..., int] = getattr(import_module(f"hookd.commands.{name}"), name)
    return found
