"""What a package manager's own records (text logs, history) say changed between two moments.

`history` is trusted over `dnf.rpm.log`, that over `yum.log`: the history keeps the kind of act and
its success; dnf 4 logs an element before it is processed (dnf/yum/rpmtrans.py), yum 3.4.3 writes
`Installed` for downgrades and reinstalls too (yum/rpmtrans.py). apt's history gives packages for
all architectures the machine's own.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Dict, Iterable, List, Optional, Sequence, Set, Tuple

from hookd.core.kernels import is_installonly
from hookd.core.model import PackageAction, PackageChange
from hookd.core.nevra import evr_key
from hookd.core.readings import LogAction, LogEntry, TransactionState
from hookd.core.snapshot import Snapshot

Key = Tuple[str, str]
"""Package name and architecture; the architecture is empty where a log gives the bare name."""

SOURCES = ("yum.log", "dnf.rpm.log", "dpkg.log", "history")

LOGS = {"rpmdb": ("yum.log", "dnf.rpm.log"), "dpkg": ("dpkg.log",)}
"""The text logs that tell of each database."""

HISTORIES = {"rpmdb": ("yum-history", "dnf-history"), "dpkg": ("apt-history",)}
"""The histories that tell of each database."""

GAINED = {
    LogAction.INSTALLED: PackageAction.INSTALLED,
    LogAction.UPDATED: PackageAction.UPDATED,
    LogAction.DOWNGRADED: PackageAction.DOWNGRADED,
    LogAction.REINSTALLED: PackageAction.REINSTALLED,
}
LOST = {
    LogAction.REMOVED: PackageAction.REMOVED,
    LogAction.OBSOLETED: PackageAction.OBSOLETED,
}


@dataclass(frozen=True)
class Record:
    """What one source gained. `planned` are rows of transactions that never ended."""

    source: str
    entries: Tuple[LogEntry, ...] = ()
    planned: Tuple[LogEntry, ...] = ()


def records_of(snapshots: Iterable[Snapshot], database: str = "") -> Tuple[Record, ...]:
    """Return what each source gained in these consecutive snapshots, in the order of SOURCES.

    Only those that tell of `database` where it is named.
    """
    found: Dict[str, Record] = {}
    for snapshot in snapshots:
        for log in snapshot.logs:
            if not database or log.source in LOGS[database]:
                _add(found, Record(log.source, log.entries))
        for history in snapshot.histories:
            told = not database or history.source in HISTORIES[database]
            for transaction in history.transactions if told else ():
                if transaction.state is TransactionState.UNFINISHED:
                    _add(found, Record("history", planned=transaction.items))
                else:
                    _add(found, Record("history", transaction.items))
    return tuple(found[name] for name in sorted(found, key=_rank))


def _rank(source: str) -> int:
    return SOURCES.index(source) if source in SOURCES else len(SOURCES)


def _add(found: Dict[str, Record], more: Record) -> None:
    old = found.get(more.source, Record(more.source))
    found[more.source] = replace(
        old, entries=old.entries + more.entries, planned=old.planned + more.planned
    )


def is_of(logged: str, arch: str) -> bool:
    """Whether a record that gives the architecture `logged` may mean a package of `arch`."""
    return logged in ("", arch) or arch in ("", "all")


class Named:
    """Which records name a package: an index over them, built once."""

    def __init__(self, records: Iterable[Record]) -> None:
        self._archs: Dict[str, Dict[str, Set[str]]] = {}
        self._obsoleted: Set[Key] = set()
        for record in records:
            for entry in record.entries + record.planned:
                archs = self._archs.setdefault(entry.name, {})
                archs.setdefault(record.source, set()).add(entry.arch)
                if entry.action is LogAction.OBSOLETED:
                    self._obsoleted.add((entry.name, entry.arch))

    def sources(self, name: str, arch: str) -> Tuple[str, ...]:
        """Return the sources that name the package; a bare name names every architecture."""
        by_source = self._archs.get(name, {})
        return tuple(s for s, archs in by_source.items() if any(is_of(a, arch) for a in archs))

    def is_obsoleted(self, name: str, arch: str) -> bool:
        return bool({(name, arch), (name, "")} & self._obsoleted)


@dataclass(frozen=True)
class _Net:
    """What is left of one package's lines: an act and the EVRs that came, or those that went."""

    action: PackageAction
    evrs: Tuple[str, ...] = ()

    @property
    def is_gain(self) -> bool:
        return self.action not in (PackageAction.REMOVED, PackageAction.OBSOLETED)


def changes(records: Sequence[Record], between: str) -> Tuple[PackageChange, ...]:
    """Return the changes by the records alone: no database could be compared.

    `before` is empty except for a removal whose EVR the record gives. Sorted by name and arch.
    """
    named = Named(records)
    told: Dict[Key, Optional[_Net]] = {}
    for record in reversed(records):
        for key, net in _net(record.entries).items():
            if key not in told and not (key[1] in ("", "all") and _names(told, key[0])):
                told[key] = net
    return tuple(
        _change(key, net, between, named.sources(*key))
        for key, net in sorted(told.items(), key=lambda item: item[0])
        if net is not None
    )


def _names(told: Dict[Key, Optional[_Net]], name: str) -> bool:
    return any(key[0] == name for key in told)


def _change(key: Key, net: _Net, between: str, seen_in: Tuple[str, ...]) -> PackageChange:
    evrs = tuple(sorted(filter(None, net.evrs), key=evr_key))
    before, after = ((), evrs) if net.is_gain else (evrs, ())
    return PackageChange(key[0], key[1], net.action, before, after, between, seen_in)


def _net(entries: Iterable[LogEntry]) -> Dict[Key, Optional[_Net]]:
    """Fold one source's lines, in order, into one act per package; None is a failed one."""
    found: Dict[Key, Optional[_Net]] = {}
    for entry in entries:
        key = (entry.name, entry.arch)
        if entry.action is LogAction.FAILED:
            for failed in _failed(found, entry):
                found[failed] = None
        elif entry.action in GAINED:
            found[key] = _gain(found.get(key), entry)
        elif entry.action in LOST:
            found[key] = _loss(found.get(key), entry)
    return found


def _failed(found: Dict[Key, Optional[_Net]], entry: LogEntry) -> List[Key]:
    """Return the packages that a failure speaks of; some lines give the bare name only."""
    hit = [
        key
        for key, net in found.items()
        if key[0] == entry.name
        and entry.arch in ("", key[1])
        and (net is None or not entry.evr or entry.evr in net.evrs)
    ]
    return hit or [(entry.name, entry.arch)]


def _gain(old: Optional[_Net], entry: LogEntry) -> _Net:
    if old and old.is_gain and is_installonly(entry.name):
        return _Net(PackageAction.INSTALLED, (*(e for e in old.evrs if e != entry.evr), entry.evr))
    return _Net(GAINED[entry.action], (entry.evr,))


def _loss(old: Optional[_Net], entry: LogEntry) -> _Net:
    if old and is_installonly(entry.name):
        if old.is_gain:
            return replace(old, evrs=tuple(evr for evr in old.evrs if evr != entry.evr))
        return _Net(LOST[entry.action], (*old.evrs, entry.evr))
    return _Net(LOST[entry.action], (entry.evr,))
