"""The judgement of files that the installation left or damaged."""

from __future__ import annotations

import pytest
from support.looks import ends, look, owning

from hookd.core.checks.files import files_intact, rpmnew
from hookd.core.ignore import Ignore
from hookd.core.model import Outcome
from hookd.core.node import Aftermath, Leavings
from hookd.core.readings import Standing

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
