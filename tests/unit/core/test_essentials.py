"""A package database that lost what no machine runs without is not known: nothing was removed."""

from __future__ import annotations

from dataclasses import replace

import pytest
from support.journals import BOOT_1, folded, opened

from hookd.core.compare import package_changes
from hookd.core.essentials import doubted
from hookd.core.journal import SnapshotTaken
from hookd.core.looks import in_order, packages_changed
from hookd.core.readings import Boot, InstalledKernel, Kernel, PackageSet, Standing
from hookd.core.snapshot import Snapshot

LOST = "a part of it is lost: none of rpm, glibc, bash is in it, {} had {}"
OWNED = Kernel(
    running="4.14.1-1.amzn2.x86_64",
    running_package="kernel-4.14.1-1.amzn2.x86_64",
    installed=(InstalledKernel("4.14.1-1.amzn2.x86_64", "kernel", "4.14.1-1.amzn2", 7),),
    installed_standing=Standing.OK,
    livepatches=("kernel-livepatch-4.14-1.x86_64",),
)


def database(*names, source="rpmdb"):
    return PackageSet(source=source, installed={f"{n}.x86_64": (("1-1", 1),) for n in names})


def look(name, *databases, kernel=OWNED):
    return Snapshot(name, name, Boot(boot_id=BOOT_1), kernel, databases)


def unknown(name, *, had, at, kernel):
    reading = PackageSet(Standing.UNKNOWN, LOST.format(at, had))
    return replace(look(name, reading), kernel=kernel)


def without_packages(reason):
    return Kernel(
        running="4.14.1-1.amzn2.x86_64",
        installed_standing=Standing.UNKNOWN,
        installed_reason=f"rpmdb: {reason}",
    )


WHOLE = database("app", "bash", "glibc", "rpm")
AS_THEY_ARE = {
    "nothing was looked at": (),
    "whole": (look("before", WHOLE), look("after", WHOLE)),
    "one of them is left": (look("before", WHOLE), look("after", database("glibc"))),
    "none was there before": (look("before", database("app")), look("after", database("tool"))),
    "none was there at first": (look("before", database("app")), look("after", WHOLE)),
    "it was not read before": (
        look("before", PackageSet(Standing.UNKNOWN, "locked")),
        look("after", database("app")),
    ),
    "it is gone": (look("before", WHOLE), look("after")),
    "it is of dpkg": (
        look("before", database("bash", source="dpkg")),
        look("after", database("app", source="dpkg")),
    ),
    "a name that only begins so": (
        look("before", database("bash-completion")),
        look("after", database("app")),
    ),
}


@pytest.mark.parametrize("looks", AS_THEY_ARE.values(), ids=AS_THEY_ARE)
def test_it_is_as_it_was_read_unless_it_lost_all_three(looks):
    assert doubted(looks) == looks


def test_from_where_all_three_are_lost_it_is_not_known():
    looks = (look("before", WHOLE), look("ready", database("app")), look("after", database("app")))
    reason = LOST.format("before", "bash, glibc, rpm")
    later = {"had": "bash, glibc, rpm", "at": "before", "kernel": without_packages(reason)}
    assert doubted(looks) == (looks[0], unknown("ready", **later), unknown("after", **later))


def test_one_that_is_whole_again_is_believed():
    looks = (look("before", WHOLE), look("ready", database("app")), look("after", WHOLE))
    assert doubted(looks)[2] is looks[2]


def test_the_newest_look_that_had_one_is_told():
    looks = (look("before", WHOLE), look("ready", database("rpm")), look("after", database("app")))
    reason = LOST.format("ready", "rpm")
    last = unknown("after", had="rpm", at="ready", kernel=without_packages(reason))
    assert doubted(looks) == (*looks[:2], last)


def test_kernels_that_files_tell_of_are_kept():
    by_files = replace(OWNED, running_package="", installed=(InstalledKernel("4.14.1"),))
    by_files = replace(by_files, livepatches=())
    looks = (look("before", WHOLE), look("after", database("app"), kernel=by_files))
    last = unknown("after", had="bash, glibc, rpm", at="before", kernel=by_files)
    assert doubted(looks) == (looks[0], last)


def test_the_looks_of_an_operation_are_so_and_tell_of_no_removal():
    found = {"before": look("before", WHOLE), "after": look("after", database("app"))}
    operation = folded(opened(), *(SnapshotTaken(name) for name in found))
    looks = in_order(operation, found, with_last_known=False)
    assert looks == doubted(tuple(found.values()))
    assert (package_changes(*looks), packages_changed(looks)) == ((), None)
