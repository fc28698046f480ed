"""Which transaction of a package manager made a change, or that none did."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Dict, List, Optional, Sequence, Set

from hookd.core.due import is_of_boot
from hookd.core.logged import GAINED, HISTORIES, LOST, is_of
from hookd.core.model import PackageAction, PackageChange
from hookd.core.readings import History, LogAction, LogEntry, Standing, Transaction
from hookd.core.snapshot import Snapshot

TOOLS = {"rpmdb": "rpm", "dpkg": "dpkg"}
"""What changes each database where no package manager does."""

_SLACK_S = 30
"""How much later than its end a transaction of the history may seem to have begun: clocks move."""


@dataclass(frozen=True)
class _Made:
    """A transaction, by which history, and the number of the look that found it."""

    look: int
    source: str
    transaction: Transaction

    @property
    def label(self) -> str:
        return f"{self.source} {self.transaction.id}"


class Origins:
    """The transactions of the histories of one database, in all looks of an operation."""

    def __init__(self, snapshots: Sequence[Snapshot], database: str) -> None:
        self._looks = snapshots
        self._database = database
        self._named: Dict[str, List[_Made]] = {}
        for look, snapshot in enumerate(snapshots[1:], 1):
            for history in self._histories(snapshot):
                for transaction in history.transactions:
                    made = _Made(look, history.source, transaction)
                    for name in {item.name for item in transaction.items}:
                        self._named.setdefault(name, []).append(made)

    def of(self, change: PackageChange, i: int, j: int) -> str:
        """Return what made a change between looks `i` and `j`, as `dnf-history 7`; "" not known.

        A boot's look reads no history, the next one does. Of a package manager's transaction the
        database knows when it began (INSTALLTID): what began after its end is none of it.
        """
        if change.name == "gpg-pubkey":
            return ""
        named = [m for m in self._named.get(change.name, ()) if m.look > i and _made(m, change)]
        own = [m for m in named if m.look <= j]
        began = self._began(change, j)
        fitting = [m for m in own[::-1] + named[len(own) :] if not _is_later(began, m)]
        if fitting:
            return fitting[0].label
        if not self._is_compared(i, j) or not (named or self._is_told(i, j)):
            return ""
        return TOOLS[self._database]

    def _histories(self, snapshot: Snapshot) -> List[History]:
        return [one for one in snapshot.histories if one.source in HISTORIES[self._database]]

    def _began(self, change: PackageChange, j: int) -> int:
        """Return INSTALLTID by the first look from `j` on that asked; 0 is not known."""
        key = f"{change.name}.{change.arch}"
        told = (look.aftermath.transactions.get(key, 0) for look in self._looks[j : j + 2])
        return next(filter(None, told), 0) if change.after else 0

    def _is_compared(self, i: int, j: int) -> bool:
        ends = (self._looks[i], self._looks[j])
        return all(any(p.is_ok and p.source == self._database for p in e.packages) for e in ends)

    def _is_told(self, i: int, j: int) -> bool:
        """Whether the histories that there are were read whole from look `i` to beyond `j`."""
        read = [n for n in range(j, len(self._looks)) if not is_of_boot(self._looks[n].name)]
        if not read:
            return False
        last = self._histories(self._looks[read[-1]])
        base = {one.source: one for one in self._histories(self._looks[i])}
        if any(one.standing is Standing.UNKNOWN for one in last) or not all(
            _has_place(base.get(one.source)) for one in last if one.is_ok
        ):
            return False
        gaps = [h.gap for s in self._looks[i + 1 : read[-1] + 1] for h in self._histories(s)]
        return any(one.is_ok for one in last) and not any(gaps)


def _has_place(base: Optional[History]) -> bool:
    """Whether a later look lists all that came behind it."""
    if base is None:
        return False
    return base.standing is not Standing.UNKNOWN or bool(base.database or base.cursor)


def _made(made: _Made, change: PackageChange) -> bool:
    came, went = set(change.after) - set(change.before), set(change.before) - set(change.after)
    if change.action is PackageAction.REINSTALLED:
        came = set(change.after)
    return any(_is_it(item, change, came, went) for item in made.transaction.items)


def _is_it(item: LogEntry, change: PackageChange, came: Set[str], went: Set[str]) -> bool:
    if item.name != change.name or not is_of(item.arch, change.arch):
        return False
    if came:
        return item.action in GAINED and item.evr in came
    lost = item.action in LOST or item.action is LogAction.REPLACED
    return lost and (not item.evr or not went or item.evr in went)


def _is_later(began: int, made: _Made) -> bool:
    """Whether an rpm transaction that `began` then began after the end of `made`."""
    ended = _epoch(made.transaction.ended_at)
    return bool(began and ended) and began > ended + _SLACK_S


def _epoch(at: str) -> float:
    """Return UTC text as epoch seconds; 0 for none, and for times without a zone."""
    if not at.endswith("Z"):
        return 0.0
    try:
        return datetime.fromisoformat(at[:-1]).replace(tzinfo=timezone.utc).timestamp()
    except ValueError:
        return 0.0
