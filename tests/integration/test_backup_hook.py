"""The hook that backs up configuration: what its documented command restores is what there was."""

from __future__ import annotations

import hashlib
import os
import re
import shlex
import signal
import stat
import subprocess
import time

import pytest
from support.fakeroot import FakeRoot, hooks_of, is_root
from support.shipped import HOOKS, OPERATION, Alone, as_vendor, configure, executable

BACKUP = "pre/20-backup-config"
ARCHIVE = f"/var/backups/hookd/config-{OPERATION}.tar.gz"


def restore(archive, to):
    """Restore as the header of the hook says, into another directory than /."""
    text = (HOOKS / BACKUP).read_text()
    [command] = re.findall(r"^# +(tar --extract .*?)\[PATH", text, re.MULTILINE | re.DOTALL)
    words = shlex.split(command.replace("#", "").replace("\\\n", " "))
    there = {"ARCHIVE": str(archive), "/": str(to)}
    done = subprocess.run(
        [there.get(word, word) for word in words], stderr=subprocess.PIPE, check=False, text=True
    )
    # a tar without SELinux says so
    assert done.returncode == 0, done.stderr


def tree(top):
    """Return everything below `top` that a restored file has to have."""
    found = {}
    for folder, folders, files in os.walk(str(top)):
        for name in folders + files:
            path = os.path.join(folder, name)
            status = os.lstat(path)
            extended = {
                key: os.getxattr(path, key, follow_symlinks=False)
                for key in os.listxattr(path, follow_symlinks=False)
            }
            found[os.path.relpath(path, str(top))] = (
                oct(status.st_mode),
                (status.st_uid, status.st_gid),
                int(status.st_mtime),
                os.readlink(path) if os.path.islink(path) else "",
                _contents(path) if stat.S_ISREG(status.st_mode) else b"",
                extended,
            )
    return found


def _contents(path):
    with open(path, "rb") as file:
        return file.read()


def fill(root):
    """Make a configuration with all that a file can have."""
    etc = root / "etc"
    (etc / "app/deep").mkdir(parents=True)
    (etc / "app/app.conf").write_text("port = 80\n")
    (etc / "app/deep/secret key").write_bytes(b"\0\xff")
    (etc / "app/deep/secret key").chmod(0o600)
    (etc / "app/run-me").write_text("#!/bin/sh\n")
    (etc / "app/run-me").chmod(0o4755)
    (etc / "app/link").symlink_to("deep/secret key")
    (etc / "app/-dash").write_text("")
    (etc / "other.conf").write_text("x\n")
    os.setxattr(str(etc / "app/app.conf"), "user.origin", b"by hand")
    if is_root():
        os.chown(str(etc / "app/app.conf"), 1234, 4321)
        os.setxattr(str(etc / "app/run-me"), "trusted.checked", b"1")
    subprocess.run(["setfacl", "-m", "u:1234:r", str(etc / "app/deep")], check=True)
    os.utime(str(etc / "app/app.conf"), (1_600_000_000, 1_600_000_000))


@pytest.fixture
def alone(tmp_path):
    made = Alone(tmp_path)
    fill(made.root)
    return made


def kept(alone, name="config-*.tar.gz"):
    return sorted(path.name for path in (alone.root / "var/backups/hookd").glob(name))


def test_what_is_restored_is_what_there_was(alone, tmp_path):
    done = alone.run(BACKUP, BACKUP_PATHS="/etc/app /etc/*.conf")
    archive = alone.root / ARCHIVE[1:]
    again = tmp_path / "again"
    again.mkdir()
    restore(archive, again)

    assert done.code == 0, done.reason
    assert tree(again / "etc/app") == tree(alone.root / "etc/app")
    assert sorted(path.name for path in (again / "etc").iterdir()) == ["app", "other.conf"]
    assert done.outputs == {
        "backup": ARCHIVE,
        "backup_sha256": hashlib.sha256(archive.read_bytes()).hexdigest(),
        "backup_files": "8",
    }
    modes = [oct(path.stat().st_mode & 0o7777) for path in (archive, archive.parent)]
    assert modes == ["0o600", "0o700"]
    assert kept(alone, "*") == kept(alone)


def test_paths_with_blanks_stand_in_lines_of_their_own(alone):
    done = alone.run(BACKUP, BACKUP_PATHS="/etc/app/deep/secret key\n/etc/other.conf\n")

    assert (done.code, done.outputs["backup_files"]) == (0, "2")


def test_what_is_excluded_is_left_out_and_so_are_the_backups(alone):
    (alone.root / "var/backups/hookd").mkdir(parents=True)
    (alone.root / "var/backups/hookd/old").write_text("")
    (alone.root / "var/log").mkdir()

    done = alone.run(BACKUP, BACKUP_PATHS="/etc /var", BACKUP_EXCLUDE="/etc/app/* /var/log")

    assert done.code == 0, done.reason
    listed = subprocess.run(
        ["tar", "-tzf", str(alone.root / ARCHIVE[1:])],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    assert sorted(listed.stdout.split()) == [
        "etc/",
        "etc/app/",
        "etc/other.conf",
        "var/",
        "var/backups/",
    ]


def test_what_is_excluded_needs_no_room(alone):
    (alone.root / "etc/big").mkdir()
    (alone.root / "etc/big/data").write_bytes(bytes(3 << 20))
    executable(alone.bin / "df", "#!/bin/sh\nprintf 'Avail\\n   66\\n'\n")

    without = alone.run(BACKUP, BACKUP_PATHS="/etc")
    done = alone.run(BACKUP, BACKUP_PATHS="/etc", BACKUP_EXCLUDE="/etc/big/\n")

    assert (without.code, done.code) == (1, 0), done.reason
    assert int(done.outputs["backup_files"]) == 9


def test_a_second_call_keeps_the_first_archive(alone):
    first = alone.run(BACKUP, BACKUP_PATHS="/etc/app")
    (alone.root / "etc/app/app.conf").write_text("broken by the patch\n")

    second = alone.run(BACKUP, BACKUP_PATHS="/etc/app")

    assert second == first


@pytest.mark.parametrize(
    ("settings", "stays"),
    [
        ({}, ["config-20260101T000000Z-old1.tar.gz", "config-20260102T000000Z-old2.tar.gz"]),
        ({"KEEP": 2}, ["config-20260102T000000Z-old2.tar.gz"]),
        ({"KEEP": 1}, []),
        ({"KEEP_DAYS": 5}, ["config-20260102T000000Z-old2.tar.gz"]),
    ],
)
def test_old_archives_go_and_nothing_else_does(alone, settings, stays):
    folder = alone.root / "var/backups/hookd"
    folder.mkdir(parents=True)
    for name, days in (("20260101T000000Z-old1", 10), ("20260102T000000Z-old2", 3)):
        (folder / f"config-{name}.tar.gz").write_text("")
        then = time.time() - days * 86400
        os.utime(str(folder / f"config-{name}.tar.gz"), (then, then))
    (folder / "mine.tar.gz").write_text("")
    (folder / ".partial.tar.gz").write_text("left by a power cut")

    assert alone.run(BACKUP, BACKUP_PATHS="/etc/app", **settings).code == 0

    assert kept(alone) == [*stays, f"config-{OPERATION}.tar.gz"]
    assert (folder / "mine.tar.gz").exists()
    assert not (folder / ".partial.tar.gz").exists()


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"BACKUP_PATHS": "/etc/app /etc/gone"}, "BACKUP_PATHS: nothing is there: /etc/gone"),
        ({"BACKUP_PATHS": "/etc/*.gone"}, "BACKUP_PATHS: nothing is there: /etc/*.gone"),
        ({"BACKUP_PATHS": "/"}, "BACKUP_PATHS: no absolute path below /: /"),
        ({"BACKUP_PATHS": "/.."}, "BACKUP_PATHS: no absolute path below /: /.."),
        ({"BACKUP_PATHS": "/etc/../.."}, "BACKUP_PATHS: no absolute path below /: /etc/../.."),
        ({"BACKUP_PATHS": "$(reboot)"}, "BACKUP_PATHS: no absolute path below /: $(reboot)"),
        ({"BACKUP_PATHS": "/etc/app", "KEEP": "0"}, "KEEP is no number: 0"),
        (
            {"BACKUP_PATHS": "/etc/app", "BACKUP_DIR": "here"},
            "BACKUP_DIR: no absolute path below /: here",
        ),
        (
            {"BACKUP_PATHS": "/etc/app", "BACKUP_DIR": "/"},
            "BACKUP_DIR: no absolute path below /: /",
        ),
        (
            {"BACKUP_PATHS": "/etc/app", "BACKUP_DIR": "/etc/../.."},
            "BACKUP_DIR: no absolute path below /: /etc/../..",
        ),
        (
            {"BACKUP_PATHS": "/etc/gone", "ALLOW_MISSING": "yes"},
            "ALLOW_MISSING is neither true nor false: yes",
        ),
    ],
)
def test_what_cannot_be_kept_as_asked_for_stops_pre(alone, settings, reason):
    done = alone.run(BACKUP, **settings)

    assert (done.code, done.reason, kept(alone, "*")) == (1, reason, [])


def test_a_path_that_may_be_missing_is_passed_over(alone):
    done = alone.run(BACKUP, BACKUP_PATHS="/etc/gone /etc/other.conf", ALLOW_MISSING="true")

    assert (done.code, done.outputs["backup_files"]) == (0, "1")


def test_a_link_in_place_of_the_directory_is_not_followed(alone, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (alone.root / "var/backups").mkdir(parents=True)
    (alone.root / "var/backups/hookd").symlink_to(tmp_path / "elsewhere")

    assert alone.run(BACKUP, BACKUP_PATHS="/etc/app").code == 1
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_a_directory_that_is_there_is_used_as_it_is(alone):
    folder = alone.root / "srv"
    folder.mkdir()
    folder.chmod(0o755)

    done = alone.run(BACKUP, BACKUP_PATHS="/etc/app", BACKUP_DIR="/srv/")

    assert (done.code, done.outputs["backup"]) == (0, f"/srv/config-{OPERATION}.tar.gz")
    assert oct(folder.stat().st_mode & 0o7777) == "0o755"


@pytest.mark.parametrize("mode", [0o770, 0o702, 0o1777])
def test_a_directory_that_others_may_write_to_is_not_used(alone, mode):
    folder = alone.root / "srv"
    folder.mkdir()
    folder.chmod(mode)

    done = alone.run(BACKUP, BACKUP_PATHS="/etc/app", BACKUP_DIR="/srv")

    assert (done.code, done.reason) == (1, "BACKUP_DIR: others may write there: /srv")
    assert (oct(folder.stat().st_mode & 0o7777), [*folder.iterdir()]) == (oct(mode), [])


def test_an_archive_is_kept_that_a_wrong_clock_makes_an_old_one(alone):
    folder = alone.root / "var/backups/hookd"
    folder.mkdir(parents=True)
    (folder / "config-20990101T000000Z-next.tar.gz").write_text("")

    done = alone.run(BACKUP, BACKUP_PATHS="/etc/app", KEEP=1)

    assert done.code == 0, done.reason
    assert kept(alone) == [f"config-{OPERATION}.tar.gz", "config-20990101T000000Z-next.tar.gz"]


def test_without_room_nothing_is_begun(alone):
    executable(alone.bin / "df", "#!/bin/sh\nprintf 'Avail\\n   64\\n'\n")

    done = alone.run(BACKUP, BACKUP_PATHS="/etc/app")

    assert done.code == 1
    assert done.reason.startswith("no room: up to ")
    assert kept(alone, "*") == []


def test_one_that_is_ended_half_way_leaves_no_archive(alone):
    executable(
        alone.bin / "tar", '#!/bin/sh\ncase $* in *"/dev/null"*) exit;; esac\n: >"$4"; sleep 60\n'
    )
    backing = alone.start(BACKUP, BACKUP_PATHS="/etc/app")
    until = time.monotonic() + 20
    while not kept(alone, ".*") and time.monotonic() < until:
        time.sleep(0.01)
    assert kept(alone, ".*") == [".partial.tar.gz"]

    assert alone.end(backing, signal.SIGTERM).code == 1

    assert kept(alone, "*") == []
    (alone.bin / "tar").unlink()
    assert alone.run(BACKUP, BACKUP_PATHS="/etc/app").code == 0


def test_hookd_tells_where_the_archive_is(tmp_path):
    root = as_vendor(FakeRoot(tmp_path))
    root.write("etc/app.conf", "x\n")
    configure(root, **{BACKUP: {"BACKUP_PATHS": "/etc/app.conf"}})

    assert root.run("run", "pre")[0] == 0

    result = root.result()
    assert hooks_of(result, "pre")["20-backup-config"] == ("passed", "")
    [hook] = [one for one in result["phases"][0]["hooks"] if one["name"] == "20-backup-config"]
    archive = root.path / hook["outputs"]["backup"][1:]
    assert hook["outputs"]["backup_sha256"] == hashlib.sha256(archive.read_bytes()).hexdigest()
