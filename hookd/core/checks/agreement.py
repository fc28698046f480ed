"""Judges whether the text logs of the package managers and the rpm database tell the same."""

from __future__ import annotations

from typing import Dict, List, Optional, Sequence, Set, Tuple

from hookd.core.checks.table import Judge, Severities, listed
from hookd.core.kernels import is_installonly
from hookd.core.logged import GAINED, LOST, Record, records_of
from hookd.core.model import Check
from hookd.core.readings import LogAction, LogEntry, PackageSet, Standing, TransactionState
from hookd.core.snapshot import Snapshot

LOG_AGREES = "packages.log-agrees"

_LOGS = ("yum.log", "dnf.rpm.log")
Installed = Dict[str, Dict[str, int]]
"""EVR to install time, by `name.arch`."""


def log_agrees(snapshots: Sequence[Snapshot], severities: Severities) -> Check:
    """Judge the rpm database's changes over all `snapshots` (not empty) against the logs' lines.

    What is known to differ is no disagreement: yum.log leaves out the old kernel that a new one
    pushes out and the old version of an update (yum 3.4.3 rpmtrans.py), dnf 4 logs an element
    before it is processed, a package may come and go within the span, keys are in no log.
    """
    judge = Judge(LOG_AGREES, severities)
    ends = [_rpmdb(snapshot) for snapshot in (snapshots[0], snapshots[-1])]
    logs = [log for snapshot in snapshots for log in snapshot.logs]
    if not any(log.standing is not Standing.ABSENT for log in logs):
        return judge.skipped("no package manager's log here")
    if any(end is None or end.standing is Standing.ABSENT for end in ends):
        return judge.skipped("no rpm database to compare the log with")
    unread = [end.reason for end in ends if end is not None and not end.is_ok]
    unread += [f"{log.source}: {log.reason}" for log in logs if log.standing is Standing.UNKNOWN]
    unread += [f"{log.source} may have lost lines" for log in logs if log.gap]
    if unread:
        return judge.unknown("; ".join(dict.fromkeys(unread)))
    found = _Comparison(snapshots).disagreements()
    expected = "the same changes in the log and in the rpm database"
    if found:
        return judge.not_met(expected=expected, found=listed(found))
    return judge.passed(expected=expected, found="the same")


def _rpmdb(snapshot: Snapshot) -> Optional[PackageSet]:
    return next((one for one in snapshot.packages if one.source == "rpmdb"), None)


def _contents(snapshot: Snapshot) -> Installed:
    packages = _rpmdb(snapshot)
    installed = packages.installed if packages else {}
    return {key: dict(instances) for key, instances in installed.items()}


class _Comparison:
    """The first and the last content of the database, and the lines in between."""

    def __init__(self, snapshots: Sequence[Snapshot]) -> None:
        self._first, self._last = _contents(snapshots[0]), _contents(snapshots[-1])
        records = records_of(snapshots[1:])
        self._logs = [record for record in records if record.source in _LOGS]
        self._failed = _failed_names(records)
        self._may_have_stopped = _may_have_stopped(snapshots)

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
        logged = {e.evr for e in entries if e.action in GAINED and e.arch == arch}
        came = sorted(evr for evr in after if before.get(evr) != after[evr])
        missing = [f"{key} {evr} came and is in no log" for evr in came if evr not in logged]
        if not came and not entries:
            gone = ", ".join(sorted(before.keys() - after.keys()))
            missing.append(f"{key} {gone} went and is in no log")
        return missing

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
            if entry.action in GAINED:
                explained = name in removed or self._is_explained(record, name)
                if entry.evr not in present and not explained and not self._is_pushed_out(entry):
                    found.append(f"{record.source} says {name}.{arch} {entry.evr} came")
            elif entry.evr and entry.evr in present and not self._is_explained(record, name):
                found.append(f"{record.source} says {name}.{arch} {entry.evr} went")
        return found

    def _is_explained(self, record: Record, name: str) -> bool:
        if name in self._failed:
            return True
        return record.source == "dnf.rpm.log" and self._may_have_stopped

    def _is_pushed_out(self, entry: LogEntry) -> bool:
        """Whether other versions of an installonly package took its place."""
        return is_installonly(entry.name) and bool(self._last.get(f"{entry.name}.{entry.arch}"))


def _failed_names(records: Sequence[Record]) -> Set[str]:
    entries = [e for record in records for e in (*record.entries, *record.planned)]
    return {entry.name for entry in entries if entry.action is LogAction.FAILED}


def _may_have_stopped(snapshots: Sequence[Snapshot]) -> bool:
    """Whether a transaction did not end well, or no history is there to tell that all did."""
    histories = [h for snapshot in snapshots[1:] for h in snapshot.histories]
    states = {t.state for history in histories for t in history.transactions}
    readable = any(history.is_ok for history in histories)
    return not readable or bool(states - {TransactionState.OK})
