"""The checks `expect.*`: one a kind, by the newest look of on-exit, and how it was before."""

from __future__ import annotations

import pytest

from hookd.core.checks.expect import judged
from hookd.core.checks.table import CHECKS
from hookd.core.model import Check, Outcome, Severity
from hookd.core.node import Expectations, Expected
from hookd.core.readings import Boot, Kernel
from hookd.core.snapshot import Snapshot


def unit(name, is_met, **more):
    found = {True: "active (running)", False: "inactive (dead)", None: ""}[is_met]
    reason = "systemctl is silent" if is_met is None else ""
    return Expected("units", name, is_met, "active", found, **{"reason": reason, **more})


def look(name, *results):
    return Snapshot(name, "", Boot(), Kernel(), expectations=Expectations(results=results))


def units(*looks, is_final=False):
    (check,) = judged(looks, {}, is_final=is_final)
    return check


def check(outcome, *, expected="", found="", reason="", before="", severity=Severity.FAIL):
    bad = outcome in (Outcome.FAIL, Outcome.WARN)
    remedy = CHECKS["expect.units"].remedy if bad else ""
    return Check("expect.units", outcome, severity, expected, found, reason, remedy, before=before)


def test_nothing_expected_is_no_check_at_all():
    assert judged([look("before"), look("arrived"), look("after")], {}, is_final=True) == []
    assert judged([], {}, is_final=True) == []


@pytest.mark.parametrize("name", ["before", "ready", "installed", "leaving", "booted-1"])
def test_only_the_looks_of_on_exit_are_judged(name):
    assert judged([look(name, unit("a.service", False))], {}, is_final=True) == []


def test_what_is_met_passes():
    found = units(look("after", unit("a.service", True), unit("b.service", True)))

    assert found == check(
        Outcome.PASS,
        expected="a.service: active, b.service: active",
        found="a.service: active (running), b.service: active (running)",
    )


def test_what_is_not_met_is_named_with_how_it_was_before():
    found = units(
        look("before", unit("a.service", True), unit("b.service", False), unit("c.service", True)),
        look("ready", unit("a.service", True), unit("b.service", False), unit("c.service", True)),
        look("after", unit("a.service", False), unit("b.service", False), unit("c.service", True)),
    )

    assert found == check(
        Outcome.FAIL,
        expected="a.service: active, b.service: active",
        found="a.service: inactive (dead), b.service: inactive (dead)",
        before="a.service: met, b.service: not met",
    )


def test_without_pre_the_last_known_state_is_before():
    found = units(
        look("last-known", unit("a.service", True)), look("arrived", unit("a.service", False))
    )

    assert found.before == "a.service: met"


def test_the_severity_is_that_of_the_configuration():
    looks = [look("after", unit("a.service", False))]
    (found,) = judged(looks, {"expect.units": Severity.WARN}, is_final=True)

    assert (found.outcome, found.severity) == (Outcome.WARN, Severity.WARN)


def test_what_could_not_be_tried_is_unknown_and_never_fine():
    found = units(look("after", unit("a.service", True), unit("b.service", None)))

    assert (found.outcome, found.expected, found.reason) == (
        Outcome.UNKNOWN,
        "b.service: active",
        "b.service: systemctl is silent",
    )


def test_what_is_not_met_counts_more_than_what_is_not_known():
    found = units(look("after", unit("a.service", None), unit("b.service", False)))

    assert (found.outcome, found.found) == (
        Outcome.FAIL,
        "b.service: inactive (dead), a.service: systemctl is silent",
    )


def test_what_cannot_be_tried_below_another_root_is_skipped():
    results = [unit("a.service", None, reason="nothing runs here", is_skipped=True)]

    assert units(look("after", *results)) == check(Outcome.SKIP, reason="nothing runs here")


STOPPED = (
    look("before", unit("a.service", True), unit("b.service", True)),
    look("ready", unit("a.service", False), unit("b.service", True)),
)


@pytest.mark.parametrize("is_met", [False, None])
@pytest.mark.parametrize("name", ["arrived", "after"])
def test_what_pre_stopped_is_left_out_until_on_exit_has_ended(name, is_met):
    now = look(name, unit("a.service", is_met), unit("b.service", True))

    assert units(*STOPPED, now) == check(
        Outcome.SKIP,
        reason="pre's hooks had stopped it, on-exit's have not run yet: a.service",
    )


def test_beside_what_pre_stopped_the_rest_is_judged():
    arrived = look("arrived", unit("a.service", False), unit("b.service", False))
    found = units(*STOPPED, arrived)

    assert (found.outcome, found.found) == (Outcome.FAIL, "b.service: inactive (dead)")


def test_what_pre_stopped_and_is_back_already_passes():
    arrived = look("arrived", unit("a.service", True), unit("b.service", True))

    assert units(*STOPPED, arrived).outcome is Outcome.PASS


def test_in_the_end_what_pre_stopped_and_nobody_brought_back_fails_with_that_reason():
    after = look("after", unit("a.service", False), unit("b.service", True))

    assert units(*STOPPED, look("arrived"), after, is_final=True) == check(
        Outcome.FAIL,
        expected="a.service: active",
        found="a.service: inactive (dead)",
        reason="pre's hooks had stopped it, on-exit's did not bring it back: a.service",
        before="a.service: met",
    )


def test_every_kind_has_a_check_of_its_own():
    results = [Expected(kind, "x", True) for kind in ("file", "command", "tcp", "http", "units")]
    found = judged([look("after", *results)], {}, is_final=True)

    assert [one.id for one in found] == [
        "expect.units", "expect.http", "expect.tcp", "expect.command", "expect.file",
    ]  # fmt: skip


def test_more_than_five_are_counted():
    results = [unit(f"{n}.service", False) for n in range(7)]

    assert units(look("after", *results)).expected.endswith("4.service: active and 2 more")
