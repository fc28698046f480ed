"""Which old operations go (`[retention]`): by number, age and size, never one that is needed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Iterable, Tuple


@dataclass(frozen=True)
class Kept:
    """An operation on disk: whether it changed the machine, its age, size and if it must stay."""

    id: str
    changed: bool
    age_days: float
    size: int
    is_needed: bool = False


@dataclass(frozen=True)
class Limits:
    changed: int
    other: int
    days: float
    size: int


def to_remove(kept: Iterable[Kept], limits: Limits) -> Tuple[str, ...]:
    """Return the ids to remove, given the operations newest first."""
    count = {True: 0, False: 0}
    most = {True: limits.changed, False: limits.other}
    size = 0
    gone = []
    for one in kept:
        count[one.changed] += 1
        size += one.size
        over = count[one.changed] > most[one.changed] or size > limits.size
        if not one.is_needed and (over or one.age_days > limits.days):
            gone.append(one.id)
            count[one.changed] -= 1
            size -= one.size
    return tuple(gone)
