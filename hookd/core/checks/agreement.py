"""Judges whether the text logs of the package managers and the package database tell the same."""

from __future__ import annotations

from typing import Dict, List, Sequence, Set, Tuple

from hookd.core.checks.databases import contents, database_of, why_unread
from hookd.core.checks.table import Judge, Severities, listed
from hookd.core.kernels import is_installonly
from hookd.core.logged import GAINED, HISTORIES, LOGS, LOST, Record, is_of, records_of
from hookd.core.model import Check
from hookd.core.readings import LogAction, LogEntry, Standing, TransactionState
from hookd.core.snapshot import Snapshot

LOG_AGREES = "packages.log-agrees"

_BEFORE_IT_ACTS = ("dnf.rpm.log", "dpkg.log")
"""Logs that name a package before it is processed (dnf/yum/rpmtrans.py; dpkg(1) --log)."""


def log_agrees(snapshots: Sequence[Snapshot], severities: Severities) -> Check:
    """Judge the database's changes over all `snapshots` (not empty) against the logs' lines.

    What is known to differ is told and is no disagreement: yum.log leaves out the old kernel that
    a new one pushes out and the old version of an update (yum 3.4.3 rpmtrans.py), dnf 4 and dpkg
    log before they act. A package may come and go within the span, keys are in no log.
    """
    judge = Judge(LOG_AGREES, severities)
    logged = [d for d in LOGS if any(_has_logs(snapshot, d) for snapshot in snapshots)]
    if not logged:
        return judge.skipped("no package manager's log here")
    there = [d for d in logged if database_of(snapshots[0], d) and database_of(snapshots[-1], d)]
    if not there:
        return judge.skipped("no package database to compare the log with")
    unread = [reason for d in there for reason in why_unread(snapshots, d) + _lost(snapshots, d)]
    if unread:
        return judge.unknown("; ".join(dict.fromkeys(unread)))
    compared = [_Comparison(snapshots, d) for d in there]
    found = [text for one in compared for text in one.disagreements()]
    known = sorted({text for one in compared for text in one.explained})
    expected = "the same changes in the log and in the package database"
    if found:
        return judge.not_met(expected=expected, found=listed(found))
    return judge.passed(
        expected=expected, found=f"the same but for: {listed(known)}" if known else "the same"
    )


def _has_logs(snapshot: Snapshot, database: str) -> bool:
    logs = (log for log in snapshot.logs if log.source in LOGS[database])
    return any(log.standing is not Standing.ABSENT for log in logs)


def _lost(snapshots: Sequence[Snapshot], database: str) -> List[str]:
    logs = [log for s in snapshots for log in s.logs if log.source in LOGS[database]]
    unread = [f"{log.source}: {log.reason}" for log in logs if log.standing is Standing.UNKNOWN]
    return unread + [f"{log.source} may have lost lines" for log in logs if log.gap]


class _Comparison:
    """The first and the last content of a database, and the lines in between.

    `explained` gathers what differs for a known cause.
    """

    def __init__(self, snapshots: Sequence[Snapshot], database: str) -> None:
        self._first = contents(snapshots[0], database)
        self._last = contents(snapshots[-1], database)
        records = records_of(snapshots[1:], database)
        self._logs = [record for record in records if record.source in LOGS[database]]
        self._failed = _failed_names(records)
        # Who calls a package manager by its Python API may write no log of it.
        histories = [record for record in records if record.source not in LOGS[database]]
        self._in_history = {entry.name for record in histories for entry in record.entries}
        self._may_have_stopped = _may_have_stopped(snapshots, database)
        self.explained: List[str] = []

    def disagreements(self) -> List[str]:
        """Return one text per package, sorted, the database's unlogged changes first."""
        unlogged = [text for key in self._changed() for text in self._unlogged(key)]
        untrue = [text for record in self._logs for text in self._untrue(record)]
        return unlogged + sorted(set(untrue))

    def _changed(self) -> List[str]:
        keys = self._first.keys() | self._last.keys()
        return sorted(key for key in keys if self._first.get(key) != self._last.get(key))

    def _unlogged(self, key: str) -> List[str]:
        name, _, arch = key.rpartition(".")
        if name == "gpg-pubkey":
            return []
        before, after = self._first.get(key, {}), self._last.get(key, {})
        entries = [e for log in self._logs for e in log.entries if e.name == name]
        logged = {e.evr for e in entries if e.action in GAINED and is_of(e.arch, arch)}
        came = sorted(evr for evr in after if before.get(evr) != after[evr])
        missing = [f"{key} {evr} came and is in no log" for evr in came if evr not in logged]
        gone = sorted(before.keys() - after.keys())
        if not came and not entries:
            missing.append(f"{key} {', '.join(gone)} went and is in no log")
        self._explain_pushed_out(key, gone, entries)
        if missing and name in self._in_history:
            self.explained += [f"{text} but in the history" for text in missing]
            return []
        return missing

    def _explain_pushed_out(self, key: str, gone: List[str], entries: List[LogEntry]) -> None:
        """Yum suppresses the erasure of a name that it also installs (rpmtrans.py)."""
        told = {entry.evr for entry in entries if entry.action in LOST}
        if is_installonly(key.rpartition(".")[0]) and entries and "" not in told:
            self.explained += [
                f"{key} {evr} went, and yum.log leaves out what a new kernel pushes out"
                for evr in gone
                if evr not in told
            ]

    def _untrue(self, record: Record) -> List[str]:
        """Return what the log says came or went although it is not, or still, in the database."""
        found = []
        latest: Dict[Tuple[str, str], LogEntry] = {}
        for entry in record.entries:
            if entry.action in GAINED or entry.action in LOST:
                latest[(entry.name, entry.arch)] = entry
        removed = {entry.name for entry in latest.values() if entry.action in LOST}
        for (name, arch), entry in latest.items():
            present = self._last.get(f"{name}.{arch}", {})
            came = entry.action in GAINED
            text = f"{record.source} says {name}.{arch} {entry.evr} {'came' if came else 'went'}"
            if came and (entry.evr in present or name in removed or self._is_pushed_out(entry)):
                continue
            if not came and (not entry.evr or entry.evr not in present):
                continue
            found += self._unless_explained(record, name, text)
        return found

    def _unless_explained(self, record: Record, name: str, text: str) -> List[str]:
        if name in self._failed:
            self.explained.append(f"{text}, and it failed")
        elif record.source in _BEFORE_IT_ACTS and self._may_have_stopped:
            self.explained.append(f"{text}: a line is written before the act, which did not end")
        else:
            return [text]
        return []

    def _is_pushed_out(self, entry: LogEntry) -> bool:
        """Whether other versions of an installonly package took its place."""
        return is_installonly(entry.name) and bool(self._last.get(f"{entry.name}.{entry.arch}"))


def _failed_names(records: Sequence[Record]) -> Set[str]:
    entries = [e for record in records for e in (*record.entries, *record.planned)]
    return {entry.name for entry in entries if entry.action is LogAction.FAILED}


def _may_have_stopped(snapshots: Sequence[Snapshot], database: str) -> bool:
    """Whether a transaction did not end well, or no history is there to tell that all did."""
    every = [h for snapshot in snapshots[1:] for h in snapshot.histories]
    histories = [history for history in every if history.source in HISTORIES[database]]
    states = {t.state for history in histories for t in history.transactions}
    readable = any(history.is_ok for history in histories)
    return not readable or bool(states - {TransactionState.OK})
