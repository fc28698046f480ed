"""The judgement of room, in bytes and inodes."""

from __future__ import annotations

import pytest
from support.looks import ends, look

from hookd.core.checks import node
from hookd.core.checks.disks import LEAST_FREE, disk_low
from hookd.core.checks.table import CHECKS
from hookd.core.model import Check, Outcome, Phase, Severity
from hookd.core.node import Disks, Space
from hookd.core.readings import Standing

MIB = 1 << 20
PASS, WARN, FAIL = Outcome.PASS, Outcome.WARN, Outcome.FAIL
UNKNOWN, SKIP = Outcome.UNKNOWN, Outcome.SKIP
WANTED = (
    "free: / 512 MiB (64 at least), /boot 64 MiB (16 at least), /var 256 MiB (32 at least), "
    "/var/lib/hookd 16 MiB, 1024 inodes"
)
REMEDY = CHECKS["disk.low"].remedy


def space(path, mib=600, inodes=5000, total_inodes=9000):
    return Space(path, mib * MIB, 1000 * MIB, inodes, total_inodes)


@pytest.mark.parametrize(
    ("disks", "expected"),
    [
        (Disks(spaces=(space("/"),)), (PASS, "enough", "")),
        (Disks(spaces=(space("/", 512),)), (PASS, "enough", "")),
        (Disks(spaces=(space("/", 511),)), (WARN, "/ 511 MiB free", "")),
        (Disks(spaces=(space("/", 64),)), (WARN, "/ 64 MiB free", "")),
        (Disks(spaces=(space("/", 63),)), (FAIL, "/ 63 MiB free", "")),
        (Disks(spaces=(space("/"), space("/boot", 64))), (PASS, "enough", "")),
        (Disks(spaces=(space("/"), space("/boot", 16))), (WARN, "/boot 16 MiB free", "")),
        (Disks(spaces=(space("/"), space("/boot", 15))), (FAIL, "/boot 15 MiB free", "")),
        (Disks(spaces=(space("/"), space("/var", 256))), (PASS, "enough", "")),
        (Disks(spaces=(space("/"), space("/var", 32))), (WARN, "/var 32 MiB free", "")),
        (Disks(spaces=(space("/"), space("/var", 31))), (FAIL, "/var 31 MiB free", "")),
        (
            Disks(spaces=(space("/"), space("/var", 3), space("/var/lib/hookd"))),
            (FAIL, "/var 3 MiB free", ""),
        ),
        (
            Disks(spaces=(space("/"), space("/var", 400), space("/var/lib/hookd", 16))),
            (PASS, "enough", ""),
        ),
        (
            Disks(spaces=(space("/"), space("/var/lib/hookd", 15))),
            (FAIL, "/var/lib/hookd 15 MiB free", ""),
        ),
        (
            Disks(spaces=(space("/", 100), space("/boot", 15))),
            (FAIL, "/ 100 MiB free, /boot 15 MiB free", ""),
        ),
        (Disks(spaces=(space("/", inodes=1023),)), (FAIL, "/ 1023 inodes free", "")),
        (
            Disks(spaces=(space("/"), space("/var", inodes=1023))),
            (FAIL, "/var 1023 inodes free", ""),
        ),
        (Disks(spaces=(space("/", inodes=0, total_inodes=0),)), (PASS, "enough", "")),
        (
            Disks(spaces=(space("/", 1, 2), space("/boot", 2))),
            (FAIL, "/ 1 MiB free, / 2 inodes free, /boot 2 MiB free", ""),
        ),
        (Disks(Standing.UNKNOWN, "/: it hung"), (UNKNOWN, "", "/: it hung")),
        (Disks(Standing.UNKNOWN, "/var: EIO", (space("/", 3),)), (FAIL, "/ 3 MiB free", "")),
        (Disks(Standing.UNKNOWN, "/var: EIO", (space("/", 90),)), (WARN, "/ 90 MiB free", "")),
        (Disks(Standing.ABSENT, "not looked at"), (SKIP, "", "not looked at")),
    ],
)
def test_the_room(disks, expected):
    check = disk_low(disks, {})
    assert (check.outcome, check.found, check.reason) == expected


def test_what_a_patch_run_may_need_and_is_not_there_is_no_more_than_a_warning():
    (little, none) = (Disks(spaces=(space("/", mib),)) for mib in (400, 4))
    assert disk_low(little, {}) == Check(
        "disk.low", WARN, Severity.WARN, WANTED, "/ 400 MiB free", remedy=REMEDY
    )
    assert disk_low(none, {}) == Check(
        "disk.low", FAIL, Severity.FAIL, WANTED, "/ 4 MiB free", remedy=REMEDY
    )
    found = [disk_low(one, {"disk.low": Severity.IGNORE}) for one in (little, none)]
    assert [(one.outcome, one.severity) for one in found] == [(WARN, Severity.IGNORE)] * 2


ROOM = Disks(spaces=(space("/"), space("/var", 900)))
FULL = Disks(spaces=(space("/"), space("/var", 3, 5)))


@pytest.mark.parametrize(
    ("before", "now", "expected"),
    [
        (ROOM, ROOM, (PASS, "enough", "enough")),
        (FULL, ROOM, (PASS, "enough", "/var 3 MiB free, /var 5 inodes free")),
        (ROOM, FULL, (FAIL, "/var 3 MiB free, /var 5 inodes free",
                      "/var 900 MiB free, /var 5000 inodes free")),
        (Disks(spaces=(space("/"),)), FULL, (FAIL, "/var 3 MiB free, /var 5 inodes free", "")),
        (Disks(Standing.UNKNOWN, "/boot: EIO", ROOM.spaces), ROOM, (PASS, "enough", "")),
        (Disks(Standing.ABSENT, "not looked at"), ROOM, (PASS, "enough", "")),
    ],
)  # fmt: skip
def test_the_room_of_before_is_told_as_far_as_it_is_known(before, now, expected):
    check = disk_low(now, {}, before)
    assert (check.outcome, check.found, check.before) == expected


def test_what_is_wanted_is_told():
    assert disk_low(ROOM, {}).expected == WANTED
    assert LEAST_FREE == {
        "/": 64 * MIB,
        "/boot": 16 * MIB,
        "/var": 32 * MIB,
        "/var/lib/hookd": 16 * MIB,
    }


@pytest.mark.parametrize("phase", [Phase.POST, Phase.ON_EXIT])
def test_the_room_of_the_first_look_is_that_of_before(phase):
    looks = (look("before", disks=ROOM), look("installed", disks=FULL))
    assert node.judged(ends(*looks), phase)[0] == disk_low(FULL, {}, ROOM)
    (only, *_) = node.judged(ends(look("installed", disks=FULL)), phase)
    assert only == disk_low(FULL, {})


def test_pre_tells_what_its_hooks_took():
    looks = (look("before", disks=ROOM), look("ready", disks=FULL))
    assert node.judged(ends(*looks), Phase.PRE) == [disk_low(FULL, {}, ROOM)]
