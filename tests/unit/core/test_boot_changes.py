"""The boots of an operation: how many, when, what crashes left, and which of them were ordered."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hookd.core.boots import boot_change, crashes, ordered, utc_text
from hookd.core.model import BootChange, Changes, PackageAction, PackageChange
from hookd.core.node import Crashes, Node
from hookd.core.readings import Boot, Kernel, Standing, WentDown
from hookd.core.snapshot import Snapshot

T = 1795500000
T0, T1, T2, T3 = (float(T + 100 * n) for n in range(4))
AT = ("2026-11-24T06:00:00Z", "2026-11-24T06:01:40Z", "2026-11-24T06:03:20Z")


def look(name, boot_id="one", *, btime=0, boots=(), clean=None, left=None, standing=Standing.OK):
    down = WentDown(clean=clean, boots=boots)
    found = Node() if left is None else Node(crashes=Crashes(standing, files=left))
    return Snapshot(name, "", Boot(boot_id=boot_id, btime=btime, before=down), Kernel(), node=found)


def count(*looks):
    found = boot_change(looks)
    return found.rebooted, found.boots, found.booted_at


COUNTS = {
    "none": ((look("a", boots=(T0,)), look("b", boots=(T0,))), (False, 0, ())),
    "one that both tell of": (
        (look("a", boots=(T0,)), look("b", "two", btime=T + 99, boots=(T0, T1))),
        (True, 1, AT[1:2]),
    ),
    "one that the records miss": (
        (look("a", boots=(T0,)), look("b", "two", btime=T + 100, boots=(T0,))),
        (True, 1, AT[1:2]),
    ),
    "one, and nobody kept records": (
        (look("a"), look("b", "two", btime=T + 100), look("c", "two", btime=T + 101)),
        (True, 1, AT[1:2]),
    ),
    "two more than any look saw": (
        (look("a", boots=(T0,)), look("b", "two", btime=T + 300, boots=(T0, T1, T2, T3))),
        (True, 3, (*AT[1:], "2026-11-24T06:05:00Z")),
    ),
    "records that were begun anew": (
        (look("a", boots=(T0,)), look("b", "two", btime=T + 200, boots=(T1, T2))),
        (True, 1, AT[2:3]),
    ),
    "a soft reboot is none": (
        (look("a", boots=(T0,)), look("b", boots=(T0, T1))),
        (False, 0, ()),
    ),
    "boots before the first look": (
        (look("a", boots=(T0, T1)), look("b", "two", btime=T + 200, boots=(T0, T1, T2))),
        (True, 1, AT[2:3]),
    ),
    "no ids": ((look("a", ""), look("b", "", boots=(T0, T1))), (None, 0, ())),
}


@pytest.mark.parametrize(("looks", "expected"), COUNTS.values(), ids=COUNTS)
def test_boots_are_counted_by_looks_and_by_records(looks, expected):
    assert count(*looks) == expected


@pytest.mark.parametrize(
    ("epoch_s", "expected"), [(0, ""), (T, AT[0]), (1e30, ""), (-1e30, ""), (float("nan"), "")]
)
def test_a_time_is_utc_or_nothing(epoch_s, expected):
    assert utc_text(epoch_s) == expected


# -- what crashes left -------------------------------------------------------------------------

PSTORE, KEPT = "/sys/fs/pstore/dmesg-efi-1", "/var/lib/systemd/pstore/7178"
DUMP = "/var/crash/127.0.0.1-2026-11-24-06:01:02"
LEFT = {
    "nothing": (((), ()), {}),
    "a dump": (((), (DUMP,)), {DUMP: AT[1]}),
    "one of before and one that came": (((KEPT,), (KEPT, DUMP)), {DUMP: AT[1]}),
    "in pstore": (((), (PSTORE,)), {PSTORE: AT[1]}),
    "from pstore to its keeper": (((), (KEPT,)), {KEPT: AT[1]}),
    "one of before that its keeper took": (((PSTORE,), (KEPT,)), {}),
}


@pytest.mark.parametrize(("left", "expected"), LEFT.values(), ids=LEFT)
def test_what_came_by_a_boot_is_of_a_crash(left, expected):
    before, after = left
    looks = look("before", left=before), look("arrived", "two", btime=T + 100, left=after)
    assert crashes(looks) == expected
    assert boot_change(looks).crashes == tuple(expected)


def test_the_boot_that_showed_it_first_is_named():
    looks = (
        look("before", left=()),
        look("booted-1", "two", btime=T + 100),
        look("booted-2", "three", btime=T + 200, left=(DUMP,)),
        look("arrived", "three", btime=T + 200, left=(DUMP,)),
    )
    assert crashes(looks) == {DUMP: AT[2]}


@pytest.mark.parametrize(
    "looks",
    [
        (look("before", left=()), look("after", left=(DUMP,))),
        (look("before"), look("after", "two", left=(DUMP,))),
        (look("before", left=(), standing=Standing.UNKNOWN), look("after", "two", left=(DUMP,))),
        (look("before", "", left=()), look("after", "two", left=(DUMP,))),
    ],
    ids=[
        "it did not boot",
        "nobody looked before",
        "nobody could look before",
        "nobody knows whether it booted",
    ],
)
def test_what_may_have_been_there_is_of_no_crash(looks):
    assert crashes(looks) == {}


# -- who ordered them --------------------------------------------------------------------------

RUN = "the patch run's"
NAMES = ("before", "ready", "installed", "leaving", "booted-1", "arrived", "after")


def booted(*boundaries, clean=None):
    """Looks of which those named begin another boot."""
    number, found = 0, []
    for name in NAMES:
        number += name in boundaries
        found.append(look(name, f"boot-{number}", clean=clean if number else None))
    return found


def changed(between):
    change = PackageChange("bash", "x86_64", PackageAction.UPDATED, ("1",), ("2",), between, ())
    return Changes((change,), boot=BootChange())


ORDERED = {
    "one patch run": (booted("booted-1"), changed("ready..installed"), (RUN,)),
    "nothing but looks of on-exit": (booted()[-2:], Changes(), (RUN,)),
    "a boot that pre asked for": (
        booted("ready", "booted-1"),
        changed("ready..installed"),
        ("one before post", RUN),
    ),
    "a shutdown in the middle of the installation": (
        booted("installed", clean=True),
        Changes(),
        ("one before post", RUN),
    ),
    "a crash in the middle of the installation": (
        booted("installed", clean=False),
        Changes(),
        (RUN,),
    ),
    "a second installation": (
        booted("booted-1"),
        changed("leaving..booted-1"),
        (RUN, "the second installation's"),
    ),
    "a second installation after the boot": (
        booted("booted-1"),
        changed("booted-1..arrived"),
        (RUN, "the second installation's"),
    ),
}


@pytest.mark.parametrize(("looks", "changes", "expected"), ORDERED.values(), ids=ORDERED)
def test_who_may_have_ordered_a_boot(looks, changes, expected):
    assert ordered(looks, changes, is_scheduled=False) == expected
    assert ordered(looks, changes, is_scheduled=True) == (*expected, "the scheduled one")


def test_a_post_that_never_came_ordered_none():
    looks = [one for one in booted("ready") if one.name not in ("installed", "leaving")]
    assert ordered(looks, Changes(), is_scheduled=False) == (RUN,)


def test_an_unread_boot_id_in_the_middle_is_no_boot():
    looks = booted("booted-1")
    garbled = replace(looks[3], boot=Boot(Standing.UNKNOWN, "boot_id is garbled"))
    assert count(*looks[:3], garbled, *looks[4:]) == (True, 1, ())
