"""Copies of hooks below another root: what trust looks at is as it was."""

from __future__ import annotations

import os

import pytest

from hookd.rehearsal.mirror import Mirror


@pytest.fixture
def there(tmp_path):
    """Return a tree of hooks, a link out of it, and what that leads to."""
    place = tmp_path / "there"
    (place / "hooks.d/pre").mkdir(parents=True)
    (place / "opt").mkdir()
    (place / "opt/leave").write_text("#!/bin/sh\n")
    (place / "opt/leave").chmod(0o755)
    hook = place / "hooks.d/pre/10-note"
    hook.write_text("#!/bin/sh\necho note\n")
    hook.chmod(0o750)
    (place / "hooks.d/pre").chmod(0o770)
    (place / "hooks.d/pre/30-leave").symlink_to(place / "opt/leave")
    (place / "hooks.d/pre/40-masked").symlink_to("/dev/null")
    (place / "hooks.d/pre/50-lost").symlink_to("gone")
    os.mkfifo(str(place / "hooks.d/pre/60-fifo"))
    return place


@pytest.fixture
def copies(there, tmp_path):
    """Return where the copy of `there` stands."""
    root = tmp_path / "root"
    root.mkdir()
    mirror = Mirror(str(root))
    mirror.tree(str(there / "hooks.d"))
    assert mirror.unowned == set()
    return root / str(there).lstrip("/")


def test_files_and_directories_keep_their_contents_and_modes(there, copies):
    hook = copies / "hooks.d/pre/10-note"

    assert hook.read_text() == "#!/bin/sh\necho note\n"
    assert hook.stat().st_mode == (there / "hooks.d/pre/10-note").stat().st_mode
    assert (copies / "hooks.d/pre").stat().st_mode & 0o777 == 0o770


def test_links_stay_links_and_what_they_lead_to_comes_along(there, copies):
    pre = copies / "hooks.d/pre"
    links = {name: os.readlink(str(pre / name)) for name in ("30-leave", "40-masked", "50-lost")}

    assert links == {
        "30-leave": str(there / "opt/leave"),
        "40-masked": "/dev/null",
        "50-lost": "gone",
    }
    assert (copies / "opt/leave").stat().st_mode & 0o777 == 0o755


def test_what_is_no_file_is_copied_as_what_it_is(copies):
    assert (copies / "hooks.d/pre/60-fifo").is_fifo()


def test_a_loop_of_links_ends(tmp_path):
    root = tmp_path / "root"
    root.mkdir()
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")

    Mirror(str(root)).tree(str(tmp_path / "a"))

    assert os.readlink(f"{root}{tmp_path}/a") == "b"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_owners_are_kept(there, tmp_path):
    os.chown(str(there / "hooks.d/pre/10-note"), 1234, 4321)
    (tmp_path / "root").mkdir()
    Mirror(str(tmp_path / "root")).tree(str(there / "hooks.d"))
    found = os.stat(f"{tmp_path}/root{there}/hooks.d/pre/10-note")

    assert (found.st_uid, found.st_gid) == (1234, 4321)
