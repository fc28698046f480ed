"""The judgement of files that the installation left or damaged."""

from __future__ import annotations

from dataclasses import replace

import pytest
from support.looks import ends, look, owning

from hookd.core.checks.files import files_intact, rpmnew
from hookd.core.ignore import Ignore
from hookd.core.model import Outcome
from hookd.core.node import Aftermath, Leavings
from hookd.core.readings import PackageSet, Standing

PASS, WARN, UNKNOWN, SKIP = Outcome.PASS, Outcome.WARN, Outcome.UNKNOWN, Outcome.SKIP
BASH = "bash.x86_64: /usr/bin/bash: size differs"
LIB = "app.noarch: /opt/app/lib: missing"
UNASKED = Aftermath(Standing.ABSENT, "nobody was asked at boot", ("bash.x86_64",))


def told(check):
    return check.outcome, check.found, check.reason


def looked(*aftermaths):
    names = ("installed", "leaving", "arrived", "after")
    later = (look(name, aftermath=one) for name, one in zip(names, aftermaths))
    return (look("before"), *later)


def asked(packages=(), damaged=(), **more):
    return owning(packages=packages, damaged=damaged, **more)


@pytest.mark.parametrize(
    ("aftermaths", "expected"),
    [
        ((asked(),), (PASS, "all", "")),
        ((asked(("bash.x86_64",)),), (PASS, "all", "")),
        ((asked(("bash.x86_64",), (BASH,)), asked()), (WARN, BASH, "")),
        ((asked(("bash.x86_64",), (BASH,)), asked(("bash.x86_64",))), (PASS, "all", "")),
        (
            (asked(("bash.x86_64",), (BASH,)), asked(("app.noarch",), (LIB,))),
            (WARN, f"{LIB}, {BASH}", ""),
        ),
        ((asked(("bash.x86_64",), (BASH,)), asked((), (BASH,))), (WARN, BASH, "")),
        (
            (asked(("bash.x86_64",), reason="rpmdb: only 500 of 700"),),
            (PASS, "all of those looked at: rpmdb: only 500 of 700", ""),
        ),
        ((Aftermath(Standing.UNKNOWN, "rpm: locked"),), (UNKNOWN, "", "installed: rpm: locked")),
        ((Aftermath(Standing.UNKNOWN, "rpm: locked"), asked()), (PASS, "all", "")),
        (
            (Aftermath(Standing.UNKNOWN, "x", ("bash.x86_64",), (BASH,)),),
            (WARN, BASH, ""),
        ),
        ((UNASKED,), (SKIP, "", "nobody was asked at boot")),
        ((asked(), UNASKED), (PASS, "all", "")),
    ],
)
def test_the_files_of_changed_packages(aftermaths, expected):
    assert told(files_intact(ends(*looked(*aftermaths)))) == expected


def test_a_damaged_file_that_the_admin_ignores_is_not_counted():
    looks = looked(asked(("app.noarch", "bash.x86_64"), (LIB, BASH)))
    check = files_intact(ends(*looks, ignore=Ignore(files=("/opt/app/*",))))
    assert told(check) == (WARN, BASH, "")


@pytest.mark.parametrize(
    ("before", "now", "expected"),
    [
        ([], [], (PASS, "none", "")),
        (["/etc/old.rpmnew"], ["/etc/old.rpmnew"], (PASS, "none", "")),
        (
            ["/etc/old.rpmnew"],
            ["/etc/a.rpmsave", "/etc/old.rpmnew", "/opt/agent/x.rpmnew"],
            (WARN, "/etc/a.rpmsave", ""),
        ),
        (
            Leavings(files=("/etc/a.rpmnew",), is_whole=False),
            ["/etc/b.rpmnew"],
            (SKIP, "", "there were more than can be named before"),
        ),
        ("it hung", [], (UNKNOWN, "", "before: it hung")),
    ],
)
def test_what_package_managers_left(before, now, expected):
    looks = (look("before", leavings=before), look("leaving", leavings=now))
    check = rpmnew(ends(*looks, ignore=Ignore(files=("/opt/agent/*",))))
    assert told(check) == expected


@pytest.mark.parametrize("now", [["/etc/old.rpmnew"], ["/etc/a.rpmsave", "/etc/old.rpmnew"]])
@pytest.mark.parametrize(
    ("before", "text"),
    [
        ([], "none"),
        (["/opt/agent/x.rpmnew"], "none"),
        (["/etc/b.rpmnew", "/etc/old.rpmnew"], "/etc/b.rpmnew, /etc/old.rpmnew"),
    ],
)
def test_what_package_managers_had_left_before_is_told(before, now, text):
    looks = (look("before", leavings=before), look("leaving", leavings=now))
    assert rpmnew(ends(*looks, ignore=Ignore(files=("/opt/agent/*",)))).before == text


RPM = PackageSet(installed={"bash.x86_64": (("4.2-33", 1),), "k.noarch": (("1-1", 1), ("1-2", 2))})
DPKG = PackageSet(source="dpkg", installed={"dash.amd64": (("0.5-1", 0),)})
UNREAD = PackageSet(Standing.UNKNOWN, "locked")
KERNEL = "k.noarch: /lib/k: missing"
NOBODYS = "rpmdb: /usr/lib/x: missing"


@pytest.mark.parametrize(
    ("databases", "damaged", "text"),
    [
        ((RPM,), (BASH,), "bash.x86_64 4.2-33"),
        ((RPM,), (BASH, "bash.x86_64: /bin/b: missing"), "bash.x86_64 4.2-33"),
        ((RPM,), (KERNEL,), "k.noarch 1-1 and 1-2"),
        ((RPM,), (LIB, BASH), "app.noarch not installed, bash.x86_64 4.2-33"),
        ((RPM, DPKG), ("dash.amd64: /bin/dash: missing",), "dash.amd64 0.5-1"),
        ((UNREAD, DPKG), (BASH, "dash.amd64: /bin/dash: missing"), "dash.amd64 0.5-1"),
        ((RPM,), (NOBODYS,), ""),
        ((UNREAD,), (BASH,), ""),
        ((), (BASH,), ""),
    ],
)
def test_which_version_the_damaged_package_had_before_is_told(databases, damaged, text):
    looks = looked(asked(("bash.x86_64",), damaged))
    first = replace(looks[0], packages=databases)
    assert files_intact(ends(first, *looks[1:])).before == text


def test_without_a_look_before_no_version_is_told():
    only = replace(look("installed", aftermath=asked((), (BASH,))), packages=(RPM,))
    assert files_intact(ends(only)).before == ""
