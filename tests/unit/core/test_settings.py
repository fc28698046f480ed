"""What else of the node differs between looks."""

from __future__ import annotations

import pytest
from support.looks import look

from hookd.core.differences import SettingChange
from hookd.core.node import Clock, Leavings, Network, Selinux
from hookd.core.settings import changes

ROUTE = "ipv4 via 10.0.0.1 dev eth0"


def between(**readings):
    before = {noun: pair[0] for noun, pair in readings.items()}
    after = {noun: pair[1] for noun, pair in readings.items()}
    return changes((look("ready", **before), look("installed", **after)))


@pytest.mark.parametrize(
    ("readings", "expected"),
    [
        (
            {"selinux": (Selinux(mode="enforcing"), Selinux(mode="permissive"))},
            ("selinux", "enforcing", "permissive"),
        ),
        (
            {"network": (Network(default_routes=(ROUTE,)), Network())},
            ("default route", ROUTE, ""),
        ),
        (
            {"network": (Network(resolvers=("10.0.0.2",)), Network(resolvers=("1.1.1.1", "::1")))},
            ("resolvers", "10.0.0.2", "1.1.1.1, ::1"),
        ),
        (
            {"clock": (Clock(synchronised=True), Clock(synchronised=False))},
            ("time synchronisation", "yes", "no"),
        ),
        (
            {"loaded": (("livepatch_1",), ())},
            ("livepatches", "livepatch_1", ""),
        ),
        ({"leavings": (["/etc/a.rpmsave"], ["/etc/a.rpmsave", "/etc/b.rpmnew"])},
         ("/etc/b.rpmnew", "", "there")),
    ],
)  # fmt: skip
def test_a_change(readings, expected):
    assert between(**readings) == (SettingChange(*expected, "ready..installed"),)


@pytest.mark.parametrize(
    "readings",
    [
        {"selinux": (Selinux(mode="enforcing"), "it hung")},
        {"clock": (Clock(synchronised=None), Clock(synchronised=True))},
        {
            "clock": (
                Clock(synchronised=True, booted_at=1.0),
                Clock(synchronised=True, booted_at=900.0),
            )
        },
        {"leavings": (["/etc/merged.rpmnew"], [])},
        {"leavings": (Leavings(files=("/etc/a.rpmnew",), is_whole=False), ["/etc/b.rpmnew"])},
    ],
)
def test_what_is_no_change_or_not_known_to_be_one(readings):
    assert between(**readings) == ()


def test_what_changed_twice_is_told_twice():
    modes = ("enforcing", "permissive", "enforcing")
    names = ("before", "ready", "after")
    looks = tuple(look(n, selinux=Selinux(mode=mode)) for n, mode in zip(names, modes))
    assert changes(looks) == (
        SettingChange("selinux", "enforcing", "permissive", "before..ready"),
        SettingChange("selinux", "permissive", "enforcing", "ready..after"),
    )
