"""The judgement of processes that run what was replaced."""

from __future__ import annotations

import pytest
from support.looks import BOOT_2, ends, look, owning, updated

from hookd.core.checks.processes import stale
from hookd.core.ignore import Ignore
from hookd.core.model import Outcome
from hookd.core.node import Processes, StaleProcess

PASS, WARN, UNKNOWN, SKIP = Outcome.PASS, Outcome.WARN, Outcome.UNKNOWN, Outcome.SKIP
SSL, C = "/usr/lib64/libssl.so.1.0.2k", "/usr/lib64/libc-2.26.so"
APP = StaleProcess(41, 900.0, "/usr/bin/app", "app.service", (SSL, C))
BARE = StaleProcess(42, 901.0, "/usr/bin/tool", "", (C,))
NONE = (PASS, "none that did not before")


def running(name, *found, boot=None, **more):
    at = {"boot": boot} if boot else {}
    return look(name, processes=Processes(stale=found), **at, **more)


def told(*looks, **more):
    check = stale(ends(*looks, **more))
    return check.outcome, check.found


def after(*found, before=(), owners=None, packages=(), **more):
    asked = {"aftermath": owning(owners=owners)} if owners is not None else {}
    looks = (running("before", *before), running("after", *found, **asked))
    return told(*looks, packages=packages, **more)


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        ((), NONE),
        ((APP,), (WARN, f"app of app.service (pid 41: {SSL} and 1 more)")),
        ((BARE,), (WARN, f"tool (pid 42: {C})")),
        (
            (StaleProcess(9, 1.0, "", "", (C,)),),
            (WARN, f"a program without a name (pid 9: {C})"),
        ),
    ],
)
def test_who_is_stale(found, expected):
    assert after(*found) == expected


def test_who_was_stale_before_is_none_of_the_patchs_doing():
    assert after(APP, before=(APP,)) == NONE
    another = StaleProcess(41, 5000.0, "/usr/bin/app", "app.service", (C,))
    assert after(another, before=(APP,)) == (WARN, f"app of app.service (pid 41: {C})")


def test_the_agents_worker_ends_with_the_run_it_serves():
    unit = "amazon-ssm-agent.service"
    worker = StaleProcess(50, 910.0, "/usr/bin/ssm-document-worker", unit, (C,))
    agent = StaleProcess(51, 911.0, "/usr/bin/amazon-ssm-agent", unit, (C,))
    assert after(worker) == NONE
    assert after(worker, agent) == (WARN, f"amazon-ssm-agent of {unit} (pid 51: {C})")


def test_after_a_boot_every_process_is_another():
    looks = (running("before", APP), running("arrived", APP, boot=BOOT_2))
    assert told(*looks) == (WARN, f"app of app.service (pid 41: {SSL} and 1 more)")


def test_only_files_of_changed_packages_count_where_the_owners_are_known():
    owners, packages = {SSL: "openssl-libs.x86_64"}, updated("openssl-libs.x86_64")
    found = after(APP, owners=owners, packages=packages)
    assert found == (WARN, f"app of app.service (pid 41: {SSL})")
    assert after(APP, owners={}, packages=packages) == NONE


def test_of_what_is_in_no_unit_nobody_asked_for_the_owner():
    assert after(BARE, owners={}) == (WARN, f"tool (pid 42: {C})")


@pytest.mark.parametrize("pattern", ["/usr/bin/a*", "app.service"])
def test_what_the_admin_ignores_is_not_counted(pattern):
    assert after(APP, BARE, ignore=Ignore(processes=(pattern,))) == (WARN, f"tool (pid 42: {C})")


@pytest.mark.parametrize(
    ("looks", "outcome", "reason"),
    [
        ((look("before"), running("after", APP)), SKIP, "not looked at"),
        ((running("before"), look("after", processes="it hung")), UNKNOWN, "after: it hung"),
    ],
)
def test_where_there_is_nothing_to_compare(looks, outcome, reason):
    check = stale(ends(*looks))
    assert (check.outcome, check.reason) == (outcome, reason)


@pytest.mark.parametrize(
    ("before", "text"), [((), "none"), ((BARE,), "1 process"), ((APP, BARE), "2 processes")]
)
@pytest.mark.parametrize("boot", [None, BOOT_2])
def test_how_many_were_stale_before_is_told(before, text, boot):
    another = StaleProcess(43, 950.0, "/usr/bin/new", "", (C,))
    for now in ((), (another,)):
        looks = (running("before", *before), running("after", *now, boot=boot))
        assert stale(ends(*looks)).before == text


def test_who_is_ignored_was_not_stale_before_either():
    looks = (running("before", APP, BARE), running("after"))
    assert stale(ends(*looks, ignore=Ignore(processes=("app.service",)))).before == "1 process"
