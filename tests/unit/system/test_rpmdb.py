"""What rpm -qa prints becomes a set of packages, and everything odd becomes unknown."""

from __future__ import annotations

import pytest

from hookd.core.readings import PackageSet, Standing
from hookd.system.packages import rpmdb
from hookd.system.process.command import Completed
from hookd.system.root import Root

ROWS = b"""\
openssl-libs\t1\t1.0.2k\t24.amzn2.0.12\tx86_64\t1612490000
kernel\t0\t4.14.214\t160.339.amzn2\tx86_64\t1612490391
gpg-pubkey\t0\tc87f5b1a\t593863f8\t(none)\t1570000000
kernel\t0\t4.14.101\t91.76.amzn2\tx86_64\t1570000000
glibc\t0\t2.26\t32.amzn2\ti686\t(none)
"""
DEBIAN_NOISE = (
    b"rpm: RPM should not be used directly install RPM packages, use Alien instead!\n"
    b"rpm: However assuming you know what you are doing...\n"
)


class Rpm:
    """Stands for the rpm program: remembers how it was asked and answers what it was told."""

    def __init__(self, stdout=b"", stderr=b"", exit_code=0, error=""):
        self.answer = (exit_code, stdout, stderr, error)
        self.asked = []

    def __call__(self, argv, *, timeout_s, environment=None):
        self.asked.append((tuple(argv), timeout_s, environment))
        return Completed(tuple(argv), *self.answer)


@pytest.fixture
def root(tmp_path):
    (tmp_path / "var/lib/rpm").mkdir(parents=True)
    (tmp_path / "var/lib/rpm/rpmdb.sqlite").write_bytes(b"")
    return Root(str(tmp_path))


def test_every_instance_of_a_package_is_listed_and_keys_are_no_packages(root):
    assert rpmdb.read(root, Rpm(ROWS, DEBIAN_NOISE)) == PackageSet(
        source="rpmdb",
        installed={
            "glibc.i686": (("2.26-32.amzn2", 0),),
            "kernel.x86_64": (
                ("4.14.101-91.76.amzn2", 1570000000),
                ("4.14.214-160.339.amzn2", 1612490391),
            ),
            "openssl-libs.x86_64": (("1:1.0.2k-24.amzn2.0.12", 1612490000),),
        },
    )


def test_rpm_is_asked_about_the_root_with_the_database_that_is_there(root):
    rpm = Rpm(ROWS)
    rpmdb.read(root, rpm, timeout_s=7)
    qf = r"%{NAME}\t%{EPOCHNUM}\t%{VERSION}\t%{RELEASE}\t%{ARCH}\t%{INSTALLTIME}\n"
    argv = ("rpm", "--root", str(root), "--dbpath", "/var/lib/rpm", "-qa", "--qf", qf)
    assert rpm.asked == [(argv, 7, {"LC_ALL": "C"})]


def test_no_database_is_absent_and_rpm_is_not_asked(tmp_path):
    (tmp_path / "var/lib/rpm").mkdir(parents=True)
    rpm = Rpm(ROWS)
    assert rpmdb.read(Root(str(tmp_path)), rpm) == PackageSet(
        standing=Standing.ABSENT,
        reason="no rpm database in /var/lib/rpm or /usr/lib/sysimage/rpm",
        source="rpmdb",
    )
    assert rpm.asked == []


@pytest.mark.parametrize("name", ["Packages", "rpmdb.sqlite", "Packages.db"])
@pytest.mark.parametrize("directory", ["/var/lib/rpm", "/usr/lib/sysimage/rpm"])
def test_every_kind_of_database_is_found(tmp_path, directory, name):
    (tmp_path / directory[1:]).mkdir(parents=True)
    (tmp_path / directory[1:] / name).touch()
    assert rpmdb.database_directory(Root(str(tmp_path))) == directory


def test_a_link_to_the_database_is_followed_inside_the_root(tmp_path):
    (tmp_path / "usr/lib/sysimage/rpm").mkdir(parents=True)
    (tmp_path / "usr/lib/sysimage/rpm/Packages.db").touch()
    (tmp_path / "var/lib").mkdir(parents=True)
    (tmp_path / "var/lib/rpm").symlink_to("/usr/lib/sysimage/rpm")
    assert rpmdb.database_directory(Root(str(tmp_path))) == "/usr/lib/sysimage/rpm"


@pytest.mark.parametrize(
    ("rpm", "reason"),
    [
        (Rpm(), "rpm printed no package at all"),
        (Rpm(b"gpg-pubkey\t0\ta\tb\t(none)\t1\n"), "rpm printed no package at all"),
        (Rpm(ROWS, b"", 1), "rpm exited 1"),
        (Rpm(ROWS, DEBIAN_NOISE + b"error: x\n", 1), "rpm: error: x"),
        (
            Rpm(ROWS, b"error: rpmdbNextIterator: skipping\n"),
            "rpm: error: rpmdbNextIterator: skipping",
        ),
        (Rpm(error="rpm: No such file", exit_code=None), "rpm: No such file"),
        (Rpm(b"a\t0\t1\n"), "rpm printed a row that cannot be read: 'a\\t0\\t1'"),
        (
            Rpm(b"a\tx\t1\t1\tnoarch\t1\n"),
            "rpm printed a row that cannot be read: 'a\\tx\\t1\\t1\\tnoarch\\t1'",
        ),
    ],
)
def test_what_rpm_cannot_tell_is_unknown(root, rpm, reason):
    expected = PackageSet(standing=Standing.UNKNOWN, reason=reason, source="rpmdb")
    assert rpmdb.read(root, rpm) == expected


def test_bytes_that_are_no_text_do_not_raise(root):
    assert rpmdb.read(root, Rpm(b"a\xff\t0\t1\t1\tnoarch\t1\n")).installed == {
        "a\\xff.noarch": (("1-1", 1),)
    }
