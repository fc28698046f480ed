"""The room on the file systems that an update writes to."""

from __future__ import annotations

import os

from hookd.core.readings import Standing
from hookd.system import disks
from hookd.system.root import Root


def test_one_file_system_is_told_once_by_its_first_place(tmp_path):
    for place in ("boot", "var/lib/hookd"):
        (tmp_path / place).mkdir(parents=True)
    found = os.statvfs(str(tmp_path))
    got = disks.read(Root(str(tmp_path)))
    (space,) = got.spaces
    assert (got.standing, space.path) == (Standing.OK, "/")
    assert (space.total_bytes, space.total_inodes) == (
        found.f_blocks * found.f_frsize,
        found.f_files,
    )
    # others write here at the same time
    assert abs(space.free_bytes - found.f_bavail * found.f_frsize) < 1 << 29
    assert abs(space.free_inodes - found.f_favail) < 1 << 20


def test_no_two_rows_are_of_the_same_file_system():
    rows = disks.read(Root("/")).spaces
    devices = [os.stat(row.path).st_dev for row in rows]
    assert (rows[0].path, len(devices)) == ("/", len(set(devices)))


def test_what_does_not_exist_is_left_out_and_what_cannot_be_reached_is_told(tmp_path):
    (tmp_path / "boot").symlink_to("boot")
    (tmp_path / "var").write_text("no directory")
    found = disks.read(Root(str(tmp_path)))
    assert [space.path for space in found.spaces] == ["/"]
    assert (found.standing, found.reason) == (Standing.UNKNOWN, "/boot: File name too long")
