"""JUnit XML, as somebody else's parser reads it."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import junitparser
import pytest
from support.documents import HOSTILE, passed_over, result
from support.journals import at, ran

from hookd.core.model import Check, Outcome, Severity, Stream
from hookd.report.junit import junit


def read(found):
    return junitparser.JUnitXml.fromstring(junit(found).encode("ascii"))


def case(found, suite, name):
    """Return (result kind, message) of a test case, kind being "" when it passed."""
    [cases] = [one for one in read(found) if one.name == suite]
    [chosen] = [one for one in cases if one.name == name]
    results = [(type(r).__name__.lower(), r.message) for r in chosen.result]
    return results[0] if results else ("", "")


def test_an_operation_is_a_suite_a_phase_one_of_checks_and_one_of_the_verdict():
    low = Check("disk.low", Outcome.FAIL, Severity.FAIL, "1 MiB", "0 MiB", "", "Free it.", "pre")
    found, _, _ = result(
        *ran("10-x", "failed", "pre", reason="exit 1"), passed_over("20-y"), checks=[low]
    )

    suites = [
        (s.name, s.tests, s.failures, s.errors, s.skipped, s.timestamp, [c.name for c in s])
        for s in read(found)
    ]

    assert suites == [
        ("pre-1", 3, 2, 0, 1, at(2)[:19], ["10-x", "20-y", "the phase itself"]),
        ("checks", 1, 1, 0, 0, None, ["disk.low"]),
        ("operation", 1, 1, 0, 0, at(1)[:19], [f"the verdict on {found['operation']['id']}"]),
    ]
    whole = read(found)
    assert (whole.tests, whole.failures, whole.errors, whole.skipped) == (5, 4, 0, 1)


@pytest.mark.parametrize(
    ("outcome", "required", "expected"),
    [
        ("passed", True, ("", "")),
        ("failed", True, ("failure", "failed: why")),
        ("timed-out", True, ("failure", "timed-out: why")),
        ("outstanding", True, ("failure", "outstanding: why")),
        ("failed", False, ("skipped", "warning: failed: why")),
        ("skipped", True, ("skipped", "why")),
    ],
)
def test_what_becomes_of_a_hook(outcome, required, expected):
    found, _, _ = result(*ran("10-x", outcome, "pre", required=required, reason="why"))

    assert case(found, "pre-1", "10-x") == expected


@pytest.mark.parametrize(
    ("outcome", "severity", "expected"),
    [
        (Outcome.PASS, Severity.FAIL, ("", "")),
        (Outcome.FAIL, Severity.FAIL, ("failure", "fail: why")),
        (Outcome.UNKNOWN, Severity.FAIL, ("error", "unknown: why")),
        (Outcome.WARN, Severity.WARN, ("skipped", "warning: why")),
        (Outcome.UNKNOWN, Severity.WARN, ("skipped", "warning: why")),
        (Outcome.FAIL, Severity.IGNORE, ("skipped", "ignored: why")),
        (Outcome.SKIP, Severity.FAIL, ("skipped", "why")),
    ],
)
def test_what_becomes_of_a_check(outcome, severity, expected):
    check = Check("disk.low", outcome, severity, reason="why", phase="pre")
    found, _, _ = result(outcome="passed", checks=[check])

    assert case(found, "checks", "disk.low") == expected


@pytest.mark.parametrize(
    ("verdict", "kind"),
    [
        ("failed", "failure"),
        ("incomplete", "error"),
        ("passed", ""),
        ("passed-with-warnings", ""),
    ],
)
def test_what_becomes_of_the_verdict(verdict, kind):
    found, _, _ = result(outcome="passed")
    found["operation"]["verdict"] = verdict

    assert case(found, "operation", f"the verdict on {found['operation']['id']}")[0] == kind


def test_the_output_of_a_hook_is_there_with_what_was_left_out():
    kept = Stream("/x.out", 99, "begins", "ends", hidden=80)
    found, _, _ = result(*ran("10-x", "passed", "pre", stdout=kept), outcome="passed")

    [suite] = [one for one in read(found) if one.name == "pre-1"]
    assert next(iter(suite)).system_out == "begins\n[...]\nends"


def test_hostile_names_and_texts_are_xml():
    name = "10-<&'\"]]>" + HOSTILE
    found, _, _ = result(
        *ran(name, "failed", "pre", reason="\x00\x0b\ufffe" + name), outcome="failed"
    )

    root = ET.fromstring(junit(found))
    [hook] = [one for one in root.iter("testcase") if one.get("name", "").startswith("10-<&'\"]]>")]
    # ESC, NUL and half a surrogate pair are no XML, and a carriage return is no line end
    assert hook.get("name") == "10-<&'\"]]>10-?[31m\n\n?\u202e?漢 \U0001f600"
    assert hook.find("failure").get("message").startswith("failed: ???10-<&'\"]]>")
