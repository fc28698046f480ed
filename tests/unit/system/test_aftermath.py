"""The packages that came between two looks are asked about, those alone and within bounds."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hookd.core.node import Aftermath
from hookd.core.readings import Boot, Kernel, PackageSet, Standing
from hookd.core.snapshot import Snapshot
from hookd.system.packages import aftermath
from hookd.system.process.command import Completed
from hookd.system.root import Root

OLD = PackageSet(
    installed={
        "app.noarch": (("1.0-1", 5),),
        "gone.noarch": (("1.0-1", 5),),
        "kernel.x86_64": (("4.14.1-1", 5),),
        "same.noarch": (("1.0-1", 5),),
    }
)
NEW = PackageSet(
    installed={
        "app.noarch": (("1:1.1-1", 9),),
        "kernel.x86_64": (("4.14.1-1", 5), ("4.14.2-1", 9)),
        "same.noarch": (("1.0-1", 5),),
    }
)
DEB_OLD = PackageSet(source="dpkg", installed={"app.all": (("1.0-1", 0),)})
DEB_NEW = PackageSet(source="dpkg", installed={"app.all": (("1.1-1", 0),)})
LISTED = b"app.noarch\t100\n\t/usr/bin/app\n\t/usr/lib64/libapp.so.2\nkernel.x86_64\t101\n"
FORMAT = r"%{NAME}.%{ARCH}\t%{INSTALLTID}\n[\t%{FILENAMES}\n]"


class Tools:
    """Answers by a word of the command; remembers all commands."""

    def __init__(self, **answers):
        self.answers = answers
        self.asked = []

    def __call__(self, argv, *, timeout_s, environment=None):
        self.asked.append(tuple(argv))
        for word, (exit_code, stdout, stderr) in self.answers.items():
            if word in argv or f"--{word}" in argv or f"-{word}" in argv:
                return Completed(tuple(argv), exit_code, stdout, stderr)
        raise AssertionError(f"nobody is to be asked by {argv}")


@pytest.fixture
def root(tmp_path):
    (tmp_path / "var/lib/rpm").mkdir(parents=True)
    (tmp_path / "var/lib/rpm/Packages").write_text("x")
    return Root(str(tmp_path))


def look(*packages, **more):
    return Snapshot("ready", "", Boot(), Kernel(), tuple(packages), **more)


def test_rpm_tells_files_transactions_and_damage_of_what_came_and_of_nothing_else(root):
    verified = b"S.5....T.    /usr/bin/app\nmissing     /boot/x\n"
    tools = Tools(qf=(0, LISTED, b""), V=(2, verified, b""))
    used = ["/usr/bin/app", "/usr/lib64/libapp.so.1", "/usr/bin/other"]
    assert aftermath.read(root, tools, look(OLD), (NEW,), used) == Aftermath(
        packages=("app.noarch", "kernel.x86_64"),
        damaged=(
            "app.noarch: /usr/bin/app: it differs in size and contents",
            "rpmdb: /boot/x: it is missing",
        ),
        owners={"/usr/bin/app": "app.noarch", "/usr/lib64/libapp.so.1": "app.noarch"},
        transactions={"app.noarch": 100, "kernel.x86_64": 101},
    )
    rpm = ("rpm", "--root", str(root), "--dbpath", "/var/lib/rpm")
    came = ("app-1.1-1.noarch", "kernel-4.14.2-1.x86_64")
    assert tools.asked == [
        (*rpm, "-q", "--qf", FORMAT, "--", *came),
        (*rpm, "-V", "--nodeps", "--noscripts", "--", *came),
    ]


def test_dpkg_tells_files_and_damage_of_what_came(root):
    listed = b"/.\n/usr\n/usr/bin\n/usr/bin/app\n"
    tools = Tools(L=(0, listed, b""), verify=(1, b"??5??????   /usr/bin/app\n", b""))
    assert aftermath.read(root, tools, look(DEB_OLD), (DEB_NEW,), ["/bin/app"]) == Aftermath(
        packages=("app.all",),
        damaged=("app.all: /usr/bin/app: it differs in contents",),
        owners={"/bin/app": "app.all"},
    )
    admin = f"--admindir={root}/var/lib/dpkg"
    assert tools.asked == [
        ("dpkg-query", admin, "-L", "--", "app:all"),
        ("dpkg", admin, f"--instdir={root}", "--verify", "--", "app:all"),
    ]


def test_where_nothing_came_nobody_is_asked(root):
    assert aftermath.read(root, Tools(), look(NEW), (NEW,), ["/usr/bin/app"]) == Aftermath()


@pytest.mark.parametrize(
    ("earlier", "packages", "expected"),
    [
        (
            None,
            (NEW,),
            Aftermath(Standing.ABSENT, "there is no earlier look to compare with"),
        ),
        (look(OLD), (), Aftermath(Standing.ABSENT, "no package database here")),
        (
            look(OLD),
            (PackageSet(Standing.UNKNOWN, "torn"),),
            Aftermath(Standing.UNKNOWN, "rpmdb could not be compared with the look before"),
        ),
        (
            look(PackageSet(Standing.UNKNOWN, "torn")),
            (NEW,),
            Aftermath(Standing.UNKNOWN, "rpmdb could not be compared with the look before"),
        ),
        (
            look(),
            (NEW,),
            Aftermath(Standing.UNKNOWN, "rpmdb could not be compared with the look before"),
        ),
    ],
)
def test_what_cannot_be_compared_is_unknown_or_absent(root, earlier, packages, expected):
    assert aftermath.read(root, Tools(), earlier, packages, []) == expected


def test_a_database_that_tells_nothing_is_unknown(root):
    tools = Tools(qf=(1, b"", b"error: cannot open Packages database"))
    assert aftermath.read(root, tools, look(OLD), (NEW,), []) == Aftermath(
        Standing.UNKNOWN,
        "rpmdb: rpm: error: cannot open Packages database",
        ("app.noarch", "kernel.x86_64"),
    )


def test_a_verification_that_fails_leaves_owners_and_transactions(root):
    tools = Tools(qf=(0, LISTED, b""), V=(1, b"", b"error: torn"))
    assert aftermath.read(root, tools, look(OLD), (NEW,), ["/usr/bin/app"]) == Aftermath(
        Standing.UNKNOWN,
        "rpmdb: rpm: error: torn",
        ("app.noarch", "kernel.x86_64"),
        owners={"/usr/bin/app": "app.noarch"},
        transactions={"app.noarch": 100, "kernel.x86_64": 101},
    )


def test_of_very_many_packages_a_bounded_number_is_asked_about(root):
    many = replace(NEW, installed={f"p{n:04}.noarch": (("1-1", 9),) for n in range(600)})
    tools = Tools(qf=(0, b"", b""), V=(0, b"", b""))
    found = aftermath.read(root, tools, look(OLD), (many,), [])
    assert (found.standing, found.reason, len(found.packages)) == (
        Standing.OK,
        "rpmdb: only 500 of 600 packages were asked about",
        500,
    )
    assert {label for argv in tools.asked for label in argv if label.startswith("p0")} == {
        f"p{n:04}-1-1.noarch" for n in range(500)
    }


def test_what_a_boot_found_changed_the_next_look_asks_about(root):
    owed = aftermath.owed(look(OLD), (NEW,))
    assert owed == Aftermath(
        Standing.ABSENT, "nobody was asked at boot", ("app.noarch", "kernel.x86_64")
    )
    tools = Tools(qf=(0, LISTED, b""), V=(0, b"", b""))
    found = aftermath.read(root, tools, look(NEW, aftermath=owed), (NEW,), [])
    assert found.packages == ("app.noarch", "kernel.x86_64")
    again = look(NEW, aftermath=owed)
    assert aftermath.owed(again, (NEW,)) == owed
    assert aftermath.owed(None, (NEW,)) == Aftermath(Standing.ABSENT, "nobody was asked at boot")
