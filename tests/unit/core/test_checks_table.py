"""The table of checks, and how severity from the configuration shapes an outcome."""

from __future__ import annotations

import pytest

from hookd.core.checks.table import CHECKS, Judge, listed, severity_of
from hookd.core.model import Check, Outcome, Severity

ID = "kernel.next-boot-is-newest"
WARNINGS = {
    "boot.clean",
    "boot.count",
    "clock.stepped",
    "config.rpmnew",
    "hooks.changed-since-pre",
    "kernel.livepatch-kept",
    "kernel.next-boot-is-newest",
    "packages.files-intact",
    "packages.history-agrees",
    "packages.log-agrees",
    "processes.stale",
    "reboot.needed",
    "selinux.mode-kept",
    "ssm.patch-counts-agree",
    "ssm.pending-reboot-predicted",
    "units.failed-before",
    "units.flapping",
}


def test_the_table_has_these_checks_and_these_warn_by_default():
    assert set(CHECKS) == WARNINGS | {
        "agent.alive",
        "boot.loop",
        "boot.rebooted-as-expected",
        "config.loads",
        "disk.low",
        "expect.command",
        "expect.file",
        "expect.http",
        "expect.tcp",
        "expect.units",
        "hooks.readable",
        "kernel.next-boot-files",
        "kernel.running-is-promised",
        "mounts.lost",
        "network.route-lost",
        "packages.duplicates",
        "packages.readable",
        "packages.unfinished-transaction",
        "run.held",
        "run.pre-bypassed",
        "run.slot-matches",
        "sockets.lost",
        "ssm.failed-patches",
        "state.readable",
        "state.writable",
        "undo.outstanding",
        "units.failed-since-pre",
    }
    assert {id_ for id_, rule in CHECKS.items() if rule.severity is Severity.WARN} == WARNINGS


@pytest.mark.parametrize("rule", CHECKS.values(), ids=list(CHECKS))
def test_every_check_says_what_it_means_and_what_to_do(rule):
    assert rule.title
    assert rule.remedy.endswith(".")
    assert not set("{}") & set(rule.remedy.format(release="6.1.1-1.x86_64"))


@pytest.mark.parametrize(
    ("severity", "outcome"),
    [
        (Severity.FAIL, Outcome.FAIL),
        (Severity.WARN, Outcome.WARN),
        (Severity.IGNORE, Outcome.WARN),
    ],
)
def test_what_is_not_met_fails_only_at_severity_fail(severity, outcome):
    got = Judge("config.loads", {"config.loads": severity}).not_met(expected="a", found="b")
    remedy = CHECKS["config.loads"].remedy
    assert got == Check("config.loads", outcome, severity, "a", "b", "", remedy)


def test_the_configuration_beats_the_table():
    assert severity_of(ID, {}) is Severity.WARN
    assert severity_of(ID, {ID: Severity.FAIL}) is Severity.FAIL


@pytest.mark.parametrize(
    ("configured", "at_most", "expected"),
    [
        (Severity.FAIL, Severity.FAIL, Severity.FAIL),
        (Severity.FAIL, Severity.WARN, Severity.WARN),
        (Severity.IGNORE, Severity.WARN, Severity.IGNORE),
    ],
)
def test_unknown_is_never_pass_and_has_a_reason(configured, at_most, expected):
    got = Judge(ID, {ID: configured}).unknown("", at_most=at_most)
    assert (got.outcome, got.severity, got.reason) == (Outcome.UNKNOWN, expected, "not known")
    assert got.remedy


@pytest.mark.parametrize(
    ("names", "text"),
    [
        ([], ""),
        (["a"], "a"),
        (list("abcde"), "a, b, c, d, e"),
        (list("abcdefg"), "a, b, c, d, e and 2 more"),
    ],
)
def test_lists_are_cut_after_five(names, text):
    assert listed(names) == text
