"""In which order the looks of an operation are compared: that of a boot where the boot came."""

from __future__ import annotations

import pytest
from support.journals import events, opened

from hookd.core.fold import fold
from hookd.core.journal import SnapshotTaken
from hookd.core.looks import in_order
from hookd.core.readings import Boot, Kernel
from hookd.core.snapshot import Snapshot

ORDERS = {
    "an ordinary reboot": (
        "before ready installed leaving booted-1 arrived after",
        "before ready installed leaving booted-1 arrived after",
    ),
    "a reboot that a pre hook asked for": (
        "before booted-1 ready installed leaving booted-2 arrived after",
        "before booted-1 ready installed leaving booted-2 arrived after",
    ),
    "a reboot after on-exit": (
        "before ready installed leaving arrived after booted-1",
        "before ready installed leaving arrived after booted-1",
    ),
    "ten boots": (
        "before " + " ".join(f"booted-{n}" for n in range(1, 12)) + " arrived",
        "before " + " ".join(f"booted-{n}" for n in range(1, 12)) + " arrived",
    ),
    "on-exit again after a boot": (
        "before arrived after booted-1 arrived after",
        "before booted-1 arrived after",
    ),
    "pre repeated: what came after it is void until seen again": (
        "before ready installed leaving booted-1 ready",
        "before booted-1 ready",
    ),
}


@pytest.mark.parametrize(("taken", "expected"), ORDERS.values(), ids=ORDERS)
def test_looks_are_ordered(taken, expected):
    names = taken.split()
    operation = fold(events(opened(), *map(SnapshotTaken, names)))
    looks = {name: Snapshot(name, "", Boot(), Kernel()) for name in names}
    found = in_order(operation, looks, with_last_known=False)
    assert [look.name for look in found] == expected.split()
