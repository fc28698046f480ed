"""The lines of results.jsonl: one JSON object each, its time first, never 200 kB."""

from __future__ import annotations

import json

import pytest
from support.documents import HOSTILE, hooks, result
from support.journals import ID, at

from hookd.core.model import Check, Outcome, Severity
from hookd.report.jsonl import operation_line, phase_line


def parsed(line):
    """Check what holds for every line, and return its object."""
    assert len(line) < 200_000
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    line.decode("ascii")
    assert line.startswith(b'{"ts":"2026-')
    return json.loads(line)


def line_of(*bodies, **more):
    found, _, operation = result(*bodies, **more)
    run = operation.phases[-1]
    return parsed(phase_line(found, run, run.ended_n))


def test_a_finished_phase_is_one_line():
    low = Check("disk.low", Outcome.FAIL, Severity.WARN, "1 MiB", "0 MiB", "", "Free it.", "pre")
    passes = Check("a.b", Outcome.PASS, phase="pre")
    skipped = Check("c.d", Outcome.SKIP, phase="pre")
    other = Check("e.f", Outcome.FAIL, phase="post")
    assert line_of(
        *hooks(1, "pre", reason="exit 1"),
        checks=[low, passes, skipped, other],
        run_id="run-42",
    ) == {
        "ts": at(6),
        "event": "phase-ended",
        "n": 6,
        "operation": ID,
        "run_id": "run-42",
        "instance_id": "",
        "phase": "pre",
        "attempt": 1,
        "outcome": "failed",
        "reason": "00-hook failed",
        "exit_code": 1,
        "process_exit": 1,
        "wall_s": 0.0,
        "hooks": [
            {
                "name": "00-hook",
                "outcome": "failed",
                "required": True,
                "exit_code": None,
                "signal": None,
                "duration_s": 0.0,
                "reason": "exit 1",
            }
        ],
        "checks": [
            {
                "id": "disk.low",
                "outcome": "fail",
                "severity": "warn",
                "found": "0 MiB",
                "reason": "",
            }
        ],
    }


def closed(**changes):
    found, _, _ = result(phase="on-exit", outcome="passed")
    found = {**found, "changes": {**found["changes"], **changes}}
    return parsed(operation_line(found, 9, at(9)))


def test_a_closed_operation_is_one_line():
    found = closed()
    assert list(found) == [
        *("ts", "event", "n", "operation", "run_id", "instance_id", "path", "verdict"),
        *("changes", "checks", "cost"),
    ]
    assert (found["ts"], found["event"], found["n"]) == (at(9), "operation-closed", 9)
    assert (found["path"], found["verdict"]) == ("unclear", "incomplete")


def package(number, evrs=1):
    return {
        "name": f"package-{number}",
        "arch": "x86_64",
        "action": "updated",
        "before": ["1:1.0.2k-19.amzn2.0.3"] * evrs,
        "after": ["1:1.0.2k-19.amzn2.0.4"] * evrs,
        "between": "ready..installed",
        "seen_in": ["rpmdb", "yum.log", "history"],
    }


def test_a_few_changes_are_all_there():
    found = closed(packages=[package(n) for n in range(300)])
    assert len(found["changes"]["packages"]) == 300
    assert "packages_total" not in found


@pytest.mark.parametrize("evrs", [1, 150])
def test_five_thousand_changes_are_cut_and_counted(evrs):
    found = closed(packages=[package(n, evrs) for n in range(5000)])
    listed = found["changes"]["packages"]
    assert found["packages_total"] == 5000
    assert 0 < len(listed) <= 200
    assert listed[0]["name"] == "package-0"


@pytest.mark.parametrize(
    "reason",
    ["x" * 100_000, HOSTILE * 5000, "漢" * 50_000],
    ids=["plain", "hostile", "wide"],
)
def test_long_reasons_are_cut(reason):
    found = line_of(*hooks(250, "pre", reason=reason), reason=reason)
    assert found["hooks_total"] == 250
    assert found["hooks"][0]["name"] == "00-hook"
    assert reason.startswith(found["hooks"][0]["reason"])
    assert (found["operation"], found["outcome"]) == (ID, "failed")


def test_many_checks_are_cut_and_counted():
    checks = [Check(f"c.{n}", Outcome.FAIL, found="x" * 500, phase="pre") for n in range(3000)]
    found = line_of(checks=checks)
    assert found["checks_total"] == 3000
    assert 0 < len(found["checks"]) <= 200


def test_hostile_names_stay_in_their_line():
    found = line_of(*hooks(2, "pre", name="{}" + HOSTILE, reason=HOSTILE))
    assert [hook["name"] for hook in found["hooks"]] == ["0" + HOSTILE, "1" + HOSTILE]
