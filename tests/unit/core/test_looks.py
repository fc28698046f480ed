"""The looks of an operation: their order, and from where it is known that nothing changed."""

from __future__ import annotations

from support.journals import BOOT_1, folded, opened

from hookd.core.journal import SnapshotTaken
from hookd.core.looks import LAST_KNOWN, in_order, looks_before, packages_changed
from hookd.core.readings import Boot, Kernel, PackageSet
from hookd.core.snapshot import Snapshot


def look(name, evr="1-1"):
    packages = PackageSet(installed={"bash.x86_64": ((evr, 1),)})
    return Snapshot(name, name, Boot(boot_id=BOOT_1), Kernel(), (packages,))


def in_row(*names):
    operation = folded(opened(), *(SnapshotTaken(name) for name in names))
    return operation, {name: look(name) for name in names}


def test_looks_are_in_the_order_of_an_operations_life():
    operation, found = in_row("before", "ready", "booted-2", "booted-10", "arrived")
    names = [one.name for one in in_order(operation, found, with_last_known=True)]
    assert names == ["before", "ready", "booted-2", "booted-10", "arrived"]


def test_the_last_known_state_comes_first_where_it_counts():
    operation, found = in_row("arrived", LAST_KNOWN)
    orders = [
        [one.name for one in in_order(operation, found, with_last_known=known)]
        for known in (True, False)
    ]
    assert orders == [[LAST_KNOWN, "arrived"], ["arrived"]]


def test_what_was_seen_after_a_look_that_was_taken_again_is_void():
    operation, found = in_row("before", "ready", "installed", "leaving", "installed")
    names = [one.name for one in in_order(operation, found, with_last_known=False)]
    assert names == ["before", "ready", "installed"]


def test_logs_are_read_on_from_the_look_before():
    operation, found = in_row("before", "ready", "installed", "leaving")
    assert [one.name for one in looks_before(operation, found, "installed")] == ["before", "ready"]
    assert looks_before(operation, found, "before") == ()


def test_a_name_that_nobody_gave_comes_last():
    operation, found = in_row("booted-\u00b2", "after", "lunch")
    names = [one.name for one in in_order(operation, found, with_last_known=False)]
    assert names == ["booted-\u00b2", "after", "lunch"]


def test_that_nothing_changed_is_known_from_before_anything_only():
    found = [
        packages_changed([look(first), look("after", evr)])
        for first in ("before", LAST_KNOWN, "ready", "installed")
        for evr in ("1-1", "1-2")
    ]
    assert found == [False, True, False, True, None, True, None, True]


def test_one_look_or_none_tells_of_no_change():
    assert packages_changed([]) is None
    assert packages_changed([look("before")]) is None
