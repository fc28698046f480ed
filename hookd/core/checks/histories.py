"""Judges whether the histories of the package managers and the package database tell the same."""

from __future__ import annotations

from typing import Dict, Iterator, List, Sequence, Tuple

from hookd.core.checks.databases import contents, database_of, why_unread
from hookd.core.checks.table import Judge, Severities, listed
from hookd.core.kernels import is_installonly
from hookd.core.logged import GAINED, HISTORIES, LOST
from hookd.core.model import Check, PackageChange
from hookd.core.origins import TOOLS
from hookd.core.readings import (
    History,
    LogAction,
    LogEntry,
    Standing,
    Transaction,
    TransactionState,
)
from hookd.core.snapshot import Snapshot

HISTORY_AGREES = "packages.history-agrees"

Told = Tuple[str, Transaction]
"""The name of a transaction, as `yum-history 12`, and itself."""


def history_agrees(
    looks: Sequence[Snapshot], changes: Sequence[PackageChange], severities: Severities
) -> Check:
    """Judge the database's `changes` over all `looks` (not empty) against the transactions.

    What a transaction itself says failed, and how far one without an end came, is told and is no
    disagreement: rpm holds a signal back until it has done all, and dnf then leaves without
    recording that.
    """
    judge = Judge(HISTORY_AGREES, severities)
    told = [d for d in HISTORIES if any(_is_there(h) for h in _histories(looks[-1:], d))]
    if not told:
        return judge.skipped("no package manager's history here")
    there = [d for d in told if database_of(looks[0], d) and database_of(looks[-1], d)]
    if not there:
        return judge.skipped("no package database to compare the history with")
    unread = [reason for d in there for reason in why_unread(looks, d) + _lost(looks, d)]
    if unread:
        return judge.unknown("; ".join(dict.fromkeys(unread)))
    found = [_alone(change) for change in changes if change.by in TOOLS.values()]
    changed = {change.name for change in changes if change.by in TOOLS.values()}
    known: List[str] = []
    for database in there:
        compared = _Comparison(looks, database)
        found += [text for name, text in compared.disagreements() if name not in changed]
        known += compared.explained()
    expected = "the same changes in the history and in the package database"
    if found:
        return judge.not_met(expected=expected, found=listed(found))
    return judge.passed(
        expected=expected, found=f"the same but for: {listed(known)}" if known else "the same"
    )


def _is_there(history: History) -> bool:
    return history.standing is not Standing.ABSENT


def _histories(looks: Sequence[Snapshot], database: str) -> List[History]:
    every = [history for look in looks for history in look.histories]
    return [history for history in every if history.source in HISTORIES[database]]


def _lost(looks: Sequence[Snapshot], database: str) -> List[str]:
    """An earlier look that could not read lost nothing: the next one read on from before it."""
    last = [h for h in _histories(looks[-1:], database) if h.standing is Standing.UNKNOWN]
    gaps = [h for h in _histories(looks[1:], database) if h.gap]
    unread = [f"{history.source}: {history.reason}" for history in last]
    return unread + [f"{history.source} may have lost lines" for history in gaps]


def _alone(change: PackageChange) -> str:
    evrs = ", ".join(change.after or change.before)
    did = "came" if change.after else "went"
    package = f"{change.name}.{change.arch} {evrs}"
    return f"{package} {did} by {change.by} alone, in no history ({change.between})"


class _Comparison:
    """The last content of a database, and the transactions of the looks after the first."""

    def __init__(self, looks: Sequence[Snapshot], database: str) -> None:
        self._last = contents(looks[-1], database)
        self._is_dpkg = database == "dpkg"
        told: Dict[str, Transaction] = {}
        for history in _histories(looks[1:], database):
            for transaction in history.transactions:
                told[f"{history.source} {transaction.id}"] = transaction
        self._told: List[Told] = list(told.items())

    def disagreements(self) -> Iterator[Tuple[str, str]]:
        """Yield name and text of what the last word on a package says and the database does not."""
        latest: Dict[Tuple[str, str, str], Tuple[Told, LogEntry]] = {}
        for told in self._told:
            for item in told[1].items:
                if item.action not in GAINED and item.action not in LOST:
                    continue
                key = (item.name, item.arch, item.evr if is_installonly(item.name) else "")
                latest[key] = (told, item)
        for (label, transaction), item in latest.values():
            # The last word of a plan is that nobody knows; what became of it stands in explained().
            if not _is_plan(label, transaction) and not self._is_done(item):
                yield item.name, f"{label} says {_act(item)}{_cause(label, transaction)}"

    def explained(self) -> List[str]:
        found = []
        for label, transaction in self._told:
            failed = {item.name for item in transaction.items if item.action is LogAction.FAILED}
            if failed:
                found.append(f"{label} failed for {listed(sorted(failed))}")
            if _is_plan(label, transaction):
                is_cut = transaction.state is TransactionState.UNFINISHED
                how = "recorded no end" if is_cut else "failed"
                found.append(f"{label} {how}, {self._how_far(transaction)}")
        return found

    def _how_far(self, transaction: Transaction) -> str:
        meant = [i for i in transaction.items if i.action in GAINED or i.action in LOST]
        undone = [item for item in meant if not self._is_done(item)]
        if not undone:
            return "and did all it meant to"
        return f"and left undone that {listed([_act(item) for item in undone])}"

    def _is_done(self, item: LogEntry) -> bool:
        keys = [f"{item.name}.{item.arch}", f"{item.name}.all"][: 2 if self._is_dpkg else 1]
        present = {evr for key in keys for evr in self._last.get(key, {})}
        if item.action in GAINED:
            return item.evr in present
        return not present if self._is_dpkg else item.evr not in present


def _act(item: LogEntry) -> str:
    did = "came" if item.action in GAINED else "went"
    return f"{item.name}.{item.arch} {item.evr} {did}"


def _is_plan(label: str, transaction: Transaction) -> bool:
    """Whether the items are what was meant and not what was done; apt writes them beforehand."""
    if label.startswith("apt-history"):
        return transaction.state is not TransactionState.OK
    return transaction.state is TransactionState.UNFINISHED


def _cause(label: str, transaction: Transaction) -> str:
    """Return why the history may be wrong (yum 3.4.3 yum/history.py, end)."""
    if label.startswith("yum-history") and transaction.return_code == 0:
        return " (yum marks every package done when it ends with 0)"
    return ""
