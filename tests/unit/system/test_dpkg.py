"""What dpkg-query prints becomes a set of packages with the broken ones named."""

from __future__ import annotations

import pytest

from hookd.core.readings import PackageSet, Standing
from hookd.system.packages import dpkg
from hookd.system.process.command import Completed
from hookd.system.root import Root

ROWS = b"""\
libc6\t2.36-9+deb12u4\tamd64\tii |
libc6\t2.36-9+deb12u4\ti386\tii |
linux-image-amd64\t6.1.55-1\tamd64\thi |
waits\t1.0\tall\tiW |
pending\t1.0\tall\tit |
unpacked\t1.0\tall\tiU |
half-configured\t1.0\tall\tiF |
half-installed\t1.0\tall\tiH |
reinstall-me\t1.0\tall\tiiR
removed\t1.0\tall\trc |
never\t\tall\tun |
""".replace(b"|", b"")


class Dpkg:
    def __init__(self, stdout=b"", stderr=b"", exit_code=0, error=""):
        self.answer = (exit_code, stdout, stderr, error)
        self.asked = []

    def __call__(self, argv, *, timeout_s, environment=None):
        self.asked.append((tuple(argv), timeout_s, environment))
        return Completed(tuple(argv), *self.answer)


@pytest.fixture
def root(tmp_path):
    (tmp_path / "var/lib/dpkg").mkdir(parents=True)
    (tmp_path / "var/lib/dpkg/status").write_text("Package: a\n")
    return Root(str(tmp_path))


def test_what_is_unpacked_is_installed_and_what_is_half_done_is_broken(root):
    whole = (("1.0", 0),)
    assert dpkg.read(root, Dpkg(ROWS)) == PackageSet(
        source="dpkg",
        installed={
            "half-configured.all": whole,
            "half-installed.all": whole,
            "libc6.amd64": (("2.36-9+deb12u4", 0),),
            "libc6.i386": (("2.36-9+deb12u4", 0),),
            "linux-image-amd64.amd64": (("6.1.55-1", 0),),
            "pending.all": whole,
            "reinstall-me.all": whole,
            "unpacked.all": whole,
            "waits.all": whole,
        },
        broken=(
            "half-configured.all",
            "half-installed.all",
            "reinstall-me.all",
            "unpacked.all",
        ),
    )


def test_dpkg_is_asked_about_the_database_of_the_root(root):
    query = Dpkg(ROWS)
    dpkg.read(root, query, timeout_s=5)
    qf = "${Package}\\t${Version}\\t${Architecture}\\t${db:Status-Abbrev}\\n"
    argv = ("dpkg-query", f"--admindir={root}/var/lib/dpkg", "-W", "-f", qf)
    assert query.asked == [(argv, 5, {"LC_ALL": "C"})]


def test_no_database_is_absent_and_dpkg_is_not_asked(tmp_path):
    query = Dpkg(ROWS)
    reason = f"{tmp_path}/var/lib/dpkg/status: No such file or directory"
    expected = PackageSet(standing=Standing.ABSENT, reason=reason, source="dpkg")
    assert (dpkg.read(Root(str(tmp_path)), query), query.asked) == (expected, [])


def test_the_empty_database_of_an_rpm_system_with_a_dpkg_is_absent(root, tmp_path):
    status = tmp_path / "var/lib/dpkg/status"
    status.write_bytes(b"")
    expected = PackageSet(
        standing=Standing.ABSENT, reason=f"{status} lists no package", source="dpkg"
    )
    assert dpkg.read(root, Dpkg()) == expected


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        (Dpkg(), "dpkg-query printed no installed package"),
        (
            Dpkg(ROWS, b"dpkg-query: error: parsing file\n", 2),
            "dpkg-query exited 2: dpkg-query: error: parsing file",
        ),
        (Dpkg(error="dpkg-query: No such file", exit_code=None), "dpkg-query: No such file"),
        (Dpkg(b"a\t1\tall\n"), "dpkg-query printed a row that cannot be read: 'a\\t1\\tall'"),
        (
            Dpkg(b"a\t1\tall\tiX \n"),
            "dpkg-query printed a row that cannot be read: 'a\\t1\\tall\\tiX '",
        ),
    ],
)
def test_what_dpkg_cannot_tell_is_unknown(root, query, reason):
    expected = PackageSet(standing=Standing.UNKNOWN, reason=reason, source="dpkg")
    assert dpkg.read(root, query) == expected
