"""The judgement of mounts."""

from __future__ import annotations

import pytest
from support.looks import BOOT_2, ends, look, mount

from hookd.core.checks.mounts import mounts_lost, unit_of
from hookd.core.ignore import Ignore
from hookd.core.model import Outcome
from hookd.core.node import Mounts

PASS, FAIL, UNKNOWN, SKIP = Outcome.PASS, Outcome.FAIL, Outcome.UNKNOWN, Outcome.SKIP
ROOT, DATA = mount("/", "/dev/xvda1"), mount("/data")
READ_ONLY = mount("/data", is_read_only=True)
BEFORE = look("before", mounts=[ROOT, DATA])
AS_BEFORE = (PASS, "it is")


def missing(*points, mounted=(ROOT, DATA)):
    return Mounts(mounted=mounted, missing=points)


def told(*looks, **more):
    check = mounts_lost(ends(*looks, **more))
    return check.outcome, check.found


@pytest.mark.parametrize(
    ("before", "now", "expected"),
    [
        ([ROOT, DATA], [ROOT, DATA], AS_BEFORE),
        ([ROOT], [ROOT, DATA], AS_BEFORE),
        ([ROOT, DATA], [ROOT], (FAIL, "/data is not mounted")),
        ([ROOT, DATA], missing("/data", mounted=(ROOT,)), (FAIL, "/data is not mounted")),
        ([DATA], [READ_ONLY], (FAIL, "/data is read-only")),
        ([READ_ONLY], [READ_ONLY], AS_BEFORE),
        ([READ_ONLY], [DATA], AS_BEFORE),
        ([DATA], [mount("/data", "/dev/nvme2n1")], AS_BEFORE),
        (missing("/srv"), missing("/srv"), AS_BEFORE),
        (missing(), missing("/srv"), (FAIL, "/srv of /etc/fstab is not mounted")),
    ],
)
def test_what_is_lost(before, now, expected):
    assert told(look("before", mounts=before), look("after", mounts=now)) == expected


def test_before_and_expected_are_told():
    check = mounts_lost(
        ends(look("before", mounts=[DATA]), look("after", mounts=missing("/srv", mounted=())))
    )
    before = "/data ext4 of /dev/nvme1n1, read-write, /srv not mounted"
    assert (check.before, check.expected) == (before, "what was mounted is, as before")


def test_it_says_when_hooks_may_have_done_it():
    looks = (BEFORE, look("arrived", mounts=[ROOT, DATA]), look("after", mounts=[ROOT]))
    assert told(*looks) == (FAIL, "/data is not mounted (since arrived..after)")


def test_what_the_admin_ignores_is_not_counted():
    before = look("before", mounts=[DATA, mount("/mnt/scratch0")])
    found = told(before, look("after", mounts=[]), ignore=Ignore(mounts=("/mnt/scratch*",)))
    assert found == (FAIL, "/data is not mounted")


def test_what_a_hook_of_pre_unmounted_is_left_out_while_it_may_be_put_back():
    looks = (BEFORE, look("ready", mounts=[ROOT]), look("arrived", mounts=[ROOT]))
    left_out = (PASS, "it is, but for what pre's hooks unmounted: /data")
    assert told(*looks, is_final=False) == left_out
    said = "/data is not mounted (a hook of pre did it, nothing has undone it)"
    assert told(*looks) == (FAIL, said)


def test_a_boot_mounts_it_again():
    looks = (BEFORE, look("ready", mounts=[ROOT]), look("arrived", boot=BOOT_2, mounts=[ROOT]))
    found = told(*looks, is_final=False)
    assert found == (FAIL, "/data is not mounted (since before..ready)")


@pytest.mark.parametrize(
    ("looks", "outcome", "reason"),
    [
        ((look("before"), look("after", mounts=[])), SKIP, "not looked at"),
        ((BEFORE, look("after", mounts="fstab: too large")), UNKNOWN, "after: fstab: too large"),
        ((look("before", mounts="it hung"), BEFORE), UNKNOWN, "before: it hung"),
    ],
)
def test_where_there_is_nothing_to_compare(looks, outcome, reason):
    check = mounts_lost(ends(*looks))
    assert (check.outcome, check.reason) == (outcome, reason)


@pytest.mark.parametrize(
    ("point", "name"),
    [  # as systemd-escape --path --suffix=mount prints
        ("/", "-.mount"),
        ("/data", "data.mount"),
        ("/srv/my-data", "srv-my\\x2ddata.mount"),
        ("/.hidden/a.b", "\\x2ehidden-a.b.mount"),
        ("/mnt/a b", "mnt-a\\x20b.mount"),
        ("/mnt/ü", "mnt-\\xc3\\xbc.mount"),
    ],
)
def test_the_unit_of_a_mount_point(point, name):
    assert unit_of(point) == name
