"""The looks at the machine that an operation took, in their order, and what changed over them."""

from __future__ import annotations

from dataclasses import replace
from typing import Mapping, Optional, Sequence, Tuple

from hookd.core import compare
from hookd.core.due import is_of_boot
from hookd.core.essentials import doubted
from hookd.core.model import Changes, Phase
from hookd.core.operation import Operation
from hookd.core.snapshot import Snapshot

LAST_KNOWN = "last-known"
_ORDER = ("before", "ready", "installed", "leaving", "booted", "arrived", "after")


def in_order(
    operation: Operation, snapshots: Mapping[str, Snapshot], *, with_last_known: bool
) -> Tuple[Snapshot, ...]:
    """Return the snapshots in the order of an operation's life (`booted-2` after `booted-1`).

    When a phase is repeated, its looks are taken anew; what was seen after their first taking is
    void until it is taken again. The first look of a boot stands where the boot came. What a partly
    lost package database tells is left out.
    """
    names = [name for name in snapshots if name != LAST_KNOWN]
    taken = {name: operation.snapshot_n.get(name, 0) for name in names}
    found, newest_n = [name for name in names if is_of_boot(name)], 0
    for name in sorted((name for name in names if not is_of_boot(name)), key=_place):
        if taken[name] >= newest_n:
            found.append(name)
            newest_n = taken[name]
    found.sort(key=lambda name: (taken[name], _place(name)))
    first = (LAST_KNOWN,) if with_last_known and LAST_KNOWN in snapshots else ()
    return doubted([snapshots[name] for name in (*first, *found)])


def looks_before(
    operation: Operation, snapshots: Mapping[str, Snapshot], name: str
) -> Tuple[Snapshot, ...]:
    """Return the looks that come before `name`, the last of which its logs are read on from."""
    earlier = {
        n: one for n, one in snapshots.items() if n == LAST_KNOWN or _place(n) < _place(name)
    }
    return in_order(operation, earlier, with_last_known=True)


def _place(name: str) -> Tuple[int, int]:
    stem, _, number = name.partition("-")
    place = _ORDER.index(stem) if stem in _ORDER else len(_ORDER)
    return place, int(number) if number.isdecimal() else 0


def looks_of(operation: Operation, snapshots: Mapping[str, Snapshot]) -> Tuple[Snapshot, ...]:
    """Return the looks to compare; without pre the baseline is the last known state."""
    without_pre = operation.last(Phase.PRE) is None
    return in_order(operation, snapshots, with_last_known=without_pre)


def changes_over(looks: Sequence[Snapshot]) -> Changes:
    """Return what changed; a boot before the first look of a post without pre is none of it."""
    changes = compare.compare(looks)
    own = [look for look in looks if look.name != LAST_KNOWN]
    if len(own) < len(looks) and own and own[0].name == "installed":
        return replace(changes, boot=compare.compare(own).boot)
    return changes


def packages_changed(looks: Sequence[Snapshot]) -> Optional[bool]:
    """Whether packages differ from before anything; that nothing does is known only from there."""
    changed = compare.packages_changed(looks) if len(looks) > 1 else None
    has_baseline = bool(looks) and looks[0].name in ("before", LAST_KNOWN)
    return changed if changed or has_baseline else None
