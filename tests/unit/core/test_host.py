"""Whether an operation was opened on this machine, and what its packages tell of the agent."""

from __future__ import annotations

import pytest

from hookd.core.host import agent_version, is_here
from hookd.core.readings import Boot, Kernel, PackageSet, Standing
from hookd.core.snapshot import Snapshot

A, B, HYBRID = "i-0123456789abcdef0", "i-0fedcba9876543210", "mi-0123456789abcdef0"


def host(instance="", machine=""):
    return {"instance_id": instance, "machine_id": machine}


@pytest.mark.parametrize(
    ("then", "now", "expected"),
    [
        (host(A, "m"), host(A, "m"), True),
        (host(A, "m"), host(A, "n"), True),
        (host(A, "m"), host(B, "m"), False),
        (host(A), host(B), False),
        (host(HYBRID, "m"), host(A, "m"), True),
        (host(HYBRID, "m"), host(A, "n"), None),
        (host(A, "m"), host("", "m"), True),
        (host(A, "m"), host("", "n"), None),
        (host("", "m"), host(B, "n"), None),
        (host("", "m"), host("", "m"), True),
        (host("", "m"), host("", "n"), False),
        (host(A), host("", "n"), None),
        (host(A, "m"), host(), True),
        (host(), host(B, "n"), True),
        ({}, {}, True),
    ],
)
def test_instance_ids_decide_and_else_machine_ids(then, now, expected):
    assert is_here(then, now) is expected


def look(**packages):
    installed = {name.replace("__", "-"): ((evr, 1),) for name, evr in packages.items()}
    dotted = {f"{name}.x86_64": instances for name, instances in installed.items()}
    return Snapshot("before", "", Boot(), Kernel(), (PackageSet(installed=dotted),))


def test_the_agents_version_is_its_packages():
    assert agent_version(look(bash="5", amazon__ssm__agent="3.3.987.0-1")) == "3.3.987.0-1"
    assert agent_version(look(amazon__ssm__agent__tools="1")) == ""
    unread = PackageSet(Standing.UNKNOWN, "rpm")
    assert agent_version(Snapshot("before", "", Boot(), Kernel(), (unread,))) == ""
