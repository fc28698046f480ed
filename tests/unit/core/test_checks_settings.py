"""The judgement of network, SELinux and clock."""

from __future__ import annotations

import pytest
from support.looks import BOOT_2, ends, look

from hookd.core.checks.settings import mode_kept, route_lost, stepped
from hookd.core.model import Outcome
from hookd.core.node import Clock, Network, Selinux

PASS, WARN, FAIL = Outcome.PASS, Outcome.WARN, Outcome.FAIL
UNKNOWN, SKIP = Outcome.UNKNOWN, Outcome.SKIP
ETH0, ETH1 = "ipv4 via 10.0.0.1 dev eth0", "ipv4 via 10.0.1.1 dev eth1"
SIX = "ipv6 via fe80::1 dev eth0"


def told(check):
    return check.outcome, check.found, check.reason


def network(routes=(), resolvers=()):
    return Network(default_routes=routes, resolvers=resolvers)


@pytest.mark.parametrize(
    ("before", "now", "expected"),
    [
        (network((ETH0, SIX)), network((ETH0, SIX)), (PASS, "as before", "")),
        (network((ETH0,)), network(), (FAIL, f"gone: default route {ETH0}", "")),
        (network((ETH0, ETH1)), network((ETH0,)), (FAIL, f"gone: default route {ETH1}", "")),
        (network((ETH0, SIX)), network((ETH0,)), (FAIL, f"gone: default route {SIX}", "")),
        (network((ETH0,)), network((ETH1,)), (PASS, "as before", "")),  # it has another name
        (network(), network((ETH0,)), (PASS, "as before", "")),
        (network((), ("10.0.0.2",)), network(), (FAIL, "gone: resolver 10.0.0.2", "")),
        (network((), ("10.0.0.2",)), network((), ("127.0.0.53",)), (PASS, "as before", "")),
        (
            network((ETH0,), ("10.0.0.2", "10.0.0.3")),
            network((), ("10.0.0.3",)),
            (FAIL, f"gone: default route {ETH0}, resolver 10.0.0.2", ""),
        ),
        ("it hung", network(), (UNKNOWN, "", "before: it hung")),
        (network(), "it hung", (UNKNOWN, "", "after: it hung")),
    ],
)
def test_routes_and_resolvers(before, now, expected):
    looks = (look("before", network=before), look("after", network=now))
    assert told(route_lost(ends(*looks))) == expected


def test_what_there_was_is_told():
    looks = (look("before", network=network((ETH0,), ("::1",))), look("after", network=network()))
    assert route_lost(ends(*looks)).before == f"{ETH0}, resolver ::1"


@pytest.mark.parametrize(
    ("before", "now", "expected"),
    [
        (Selinux(mode="enforcing"), Selinux(mode="enforcing"), (PASS, "enforcing", "")),
        (Selinux(mode="enforcing"), Selinux(mode="disabled"), (WARN, "disabled", "")),
        (Selinux(mode="disabled"), Selinux(mode="enforcing"), (WARN, "enforcing", "")),
        (Selinux(mode="enforcing"), "it hung", (UNKNOWN, "", "after: it hung")),
    ],
)
def test_selinux(before, now, expected):
    looks = (look("before", selinux=before), look("after", selinux=now))
    assert told(mode_kept(ends(*looks))) == expected


def test_without_selinux_there_is_nothing_to_judge():
    for judge in (mode_kept, route_lost):
        assert judge(ends(look("before"), look("after"))).outcome is SKIP


def clocks(*booted_at, boots=()):
    names = ("before", "ready", "installed", "after")
    return [
        look(name, boot=boot, clock=at if isinstance(at, str) else Clock(booted_at=at))
        for name, at, boot in zip(names, booted_at, boots or [look("x").boot.boot_id] * 4)
    ]


TWICE = "-100 s in before..ready, +100 s in ready..installed"
A, B = look("x").boot.boot_id, BOOT_2


@pytest.mark.parametrize(
    ("looks", "expected"),
    [
        (clocks(1000.0, 1000.2, 1004.9), (PASS, "none", "")),
        (clocks(1000.0, 1000.0, 1005.1), (WARN, "+5 s in ready..installed", "")),
        (clocks(1000.0, 900.0, 1000.0), (WARN, TWICE, "")),
        (clocks(1000.0, 5000.0, boots=(A, B)), (SKIP, "", "no two looks in one boot to compare")),
        (clocks(1000.0, 5000.0, 5090.0, boots=(A, B, B)), (WARN, "+90 s in ready..installed", "")),
        (clocks(1000.0, 1000.0, 5000.0, boots=(A, A, B)), (PASS, "none", "")),
        (clocks(1000.0, "it hung", 1090.0), (WARN, "+90 s in before..installed", "")),
        (clocks(1000.0, 1000.0, "it hung"), (UNKNOWN, "", "installed: it hung")),
        (clocks("it hung", 1000.0), (UNKNOWN, "", "before: it hung")),
        ([look("before"), look("after")], (SKIP, "", "not looked at")),
    ],
)  # fmt: skip
def test_the_clock(looks, expected):
    assert told(stepped(ends(*looks))) == expected


@pytest.mark.parametrize("later", [1000.0, 900.0])
@pytest.mark.parametrize(
    ("first", "text"),
    [
        (Clock(synchronised=True, booted_at=1000.0), "synchronised"),
        (Clock(synchronised=False, booted_at=1000.0), "not synchronised"),
        (Clock(booted_at=1000.0), ""),
        ("it hung", ""),
    ],
)
def test_whether_the_clock_was_synchronised_before_is_told_where_it_is_known(first, later, text):
    looks = [
        look("before", clock=first),
        look("ready", clock=Clock(booted_at=1000.0)),
        look("after", clock=Clock(booted_at=later)),
    ]
    assert stepped(ends(*looks)).before == text
