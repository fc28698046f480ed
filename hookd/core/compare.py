"""What differs between snapshots: packages, kernel, boot, and what runs.

The package database is the truth; logs and histories say who else saw a change, and stand in for
the database where none can be compared.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple, Union

from hookd.core import logged, mounts, settings, sockets, units
from hookd.core.blame import Blame
from hookd.core.boots import boot_change
from hookd.core.debian import debian_key
from hookd.core.kernels import is_installonly, newest_beside, promise
from hookd.core.model import Changes, KernelChange, PackageAction, PackageChange
from hookd.core.nevra import evr_key
from hookd.core.origins import Origins
from hookd.core.readings import History, LogEntry, PackageLog, PackageSet, Standing
from hookd.core.snapshot import Snapshot

Instances = Tuple[Tuple[str, int], ...]
Order = Callable[[str], Any]

_ORDERS: Dict[str, Order] = {"rpmdb": evr_key, "dpkg": debian_key}


def compare(snapshots: Sequence[Snapshot]) -> Changes:
    """Return what changed over `snapshots`, which are one operation's in the order of time."""
    if not snapshots:
        return Changes()
    packages = _packages(snapshots)
    blame = Blame(snapshots, packages)
    return Changes(
        packages,
        _kernel(snapshots),
        boot_change(snapshots),
        units.changes(snapshots, blame),
        sockets.changes(snapshots, blame),
        mounts.changes(snapshots),
        settings.changes(snapshots),
    )


def package_changes(earlier: Snapshot, later: Snapshot) -> Tuple[PackageChange, ...]:
    """Return the package changes from `earlier` to `later`, sorted by name and arch.

    The logs and histories in `later` are what was gained since `earlier`.
    """
    return _packages((earlier, later))


def packages_changed(snapshots: Sequence[Snapshot]) -> Optional[bool]:
    """Whether the packages of the last snapshot differ from the first's; None when not known.

    By content (EVR and install time) of the databases readable at both ends, else by the logs and
    histories of the snapshots after the first.
    """
    if not snapshots:
        return None
    answers = [_changed(snapshots, source) for source in _ORDERS]
    if True in answers:
        return True
    if _is_one_unknown(snapshots):
        return None
    return False if False in answers else None


def _changed(snapshots: Sequence[Snapshot], source: str) -> Optional[bool]:
    first, last = _database(snapshots[0], source), _database(snapshots[-1], source)
    if first is None or last is None:
        return _records_changed(snapshots, source)
    return first.installed != last.installed


def _records_changed(snapshots: Sequence[Snapshot], source: str) -> Optional[bool]:
    if logged.changes(logged.records_of(snapshots[1:], source), ""):
        return True
    both = all(_is_told(snapshot, source) for snapshot in (snapshots[0], snapshots[-1]))
    gaps = [reading.gap for s in snapshots[1:] for reading in _records(s, source)]
    return False if both and not any(gaps) else None


def _is_told(snapshot: Snapshot, source: str) -> bool:
    return any(reading.is_ok for reading in _records(snapshot, source))


def _records(snapshot: Snapshot, source: str) -> List[Union[PackageLog, History]]:
    """Return the logs and histories that tell of the database `source`."""
    logs = [one for one in snapshot.logs if one.source in logged.LOGS[source]]
    return [*logs, *(h for h in snapshot.histories if h.source in logged.HISTORIES[source])]


def _is_one_unknown(snapshots: Sequence[Snapshot]) -> bool:
    """Whether a database that exists could not be read at one end and nothing stood in for it."""
    sets = (*snapshots[0].packages, *snapshots[-1].packages)
    unread = {one.source for one in sets if one.standing is Standing.UNKNOWN}
    return any(_records_changed(snapshots, source) is None for source in unread)


# -- packages --------------------------------------------------------------------------------


def _packages(snapshots: Sequence[Snapshot]) -> Tuple[PackageChange, ...]:
    """One list, by span, then name and arch."""
    found: List[Tuple[int, int, PackageChange]] = []
    for source in _ORDERS:
        origins = Origins(snapshots, source)
        for i, j in _spans(snapshots, source):
            for change in _span(snapshots[i : j + 1], source):
                found.append((j, i, replace(change, by=origins.of(change, i, j))))
    found.sort(key=lambda item: (item[0], item[1], item[2].name, item[2].arch))
    return tuple(change for _, _, change in found)


def _spans(snapshots: Sequence[Snapshot], source: str) -> List[Tuple[int, int]]:
    """Return index pairs of neighbours, passing over a failed reading between two good ones."""
    good = [i for i, s in enumerate(snapshots) if _database(s, source) is not None]
    kept = [i for i in range(len(snapshots)) if i in good or not good or not _inside(i, good)]
    return list(zip(kept, kept[1:]))


def _inside(i: int, good: Sequence[int]) -> bool:
    return good[0] < i < good[-1]


def _span(snapshots: Sequence[Snapshot], source: str) -> Sequence[PackageChange]:
    """Return the changes from the first to the last of these snapshots by `source`."""
    between = f"{snapshots[0].name}..{snapshots[-1].name}"
    first, last = _database(snapshots[0], source), _database(snapshots[-1], source)
    records = logged.records_of(snapshots[1:], source)
    if first is None or last is None:
        return logged.changes(records, between)
    return _differences(first, last, logged.Named(records), between)


def _database(snapshot: Snapshot, source: str) -> Optional[PackageSet]:
    for one in snapshot.packages:
        if one.source == source and one.is_ok:
            return one
    return None


def _differences(
    first: PackageSet, last: PackageSet, named: logged.Named, between: str
) -> List[PackageChange]:
    order = _ORDERS[first.source]
    found = []
    for key in first.installed.keys() | last.installed.keys():
        before, after = first.installed.get(key, ()), last.installed.get(key, ())
        if before == after:
            continue
        name, _, arch = key.rpartition(".")
        action = _action(name, before, after, order)
        if action is None:
            continue
        if action is PackageAction.REMOVED and not after and named.is_obsoleted(name, arch):
            action = PackageAction.OBSOLETED
        seen = (first.source, *named.sources(name, arch))
        evrs = (_evrs(before, order), _evrs(after, order))
        found.append(PackageChange(name, arch, action, *evrs, between, seen))
    return found


def _evrs(instances: Instances, order: Order) -> Tuple[str, ...]:
    return tuple(sorted({evr for evr, _ in instances}, key=lambda evr: (order(evr), evr)))


def _action(
    name: str, before: Instances, after: Instances, order: Order
) -> Optional[PackageAction]:
    """Return what happened to one package, None when only an unknown install time differs."""
    old, new = _evrs(before, order), _evrs(after, order)
    if old == new:
        return PackageAction.REINSTALLED if _is_reinstalled(before, after) else None
    if not old:
        return PackageAction.INSTALLED
    came = [evr for evr in new if evr not in old]
    if not came:
        return PackageAction.REMOVED
    if is_installonly(name) or (len(old) > 1 and len(new) > 1):
        return PackageAction.INSTALLED
    lower = order(came[-1]) < order(old[-1])
    return PackageAction.DOWNGRADED if lower else PackageAction.UPDATED


def _is_reinstalled(before: Instances, after: Instances) -> bool:
    known = all(time for _, time in before + after)
    return known and set(before) != set(after)


# -- kernel ----------------------------------------------------------------------------------


def _kernel(snapshots: Sequence[Snapshot]) -> KernelChange:
    first, last = snapshots[0].kernel, snapshots[-1].kernel
    newest = newest_beside(last.running, last.installed)
    leaving = next((s for s in snapshots if s.name == "leaving"), None)
    promised, by = promise(leaving, _first_look(snapshots), _entries(snapshots))
    return KernelChange(
        running_before=first.running,
        running_after=last.running,
        newest_installed=newest.release if newest else "",
        next_boot=last.next_boot.release,
        promised=promised,
        promised_by=by,
    )


def _first_look(snapshots: Sequence[Snapshot]) -> Optional[Snapshot]:
    """Return the first look after the last boot: what came later was not there to be booted."""
    booted = [s for s in snapshots if s.name.startswith("booted-")][-1:]
    looks = booted or [s for s in snapshots if s.name in ("arrived", "after")]
    return looks[0] if looks else None


def _entries(snapshots: Sequence[Snapshot]) -> List[LogEntry]:
    records = logged.records_of(snapshots[1:])
    return [entry for record in records for entry in record.entries]
