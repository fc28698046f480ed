"""Which changed packages are behind a unit."""

from __future__ import annotations

import pytest
from support.looks import look, owning, unit, updated

from hookd.core.blame import Blame
from hookd.core.model import PackageAction, PackageChange
from hookd.core.node import Aftermath, Processes
from hookd.core.readings import Standing

FRAGMENT = "/usr/lib/systemd/system/app.service"
APP, SSL, OTHER = "/usr/bin/app", "/usr/lib64/libssl.so.1.0.2k", "/usr/lib64/libother.so.1"
OWNERS = {FRAGMENT: "app.noarch", APP: "app.noarch", SSL: "openssl-libs.x86_64"}
GONE = PackageChange("old", "noarch", PackageAction.REMOVED, ("1",), (), "ready..installed", ())


def before(**more):
    files = (APP, OTHER, SSL)
    uses = {"app.service": (0, 2), "other.service": (1,), "odd.service": (2, 7, -1)}
    return look(
        "before",
        units=[unit("app.service", fragment=FRAGMENT)],
        processes=Processes(files=files, uses=uses),
        **more,
    )


def blame(*packages, owners=OWNERS):
    asked = owning(packages=tuple(packages), owners=owners)
    return Blame((before(), look("installed", aftermath=asked)), updated(*packages))


def test_the_package_of_the_unit_file_comes_first():
    found = blame("app.noarch", "openssl-libs.x86_64", "bash.x86_64")
    assert found.of("app.service") == ("app.noarch", "openssl-libs.x86_64")


def test_a_file_that_is_no_longer_used_counts_by_the_look_in_which_it_was():
    assert blame("openssl-libs.x86_64").of("app.service") == ("openssl-libs.x86_64",)


@pytest.mark.parametrize("name", ["other.service", "gone.service", ""])
def test_what_stands_on_nothing_that_changed_has_nobody_to_blame(name):
    assert blame("app.noarch", "openssl-libs.x86_64").of(name) == ()


RUN, SCRIPT = "/opt/app/run", "/opt/app/run.py"
OWN = unit("own.service", fragment="/etc/systemd/system/own.service", files=("/bin/sh", RUN))


@pytest.mark.parametrize("is_left", [True, False])
def test_the_package_of_what_it_is_to_execute_is_blamed_also_where_nothing_maps_it(is_left):
    now = [OWN] if is_left else []
    asked = owning(packages=("run.noarch",), owners={RUN: "run.noarch", SCRIPT: "run.noarch"})
    looks = (look("before", units=[OWN]), look("installed", units=now, aftermath=asked))
    found = Blame(looks, updated("run.noarch"))
    assert (found.of("own.service"), found.of("other.service")) == (("run.noarch",), ())


def test_what_it_executes_comes_between_its_unit_file_and_what_it_maps():
    one = unit("app.service", fragment=FRAGMENT, files=("/opt/z", "/opt/a"))
    processes = Processes(files=(APP,), uses={"app.service": (0,)})
    owners = {FRAGMENT: "d.noarch", "/opt/z": "c.noarch", "/opt/a": "b.noarch", APP: "a.noarch"}
    asked = owning(owners=owners)
    looks = (look("before", units=[one], processes=processes), look("after", aftermath=asked))
    names = ("d.noarch", "c.noarch", "b.noarch", "a.noarch")
    assert Blame(looks, updated(*names)).of("app.service") == names


def test_behind_a_socket_unit_is_its_own_file_and_all_of_the_service_that_it_starts():
    units = [
        unit("app.socket", fragment="/x/app.socket", triggers=("own.service", "gone.service")),
        OWN,
    ]
    asked = owning(owners={RUN: "run.noarch", "/x/app.socket": "units.noarch"})
    looks = (look("before", units=units), look("after", aftermath=asked))
    found = Blame(looks, updated("run.noarch", "units.noarch"))
    assert found.of("app.socket") == ("units.noarch", "run.noarch")
    assert found.of("own.service") == ("run.noarch",)


def test_an_owner_that_did_not_change_over_the_operation_is_not_blamed():
    assert blame("bash.x86_64").of("app.service") == ()


def test_indices_that_lead_nowhere_are_passed_over():
    assert blame("openssl-libs.x86_64").of("odd.service") == ("openssl-libs.x86_64",)


@pytest.mark.parametrize(
    ("aftermaths", "packages", "knows_all"),
    [
        ((owning(),), (), True),
        ((owning(), Aftermath(Standing.ABSENT, "nobody was asked at boot")), (), True),
        ((), (), False),
        ((Aftermath(Standing.UNKNOWN, "rpm: locked"), owning()), (), False),
        ((owning(reason="only 500 of 700 packages were asked about"),), (), False),
        ((owning(),), (GONE,), False),
    ],
)
def test_whether_every_owner_is_known(aftermaths, packages, knows_all):
    looks = [look(f"look-{n}", aftermath=one) for n, one in enumerate(aftermaths)]
    assert Blame((before(), *looks), packages).knows_all is knows_all
