"""The real rpm is asked about real databases, and only where there are any."""

from __future__ import annotations

import os
import random
import re
import shutil
import subprocess
import time

import pytest

from hookd.core.nevra import rpmvercmp
from hookd.core.readings import PackageSet, Standing
from hookd.system.packages import rpmdb
from hookd.system.process.command import run
from hookd.system.root import Root

pytestmark = [
    pytest.mark.skipif(not shutil.which("rpmbuild"), reason="no rpmbuild on this machine"),
    pytest.mark.skipif(os.geteuid() != 0, reason="rpm --root needs root"),
]

SPEC = """\
Name: {name}
Epoch: {epoch}
Version: {version}
Release: {release}
Summary: made for a test
License: none
BuildArch: noarch
AutoReqProv: no
%description
made for a test
%files
"""
PACKAGES = (
    ("hello", 0, "1.0~rc1", "1"),
    ("openssl-libs", 1, "1.0.2k", "24.amzn2.0.12"),
    ("kernel", 0, "4.14.101", "91.76.amzn2"),
    ("kernel", 0, "4.14.214", "160.339.amzn2"),
)


@pytest.fixture(scope="module")
def packages(tmp_path_factory):
    """Return the paths of small RPMs."""
    home = tmp_path_factory.mktemp("rpmbuild")
    for number, (name, epoch, version, release) in enumerate(PACKAGES):
        text = SPEC.format(name=name, epoch=epoch, version=version, release=release)
        spec = home / f"{number}.spec"
        spec.write_text(text)
        call("rpmbuild", "-bb", "--quiet", "--define", f"_topdir {home}", str(spec), home=home)
    return sorted(str(path) for path in home.glob("RPMS/noarch/*.rpm"))


@pytest.fixture
def root(tmp_path, packages):
    """Return a root in whose database the packages are."""
    (tmp_path / "var/lib/rpm").mkdir(parents=True)
    arguments = ("--dbpath", "/var/lib/rpm", "-i", "--justdb", "--nodeps", "--ignorearch")
    call("rpm", "--root", str(tmp_path), *arguments, *packages, home=tmp_path)
    return Root(str(tmp_path))


def call(*argv, home):
    done = subprocess.run(
        argv,
        check=False,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env={"HOME": str(home), "PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C"},
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


def names(directory):
    return sorted(
        os.path.join(where, name)
        for where, folders, files in os.walk(str(directory))
        for name in (*folders, *files)
    )


def test_what_was_installed_is_read_back(root):
    began = int(time.time()) - 60
    found = rpmdb.read(root, run)
    versions = {key: tuple(evr for evr, _ in rows) for key, rows in found.installed.items()}
    assert (found.standing, found.reason) == (Standing.OK, "")
    assert versions == {
        "hello.noarch": ("1.0~rc1-1",),
        "kernel.noarch": ("4.14.101-91.76.amzn2", "4.14.214-160.339.amzn2"),
        "openssl-libs.noarch": ("1:1.0.2k-24.amzn2.0.12",),
    }
    assert all(began <= when < began + 120 for rows in found.installed.values() for _, when in rows)


def test_reading_leaves_the_root_as_it_was(root):
    before = names(root)
    rpmdb.read(root, run)
    assert names(root) == before


def test_a_database_behind_an_absolute_link_is_the_roots_own(root):
    os.makedirs(root.join("/usr/lib/sysimage"))
    os.rename(root.join("/var/lib/rpm"), root.join("/usr/lib/sysimage/rpm"))
    os.symlink("/usr/lib/sysimage/rpm", os.path.join(str(root), "var/lib/rpm"))
    assert sorted(rpmdb.read(root, run).installed) == [
        "hello.noarch",
        "kernel.noarch",
        "openssl-libs.noarch",
    ]


def test_a_missing_database_is_absent_and_not_made(tmp_path):
    (tmp_path / "var/lib/rpm").mkdir(parents=True)
    before = names(tmp_path)
    assert rpmdb.read(Root(str(tmp_path)), run) == PackageSet(
        standing=Standing.ABSENT,
        reason="no rpm database in /var/lib/rpm or /usr/lib/sysimage/rpm",
        source="rpmdb",
    )
    assert names(tmp_path) == before


@pytest.mark.parametrize("damage", [b"", b"this is no database" * 999])
def test_a_damaged_database_is_unknown(root, damage):
    for name in os.listdir(root.join("/var/lib/rpm")):
        os.unlink(root.join(f"/var/lib/rpm/{name}"))
    with open(root.join("/var/lib/rpm/rpmdb.sqlite"), "wb") as file:
        file.write(damage)
    found = rpmdb.read(root, run)
    assert (found.standing, found.installed) == (Standing.UNKNOWN, {})
    assert found.reason.startswith(("rpm: error:", "rpm printed no package"))


def test_a_root_without_an_rpm_program_is_unknown(root, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    found = rpmdb.read(root, run)
    assert (found.standing, found.installed) == (Standing.UNKNOWN, {})
    assert found.reason.startswith("rpm: No such file or directory")


def test_an_rpm_that_does_not_answer_is_unknown(root, monkeypatch, tmp_path):
    program = tmp_path / "rpm"
    program.write_text("#!/bin/sh\nexec sleep 60\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    found = rpmdb.read(root, run, timeout_s=0.1)
    assert (found.standing, found.reason) == (
        Standing.UNKNOWN,
        "rpm did not answer within 0.1 s",
    )


def test_rpm_itself_orders_versions_as_we_do(tmp_path):
    dice = random.Random(20261123)
    pairs = [
        tuple("".join(dice.choices("0129aZ.~^_", k=dice.randint(1, 6))) for _ in range(2))
        for _ in range(400)
    ]
    calls = " ".join(f'print(rpm.vercmp("{a}","{b}").." ")' for a, b in pairs)
    answers = call("rpm", "--eval", f"%{{lua:{calls}}}", home=tmp_path).decode()
    expected = [int(answer) for answer in re.findall(r"-?[01](?= )", answers)]
    assert len(expected) == len(pairs)
    assert [rpmvercmp(a, b) for a, b in pairs] == expected
