"""What is to become a member of the bundle, before anybody has looked at it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Callable, Iterable

Pieces = Callable[[float], Iterable[bytes]]
"""Gives the bytes of a part, which may take so many seconds. Raises MissingError and OSError."""


class MissingError(Exception):
    """A part cannot be had; the message says why."""


@dataclass(frozen=True)
class Part:
    """`source` says for people where it comes from: a path, or a command."""

    name: str
    source: str
    pieces: Pieces
    note: str = ""
