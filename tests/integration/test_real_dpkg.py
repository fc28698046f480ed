"""The real dpkg in a root of its own: what it logs, what it owns, what was spoilt, and by whom."""

from __future__ import annotations

import os
import shutil
import subprocess

import pytest

from hookd.core.compare import compare
from hookd.core.node import Aftermath
from hookd.core.readings import Boot, Kernel, LogAction, Standing
from hookd.core.snapshot import Snapshot
from hookd.system.packages import aftermath, apthistory, dpkg, dpkglog
from hookd.system.process.command import run
from hookd.system.root import Root

pytestmark = [
    pytest.mark.skipif(not shutil.which("dpkg-deb"), reason="no dpkg on this machine"),
    pytest.mark.skipif(os.geteuid() != 0, reason="dpkg --root needs root"),
]


class Machine:
    """A root with a dpkg database; `install` builds a package of some files and installs it."""

    def __init__(self, path):
        self.path = path
        self.root = Root(str(path / "root"))
        for name in ("info", "updates", "triggers"):
            (path / "root/var/lib/dpkg" / name).mkdir(parents=True)
        (path / "root/var/lib/dpkg/status").write_text("")
        (path / "root/var/log").mkdir(parents=True)

    def install(self, name, version, **files):
        tree = self.path / f"{name}-{version}"
        (tree / "DEBIAN").mkdir(parents=True)
        (tree / "DEBIAN/control").write_text(
            f"Package: {name}\nVersion: {version}\nArchitecture: all\n"
            "Maintainer: nobody <nobody@localhost>\nDescription: made for a test\n"
        )
        for file, text in files.items():
            place = tree / "usr/lib" / name / file
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(text)
        sums = "".join(
            f"{self.say('md5sum', str(path)).split()[0]}  {path.relative_to(tree)}\n"
            for path in sorted(tree.glob("usr/lib/*/*"))
        )
        (tree / "DEBIAN/md5sums").write_text(sums)
        package = str(self.path / f"{name}-{version}.deb")
        self.say("dpkg-deb", "--root-owner-group", "-b", str(tree), package)
        log = f"--log={self.root.join('/var/log/dpkg.log')}"
        self.say("dpkg", f"--root={self.root}", "--force-script-chrootless", log, "-i", package)

    def say(self, *argv):
        done = subprocess.run(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            check=False,
        )
        assert done.returncode == 0, done.stdout
        return done.stdout

    def look(self, name, log=None, history=None):
        return Snapshot(
            name,
            "",
            Boot(),
            Kernel(),
            (dpkg.read(self.root, run),),
            (dpkglog.read(self.root, log),),
            (apthistory.read(self.root, history),),
        )


@pytest.fixture
def machine(tmp_path):
    found = Machine(tmp_path)
    found.install("app", "1.0-1", program="one", other="same")
    found.install("same", "1.0-1", program="one")
    return found


def test_what_dpkg_put_over_is_asked_about_and_what_was_spoilt_is_named(machine):
    before = machine.look("ready")
    machine.install("app", "1.1-1", program="two", other="same")
    program = machine.path / "root/usr/lib/app/program"
    program.write_text("spoilt")
    (machine.path / "root/usr/lib/app/other").unlink()
    now = (dpkg.read(machine.root, run),)
    used = ["/usr/lib/app/program", "/lib/app/other", "/usr/lib/same/program"]
    assert aftermath.read(machine.root, run, before, now, used) == Aftermath(
        packages=("app.all",),
        damaged=(
            "app.all: /usr/lib/app/other: it is missing",
            "app.all: /usr/lib/app/program: it differs in contents",
        ),
        owners={"/usr/lib/app/program": "app.all", "/lib/app/other": "app.all"},
    )


def test_a_clean_update_is_whole_and_its_log_tells_of_it(machine):
    before = machine.look("ready")
    machine.install("app", "1.1-1", program="two", other="same")
    after = machine.look("installed", before.logs[0].cursor, before.histories[0])
    found = aftermath.read(machine.root, run, before, after.packages, [])
    assert found == Aftermath(packages=("app.all",))
    assert [(e.action, e.name, e.evr, e.arch) for e in after.logs[0].entries] == [
        (LogAction.UPDATED, "app", "1.1-1", "all")
    ]
    assert (after.logs[0].unread, after.logs[0].standing) == ((), Standing.OK)
    # There is no history of apt in this root, so nobody knows who called dpkg.
    (change,) = compare((before, after)).packages
    assert (change.name, change.seen_in, change.by) == ("app", ("dpkg", "dpkg.log"), "")


def test_beside_a_history_of_apt_that_does_not_name_it_dpkg_was_called_by_hand(machine):
    history = machine.path / "root/var/log/apt/history.log"
    history.parent.mkdir()
    history.write_text("\nStart-Date: 2026-11-23  04:40:33\nEnd-Date: 2026-11-23  04:40:34\n")
    before = machine.look("ready")
    machine.install("app", "1.1-1", program="two", other="same")
    after = machine.look("installed", before.logs[0].cursor, before.histories[0])
    (change,) = compare((before, after)).packages
    assert (change.name, change.by) == ("app", "dpkg")
