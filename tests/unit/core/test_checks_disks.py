"""The judgement of room, in bytes and inodes."""

from __future__ import annotations

import pytest

from hookd.core.checks.disks import LEAST_FREE, disk_low
from hookd.core.model import Outcome
from hookd.core.node import Disks, Space
from hookd.core.readings import Standing

MIB = 1 << 20
PASS, FAIL, UNKNOWN, SKIP = Outcome.PASS, Outcome.FAIL, Outcome.UNKNOWN, Outcome.SKIP


def space(path, mib=100, inodes=5000, total_inodes=9000):
    return Space(path, mib * MIB, 1000 * MIB, inodes, total_inodes)


@pytest.mark.parametrize(
    ("disks", "expected"),
    [
        (Disks(spaces=(space("/"),)), (PASS, "enough", "")),
        (Disks(spaces=(space("/"), space("/boot", 16))), (PASS, "enough", "")),
        (Disks(spaces=(space("/"), space("/boot", 15))), (FAIL, "/boot 15 MiB free", "")),
        (Disks(spaces=(space("/", 3),)), (FAIL, "/ 3 MiB free", "")),
        (Disks(spaces=(space("/"), space("/var", 3))), (FAIL, "/var 3 MiB free", "")),
        (
            Disks(spaces=(space("/"), space("/var", 3), space("/var/lib/hookd"))),
            (PASS, "enough", ""),  # patching writes to none that is asked about
        ),
        (Disks(spaces=(space("/", inodes=1023),)), (FAIL, "/ 1023 inodes free", "")),
        (Disks(spaces=(space("/", inodes=0, total_inodes=0),)), (PASS, "enough", "")),
        (
            Disks(spaces=(space("/", 1, 2), space("/boot", 2))),
            (FAIL, "/ 1 MiB free, /boot 2 MiB free, / 2 inodes free", ""),
        ),
        (Disks(Standing.UNKNOWN, "/: it hung"), (UNKNOWN, "", "/: it hung")),
        (Disks(Standing.UNKNOWN, "/var: EIO", (space("/", 3),)), (FAIL, "/ 3 MiB free", "")),
        (Disks(Standing.ABSENT, "not looked at"), (SKIP, "", "not looked at")),
    ],
)
def test_the_room(disks, expected):
    check = disk_low(disks, {})
    assert (check.outcome, check.found, check.reason) == expected


def test_what_is_wanted_is_told():
    wanted = "free: / 16 MiB, /boot 16 MiB, /var/lib/hookd 16 MiB, 1024 inodes"
    assert disk_low(Disks(spaces=(space("/"),)), {}).expected == wanted
    assert set(LEAST_FREE.values()) == {16 * MIB}
