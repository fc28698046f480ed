"""What waits for a reboot at the end of an operation, and what a boot of it has done away with."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hookd.core.compare import compare
from hookd.core.model import Changes, KernelChange, PackageAction, PackageChange
from hookd.core.node import Node, RebootRequired
from hookd.core.pending import Waiting, is_pending, waiting, waiting_at
from hookd.core.readings import Boot, Kernel, NextBoot, PackageSet, Standing
from hookd.core.snapshot import Snapshot

OLD, NEW = "4.14.9-1.x86_64", "4.14.10-1.x86_64"
BOOTED = 1000
RPM, LOG = ("rpmdb", "yum.log"), ("yum.log",)


def look(name, boot_id="one", running=OLD, following=OLD, installed=None, asked=None):
    packages = (PackageSet(installed=installed),) if installed is not None else ()
    required = RebootRequired(Standing.OK, "", asked is not None, asked or ())
    return Snapshot(
        name,
        "",
        Boot(boot_id=boot_id, btime=BOOTED if boot_id == "two" else 0),
        Kernel(running=running, next_boot=NextBoot(release=following)),
        packages,
        os="amzn 2",
        node=Node(reboot_required=required),
    )


def change(between, name="glibc", before=("2.26-64",), after=("2.26-65",), seen=RPM, **more):
    action = more.get("action", PackageAction.UPDATED)
    return PackageChange(name, "x86_64", action, before, after, between, seen)


def waits(looks, *changes, promised=""):
    return waiting(looks, Changes(changes, KernelChange(promised=promised)))


SAME = (look("before"), look("ready"), look("installed"), look("leaving"), look("arrived"))
GLIBC = Waiting(packages=("glibc 2.26-64 -> 2.26-65",))

UNBOOTED = {
    "nothing changed": ((), Waiting()),
    "a package that needs it": ((change("ready..installed"),), GLIBC),
    "one that does not": ((change("ready..installed", "bash"),), Waiting()),
    "one that pre's hooks brought": ((change("before..ready"),), GLIBC),
    "one for two architectures": (
        (change("ready..installed"), replace(change("ready..installed"), arch="i686")),
        GLIBC,
    ),
    "one that was new": (
        (change("ready..installed", before=(), action=PackageAction.INSTALLED),),
        Waiting(packages=("glibc 2.26-65",)),
    ),
    "one that was put in again": (
        (change("ready..installed", after=("2.26-64",), action=PackageAction.REINSTALLED),),
        Waiting(packages=("glibc 2.26-64",)),
    ),
    "one that went": (
        (change("ready..installed", after=(), action=PackageAction.REMOVED),),
        Waiting(),
    ),
    "a kernel that the boot loader does not know": (
        (change("ready..installed", "kernel", ("4.14.9-1",), ("4.14.9-1", "4.14.10-1")),),
        Waiting(packages=("kernel 4.14.10-1",)),
    ),
    "by a log alone": ((change("leaving..arrived", seen=LOG),), GLIBC),
}


@pytest.mark.parametrize(("changes", "expected"), UNBOOTED.values(), ids=UNBOOTED)
def test_what_came_waits_until_the_machine_boots(changes, expected):
    assert waits(SAME, *changes) == expected


def test_the_kernel_that_boots_next_is_named_once():
    looks = (look("before"), look("after", following=NEW))
    came = change("before..after", "kernel", ("4.14.9-1",), ("4.14.9-1", "4.14.10-1"))
    assert waits(looks, came, change("before..after")) == replace(GLIBC, kernel=NEW)


def test_a_machine_that_is_told_to_boot_an_older_kernel_waits_for_it():
    assert waits((look("before", running=NEW), look("after", running=NEW))) == Waiting(OLD)


@pytest.mark.parametrize("standing", [Standing.UNKNOWN, Standing.ABSENT])
def test_kernels_that_are_not_known_do_not_wait(standing):
    at = look("after", following=NEW)
    unread = replace(at, kernel=replace(at.kernel, next_boot=NextBoot(standing)))
    assert waiting_at(unread) == Waiting()
    assert waiting_at(replace(at, kernel=replace(at.kernel, standing=standing))) == Waiting()


def test_debian_says_it_itself():
    assert waits((look("before"), look("after", asked=("libc6",)))) == Waiting(
        asked=True, asked_by=("libc6",)
    )


# -- after a boot ------------------------------------------------------------------------------


def rebooted(running=NEW, *, with_look=True, installed=None):
    """The operation's reboot, into `running`; NEW had been told to boot."""
    later = ("booted-1", "arrived") if with_look else ("arrived",)
    return (
        *SAME[:3],
        look("leaving", following=NEW),
        *(look(name, "two", running, NEW, installed) for name in later),
    )


AFTER, BEFORE = BOOTED + 5, BOOTED - 5
NEWLY = {"glibc.x86_64": (("2.26-65", AFTER),)}
EARLY = {"glibc.x86_64": (("2.26-65", BEFORE),)}
UNTIMED = {"glibc.x86_64": (("2.26-65", 0),)}

REBOOTED = {
    "what came before the boot": (rebooted(), change("ready..installed"), Waiting()),
    "what came after it": (rebooted(), change("booted-1..arrived"), GLIBC),
    "after it, by a log that the first look does not read": (
        rebooted(),
        change("booted-1..arrived", seen=LOG),
        Waiting(),
    ),
    "around it, installed before": (
        rebooted(with_look=False, installed=EARLY),
        change("leaving..arrived"),
        Waiting(),
    ),
    "around it, installed after": (
        rebooted(with_look=False, installed=NEWLY),
        change("leaving..arrived"),
        GLIBC,
    ),
    "around it, nobody knows when": (
        rebooted(with_look=False, installed=UNTIMED),
        change("leaving..arrived"),
        Waiting(),
    ),
}


@pytest.mark.parametrize(("looks", "came", "expected"), REBOOTED.values(), ids=REBOOTED)
def test_a_boot_does_away_with_what_came_before_it(looks, came, expected):
    assert waits(looks, came, promised=NEW) == expected


def test_a_promise_that_was_broken_is_not_told_twice():
    assert waits(rebooted(OLD), promised=NEW) == Waiting()


def test_a_kernel_that_came_after_the_boot_waits():
    assert waits(rebooted(OLD), promised=OLD) == Waiting(NEW)


def test_without_a_boot_id_nothing_is_taken_for_booted():
    looks = [
        replace(one, boot=Boot(Standing.UNKNOWN, "boot_id is garbled")) if at > 3 else one
        for at, one in enumerate(rebooted())
    ]
    assert waits(looks, change("ready..installed"), promised=NEW) == GLIBC


def test_since_the_last_known_state_a_boot_counts_as_well():
    looks = (look("last-known"), look("arrived", "two", NEW, NEW, EARLY))
    assert waits(looks, change("last-known..arrived")) == Waiting()


def test_what_really_differs_is_judged_too():
    before = look("before", installed={"systemd.x86_64": (("219-78", 1),)})
    after = look("after", installed={"systemd.x86_64": (("219-79", 2),)})
    looks = (before, after)
    assert waiting(looks, compare(looks)) == Waiting(packages=("systemd 219-78 -> 219-79",))


@pytest.mark.parametrize(
    ("looks", "expected"),
    [((), None), (SAME, False), ((look("before"), look("after", following=NEW)), True)],
)
def test_a_reboot_is_pending_if_something_waits(looks, expected):
    assert is_pending(looks, Changes()) is expected
