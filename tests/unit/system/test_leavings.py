"""Files that a package manager put beside the admin's, below the /etc of a root."""

from __future__ import annotations

import os

import pytest

from hookd.core.node import Leavings
from hookd.core.readings import Standing
from hookd.system import leavings
from hookd.system.root import Root

ENDINGS = [
    *(".rpmnew", ".rpmsave", ".rpmorig"),
    *(".dpkg-dist", ".dpkg-new", ".dpkg-old"),
    *(".ucf-dist", ".ucf-new"),
]


@pytest.fixture(name="put")
def _put(tmp_path):
    def put(*names):
        for name in names:
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("")

    return put


@pytest.fixture(name="look")
def _look(tmp_path):
    return lambda: leavings.read(Root(str(tmp_path)))


@pytest.mark.parametrize("ending", ENDINGS)
def test_each_ending_is_known(put, look, ending):
    put("etc/passwd", f"etc/passwd{ending}", f"etc/passwd{ending}.bak", f"etc/a{ending}x")
    assert look() == Leavings(files=(f"/etc/passwd{ending}",))


def test_they_are_found_at_any_depth_and_sorted(put, look):
    put("etc/z.rpmnew", "etc/a/b/c/d.rpmsave", "etc/a.dpkg-old", "usr/lib/x.rpmnew")
    assert look() == Leavings(files=("/etc/a.dpkg-old", "/etc/a/b/c/d.rpmsave", "/etc/z.rpmnew"))


def test_a_link_is_told_and_not_followed(put, look, tmp_path):
    put("elsewhere/a.rpmnew", "etc/b")
    os.symlink("../elsewhere", str(tmp_path / "etc/d"))
    os.symlink(".", str(tmp_path / "etc/loop"))
    os.symlink("b", str(tmp_path / "etc/b.rpmsave"))
    assert look() == Leavings(files=("/etc/b.rpmsave",))


def test_a_directory_that_was_put_aside_is_told(put, look):
    put("etc/conf.d.rpmsave/a.conf")
    assert look() == Leavings(files=("/etc/conf.d.rpmsave",))


def test_hostile_names_can_be_printed(put, look, tmp_path):
    put("etc/passwd")
    for name in (b"\xff.rpmnew", b"\x1b[31m.rpmnew", b"a\nb.rpmnew", "\u202e.rpmnew".encode()):
        with open(os.fsencode(str(tmp_path)) + b"/etc/" + name, "wb"):
            pass
    assert look().files == (
        "/etc/\\u202e.rpmnew",
        "/etc/\\x1b[31m.rpmnew",
        "/etc/\\xff.rpmnew",
        "/etc/a\\nb.rpmnew",
    )


def test_more_names_than_can_be_told_are_not_all(put, look):
    put(*(f"etc/{number:04}.rpmnew" for number in range(1001)))
    expected = tuple(f"/etc/{number:04}.rpmnew" for number in range(1000))
    assert look() == Leavings(files=expected, is_whole=False)


@pytest.mark.parametrize(("most", "is_whole"), [(4, True), (3, False)])
def test_a_walk_that_is_cut_off_says_so(put, tmp_path, most, is_whole):
    put("etc/a", "etc/b", "etc/c/d")
    walk = leavings._Walk(os.stat(str(tmp_path)).st_dev, most=most)
    assert walk.below(str(tmp_path / "etc")).is_whole is is_whole


def test_another_file_system_is_not_entered(put, tmp_path):
    put("etc/d/a.rpmnew", "etc/b.rpmnew")
    walk = leavings._Walk(os.stat(str(tmp_path)).st_dev + 1, most=100)
    assert walk.below(str(tmp_path / "etc")) == Leavings(files=("/etc/b.rpmnew",))


def test_a_path_that_is_too_long_to_open_is_not_all(look, tmp_path):
    here = os.open(str(tmp_path), os.O_RDONLY)
    for name in ("etc", *["d" * 250] * 18):  # PATH_MAX is 4096
        os.mkdir(name, dir_fd=here)
        below = os.open(name, os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = below
    os.close(here)
    assert look() == Leavings(is_whole=False)


def test_without_etc_there_is_nothing_to_look_at(look):
    assert look() == Leavings(Standing.ABSENT, "/etc does not exist")


def test_a_link_out_of_the_root_stays_in_it(put, look, tmp_path):
    put("real/a.rpmnew")
    os.symlink("/real", str(tmp_path / "etc"))
    assert look() == Leavings(files=("/etc/a.rpmnew",))


def test_a_loop_is_unknown_or_absent_and_never_raised(look, tmp_path):
    os.symlink("etc", str(tmp_path / "etc"))
    assert not look().is_ok
