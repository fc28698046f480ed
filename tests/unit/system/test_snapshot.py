"""A snapshot of a made-up root: all probes together, one that breaks, what it gained since."""

from __future__ import annotations

import pathlib

import pytest

from hookd.core.node import Node, Processes, Unit, Units
from hookd.core.readings import (
    Boot,
    InstalledKernel,
    Kernel,
    LogAction,
    LogEntry,
    PackageSet,
    Standing,
    WentDown,
)
from hookd.core.snapshot import Snapshot
from hookd.system import snapshot
from hookd.system.process.command import Completed
from hookd.system.root import Root

CORPUS = pathlib.Path(__file__).resolve().parents[4] / "shared" / "corpus" / "config"
BOOT_ID = "6f1c2f0e-3f0c-4c9e-9c3b-1f8f6b1a7a11"
AT = "2026-11-23T09:00:00.000000Z"
ROWS = b"bash\t0\t4.2.46\t34.amzn2\tx86_64\t7\nkernel\t0\t4.14.154\t128.181.amzn2\tx86_64\t8\n"


def put(tmp_path, place, text="x"):
    path = tmp_path / place
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def answer(argv, **_more):
    return Completed(tuple(argv), 0, ROWS)


def refuse(argv, **_more):
    raise AssertionError(f"nothing is there to be asked by {argv}")


def take(tmp_path, run=answer, name="before", previous=None):
    return snapshot.take(Root(str(tmp_path)), run, name=name, at=AT, previous=previous)


@pytest.fixture
def machine(tmp_path):
    put(tmp_path, "proc/sys/kernel/random/boot_id", BOOT_ID)
    put(tmp_path, "proc/sys/kernel/osrelease", "4.14.154-128.181.amzn2.x86_64\n")
    put(tmp_path, "etc/os-release", 'NAME="Amazon Linux"\nID="amzn"\nVERSION_ID="2"\n')
    put(tmp_path, "var/lib/rpm/Packages")
    put(tmp_path, "var/log/yum.log", "Feb 05 01:53:11 Updated: nss-3.44.0-7.amzn2.x86_64\n")
    return tmp_path


def test_every_probe_has_its_place(machine):
    got = take(machine)
    assert (got.name, got.taken_at, got.os, got.boot) == (
        "before",
        AT,
        "amzn 2",
        Boot(
            boot_id=BOOT_ID,
            before=WentDown(Standing.ABSENT, "/var/log/wtmp does not exist"),
        ),
    )
    assert got.packages == (
        PackageSet(
            installed={
                "bash.x86_64": (("4.2.46-34.amzn2", 7),),
                "kernel.x86_64": (("4.14.154-128.181.amzn2", 8),),
            }
        ),
    )
    assert got.kernel.running_package == "kernel-4.14.154-128.181.amzn2.x86_64"
    assert got.kernel.installed == (
        InstalledKernel("4.14.154-128.181.amzn2.x86_64", "kernel", "4.14.154-128.181.amzn2", 8),
    )
    assert [(log.source, log.standing, log.entries) for log in got.logs] == [
        ("yum.log", Standing.OK, ()),
        ("dnf.rpm.log", Standing.ABSENT, ()),
        ("dpkg.log", Standing.ABSENT, ()),
    ]
    assert [(h.source, h.standing) for h in got.histories] == [
        ("yum-history", Standing.ABSENT),
        ("dnf-history", Standing.ABSENT),
        ("apt-history", Standing.ABSENT),
    ]
    assert 0 <= got.took_s < 5


def test_a_later_one_has_the_lines_gained_since(machine):
    before = take(machine)
    with (machine / "var/log/yum.log").open("a") as file:
        file.write("Feb 05 01:53:15 Installed: kernel-4.14.214-160.339.amzn2.x86_64\n")
    installed = take(machine, name="installed", previous=before)
    after = take(machine, name="after", previous=installed)
    (entry,) = installed.logs[0].entries
    assert (entry.action, entry.name, entry.evr, entry.arch) == (
        LogAction.INSTALLED,
        "kernel",
        "4.14.214-160.339.amzn2",
        "x86_64",
    )
    assert isinstance(entry, LogEntry)
    assert after.logs[0].entries == ()


def test_a_probe_that_breaks_costs_its_own_reading_only(machine):
    def broken(argv, **_more):
        raise RuntimeError("no such luck")

    got = take(machine, broken)
    reason = "the probe broke: RuntimeError: no such luck"
    assert got.packages == (PackageSet(Standing.UNKNOWN, reason),)
    assert (got.boot.boot_id, got.kernel.installed_standing, got.kernel.installed_reason) == (
        BOOT_ID,
        Standing.UNKNOWN,
        reason,
    )


def test_an_empty_root_asks_nobody_and_has_nothing(tmp_path):
    got = take(tmp_path, refuse)
    readings = (got.boot, got.kernel, got.kernel.next_boot, *got.logs, *got.histories)
    assert {reading.standing for reading in readings} == {Standing.ABSENT}
    assert (got.packages, got.os) == ((), "")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ID=debian\nVERSION_ID='12'\n", "debian 12"),
        ("# ID=no\nID=arch\n", "arch"),
        ('ID="amzn\nVERSION_ID="2023"\n', "2023"),
        ("", ""),
        ("\0", ""),
    ],
)
def test_the_name_of_the_system(tmp_path, text, expected):
    put(tmp_path, "etc/os-release", text)
    assert snapshot.os_name(Root(str(tmp_path))) == expected


def test_the_vendors_file_stands_in_for_the_admins(tmp_path):
    put(tmp_path, "usr/lib/os-release", "ID=amzn\nVERSION_ID=2023\n")
    assert snapshot.os_name(Root(str(tmp_path))) == "amzn 2023"


@pytest.mark.skipif(not CORPUS.exists(), reason="the collected configuration files are not here")
@pytest.mark.parametrize(
    ("file", "expected"),
    [
        ("centos7-os-release", "centos 7"),
        ("rhel7-os-release", "centos 7"),  # that image was built from CentOS
        ("rhel8-usr-lib-os-release", "rhel 8.3"),
    ],
)
def test_real_os_release_files(tmp_path, file, expected):
    put(tmp_path, "etc/os-release", (CORPUS / file).read_text())
    assert snapshot.os_name(Root(str(tmp_path))) == expected


def test_owners_are_asked_of_unit_files_of_what_units_execute_and_of_what_they_map():
    def at(name, units, files=()):
        node = Node(units=Units(units=units), processes=Processes(files=files))
        return Snapshot(name, AT, Boot(), Kernel(), node=node)

    before = at("before", (Unit("a.service", fragment="/u/a", files=("/opt/a", "/opt/a.py")),))
    now = at("installed", (Unit("b.service", files=("/opt/b",)), Unit("c.mount")), ("/lib/c",))
    assert snapshot.used_by((now.node, before.node)) == {
        *("/u/a", "/opt/a", "/opt/a.py", "/opt/b", "/lib/c"),
    }
