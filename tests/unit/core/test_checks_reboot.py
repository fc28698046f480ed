"""The check `reboot.needed`: what waits, since when, and what is not known."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hookd.core.checks.reboot import Reasons, needed
from hookd.core.checks.table import CHECKS
from hookd.core.model import Check, Outcome, Severity
from hookd.core.node import Node, RebootRequired
from hookd.core.pending import Waiting
from hookd.core.readings import (
    Boot,
    History,
    Kernel,
    NextBoot,
    PackageLog,
    PackageSet,
    Standing,
)
from hookd.core.snapshot import Snapshot

OLD, NEW = "4.14.9-1.x86_64", "4.14.10-1.x86_64"
GLIBC, SYSTEMD = "glibc 2.26-64 -> 2.26-65", "systemd 219-78 -> 219-79"
LAST = Snapshot("after", "", Boot(boot_id="b"), Kernel(), (PackageSet(),))
NOTHING = Reasons()
KERNEL = Reasons(Waiting(NEW))
KERNEL_WORDS = f"kernel {NEW} boots next"
PENDING = "Patch Manager counts 3 patches pending"


def asked(*names):
    return Reasons(Waiting(asked=True, asked_by=names))


NEEDED = {
    "packages": (
        Reasons(Waiting(packages=(GLIBC, SYSTEMD))),
        NOTHING,
        f"{GLIBC}, {SYSTEMD}",
        "none",
    ),
    "many packages": (
        Reasons(Waiting(packages=tuple("abcdefg"))),
        NOTHING,
        "a, b, c, d, e and 2 more",
        "none",
    ),
    "a kernel": (KERNEL, NOTHING, KERNEL_WORDS, "none"),
    "both": (
        Reasons(Waiting(NEW, (GLIBC,))),
        NOTHING,
        f"{GLIBC}; {KERNEL_WORDS}",
        "none",
    ),
    "Debian": (asked("libc6"), NOTHING, "/run/reboot-required is there, for libc6", "none"),
    "Debian, without names": (asked(), NOTHING, "/run/reboot-required is there", "none"),
    "Patch Manager": (Reasons(patches=3), NOTHING, PENDING, "none"),
    "as before": (KERNEL, KERNEL, f"as before the operation: {KERNEL_WORDS}", KERNEL_WORDS),
    "another kernel than before": (
        KERNEL,
        Reasons(Waiting("4.14.9-2.x86_64")),
        KERNEL_WORDS,
        "kernel 4.14.9-2.x86_64 boots next",
    ),
    "packages, and a kernel from before": (
        Reasons(Waiting(NEW, (GLIBC,))),
        KERNEL,
        f"{GLIBC}; {KERNEL_WORDS}",
        KERNEL_WORDS,
    ),
    "Debian, as before": (
        asked("libc6"),
        asked("libc6"),
        "as before the operation: /run/reboot-required is there, for libc6",
        "/run/reboot-required is there, for libc6",
    ),
    "Debian, for one more": (
        asked("dbus", "libc6"),
        asked("libc6"),
        "/run/reboot-required is there, for dbus, libc6",
        "/run/reboot-required is there, for libc6",
    ),
    "Patch Manager, as before": (
        Reasons(patches=3),
        Reasons(patches=3),
        f"as before the operation: {PENDING}",
        PENDING,
    ),
    "Patch Manager, more than before": (
        Reasons(patches=3),
        Reasons(patches=2),
        PENDING,
        "Patch Manager counts 2 patches pending",
    ),
}


@pytest.mark.parametrize(("now", "before", "found", "was"), NEEDED.values(), ids=NEEDED)
def test_a_reboot_that_is_to_come_is_a_warning(now, before, found, was):
    assert needed(LAST, now, before, {}) == Check(
        "reboot.needed",
        Outcome.WARN,
        Severity.WARN,
        "none",
        found,
        remedy=CHECKS["reboot.needed"].remedy,
        before=was,
    )


def test_that_it_was_ordered_to_wait_is_said():
    check = needed(LAST, KERNEL, NOTHING, {}, is_forbidden=True)
    assert (check.outcome, check.found, check.reason) == (
        Outcome.WARN,
        KERNEL_WORDS,
        f"RebootOption is NoReboot: {KERNEL_WORDS}",
    )


@pytest.mark.parametrize("before", [NOTHING, KERNEL], ids=["never", "before"])
def test_nothing_waits(before):
    check = needed(LAST, Reasons(patches=0), before, {}, is_forbidden=True)
    assert (check.outcome, check.found, check.reason) == (Outcome.PASS, "none", "")
    assert check.before == ("none" if before is NOTHING else KERNEL_WORDS)


ABSENT, GARBLED = Standing.ABSENT, Standing.UNKNOWN
SOURCES = {
    "a package database": ({}, "pass", ""),
    "a boot loader alone": (
        {"packages": (), "kernel": Kernel(next_boot=NextBoot(release=OLD), running=OLD)},
        "pass",
        "",
    ),
    "a log alone": ({"packages": (), "logs": (PackageLog(),)}, "pass", ""),
    "Debian's file alone": (
        {"packages": (), "node": Node(reboot_required=RebootRequired())},
        "pass",
        "",
    ),
    "none": (
        {"packages": (), "logs": (PackageLog(ABSENT),), "histories": (History(ABSENT),)},
        "skip",
        "nothing here tells of pending reboots",
    ),
    "an unread database": (
        {"packages": (PackageSet(GARBLED, "rpm timed out"),)},
        "unknown",
        "rpm timed out",
    ),
    "one database of two": (
        {"packages": (PackageSet(), PackageSet(GARBLED, "dpkg timed out"))},
        "unknown",
        "dpkg timed out",
    ),
    "an unread boot loader": (
        {"kernel": Kernel(next_boot=NextBoot(GARBLED, "grubenv is garbled"))},
        "unknown",
        "grubenv is garbled",
    ),
    "an unread kernel": (
        {"kernel": Kernel(GARBLED, "osrelease is garbled")},
        "unknown",
        "osrelease is garbled",
    ),
    "logs that only stand beside a database": ({"logs": (PackageLog(GARBLED),)}, "pass", ""),
}


@pytest.mark.parametrize(("more", "outcome", "reason"), SOURCES.values(), ids=SOURCES)
def test_that_nothing_waits_is_known_only_where_something_tells(more, outcome, reason):
    check = needed(replace(LAST, **more), NOTHING, NOTHING, {})
    assert (check.outcome.value, check.reason) == (outcome, reason)
