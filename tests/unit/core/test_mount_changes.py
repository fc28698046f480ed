"""What went, came or is mounted otherwise."""

from __future__ import annotations

import pytest
from support.looks import look, mount

from hookd.core.differences import MountChange
from hookd.core.mounts import changes

ROOT, DATA = mount("/", "/dev/xvda1", "xfs"), mount("/data")
RW, RO = "ext4 of /dev/nvme1n1, read-write", "ext4 of /dev/nvme1n1, read-only"


@pytest.mark.parametrize(
    ("before", "after", "ends"),
    [
        ([ROOT, DATA], [ROOT], (RW, "")),
        ([ROOT], [ROOT, DATA], ("", RW)),
        ([DATA], [mount("/data", is_read_only=True)], (RW, RO)),
        ([DATA], [mount("/data", "srv:/x", "nfs4")], (RW, "nfs4 of srv:/x, read-write")),
    ],
)
def test_a_change(before, after, ends):
    looks = (look("ready", mounts=before), look("installed", mounts=after))
    assert changes(looks) == (MountChange("/data", *ends, "ready..installed"),)


def test_nothing_changed():
    assert changes((look("before", mounts=[DATA]), look("after", mounts=[DATA]))) == ()


def test_a_failed_look_is_passed_over_and_one_at_boot_does_not_look():
    looks = (
        look("before", mounts=[DATA]),
        look("installed", mounts="fstab: too large"),
        look("booted-1"),
        look("arrived", mounts=[]),
    )
    assert changes(looks) == (MountChange("/data", RW, "", "before..arrived"),)
