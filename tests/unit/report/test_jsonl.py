"""The lines of results.jsonl: one JSON object each, its time first, never 200 kB."""

from __future__ import annotations

import json

import pytest
from support.documents import HOSTILE, hooks, result
from support.emf import metrics
from support.journals import ID, at

from hookd.core.model import Check, Outcome, Severity
from hookd.report.jsonl import (
    follow_up_line,
    opened_line,
    operation_line,
    phase_line,
    started_line,
)


def parsed(line):
    """Check what holds for every line, its metrics too, and return the rest of its object."""
    found = told(line)
    values = {name for _, name in metrics(found)}
    drop = {"_aws", "Phase", "Verdict"} | values
    return {name: value for name, value in found.items() if name not in drop}


def told(line):
    assert len(line) < 200_000
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    line.decode("ascii")
    assert line.startswith(b'{"ts":"2026-')
    found = json.loads(line)
    metrics(found)
    return found


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
        "verdict": "failed",
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
    found["operation"] = {**found["operation"], "ended_at": at(9)}
    return parsed(operation_line(found, 9))


def test_a_closed_operation_is_one_line():
    found = closed()
    assert list(found) == [
        *("ts", "event", "n", "operation", "run_id", "instance_id", "path", "verdict"),
        *("changes", "checks", "cost"),
    ]
    assert (found["ts"], found["event"], found["n"]) == (at(9), "operation-closed", 9)
    assert (found["path"], found["verdict"]) == ("unclear", "incomplete")


def test_an_operation_that_was_opened_is_one_line():
    found, _, _ = result(run_id="run-42")
    assert parsed(opened_line(found, 1)) == {
        "ts": at(1),
        "event": "operation-opened",
        "n": 1,
        "operation": ID,
        "run_id": "run-42",
        "instance_id": "",
        "caller": "person",
    }


def test_a_phase_that_has_started_is_one_line():
    found, _, operation = result()
    assert parsed(started_line(found, operation.phases[-1])) == {
        "ts": at(2),
        "event": "phase-started",
        "n": 2,
        "operation": ID,
        "run_id": "",
        "instance_id": "",
        "phase": "pre",
        "attempt": 1,
        "caller": "person",
        "deadline_s": 3300.0,
    }


def counts(at_, **values):
    return {((f"Phase={at_}",), name): (value, "Count") for name, value in values.items()}


OF_OPERATION = dict.fromkeys(
    ("Opened", "Closed", "Failed", "Incomplete", "Outstanding", "Recovered", "Packages"), 0
)
OF_PHASE = dict.fromkeys(
    ("Started", "Ended", "Failed", "TimedOut", "Interrupted", "HooksFailed"), 0
)  # fmt: skip


def test_the_metrics_of_an_opened_operation_are_dense():
    found, _, _ = result()
    line = told(opened_line(found, 1))
    assert metrics(line) == counts("operation", **{**OF_OPERATION, "Opened": 1})
    assert line["_aws"]["Timestamp"] == 1793852281000  # date -d 2026-11-05T04:18:01Z +%s%3N


def test_the_metrics_of_a_started_phase_are_dense():
    found, _, operation = result()
    line = told(started_line(found, operation.phases[-1]))
    assert metrics(line) == counts("pre", **{**OF_PHASE, "Started": 1})


@pytest.mark.parametrize(
    ("outcome", "verdict", "more"),
    [
        ("passed", "passed", {}),
        ("failed", "failed", {"Failed": 1}),
        ("timed-out", "failed", {"Failed": 1, "TimedOut": 1}),
        ("interrupted", "failed", {"Failed": 1, "Interrupted": 1}),
    ],
)
def test_the_metrics_of_an_ended_phase(outcome, verdict, more):
    bodies = [] if outcome == "passed" else hooks(3, "post", required=False)
    found, _, operation = result(*bodies, phase="post", outcome=outcome)
    run = operation.phases[-1]
    line = told(phase_line(found, run, run.ended_n))
    verdict = "passed" if outcome == "passed" else line["verdict"]
    assert metrics(line) == {
        **counts("post", **{**OF_PHASE, "Ended": 1, "HooksFailed": len(bodies) and 3, **more}),
        (("Phase=post",), "DurationSeconds"): (run.wall_s, "Seconds"),
        (("Phase=post", f"Verdict={verdict}"), "Ended"): (1, "Count"),
    }


def closed_metrics(*, is_told=False, **changes):
    found, _, _ = result(phase="on-exit", outcome="passed")
    found = {**found, "operation": {**found["operation"], "ended_at": at(9), **changes}}
    found["changes"] = {**found["changes"], "packages": [package(1), package(2)]}
    return metrics(told(operation_line(found, 9, is_told=is_told)))


def test_the_metrics_of_a_closed_operation():
    undo = {"hook": "70-join", "pre_hook": "30-leave"}
    told_of = {"Closed": 1, "Failed": 1, "Outstanding": 2, "Recovered": 1, "Packages": 2}
    assert closed_metrics(
        verdict="failed", outstanding_undos=[undo, undo], recovered_at=at(5)
    ) == {
        **counts("operation", **{**OF_OPERATION, **told_of}),
        (("Phase=operation", "Verdict=failed"), "Closed"): (1, "Count"),
    }  # fmt: skip


def test_an_operation_closes_once_however_often_it_is_told():
    """An undo that is retried closes it again; opened less closed is how many are open."""
    assert closed_metrics(is_told=True, verdict="incomplete") == counts(
        "operation", **{**OF_OPERATION, "Incomplete": 1, "Packages": 2}
    )


def test_the_metrics_of_a_follow_up_tell_what_the_reboot_brought():
    found, _, _ = result(phase="on-exit", outcome="passed")
    follow_up = {"at": at(9), "look": "booted-1", "path": "", "verdict": "failed", "checks": []}
    line = told(follow_up_line(found, follow_up, 9))
    assert metrics(line) == counts("operation", **{**OF_OPERATION, "Failed": 1})


def test_a_line_that_was_cut_still_tells_its_metrics():
    found, _, operation = result(*hooks(2000, "pre", reason=HOSTILE * 500))
    run = operation.phases[-1]
    line = told(phase_line(found, run, run.ended_n))
    assert line["hooks_total"] == 2000
    assert len(metrics(line)) == len(OF_PHASE) + 2


def test_a_time_that_is_none_costs_the_metrics_and_not_the_line():
    found, _, _ = result()
    found["operation"]["started_at"] = "yesterday"
    line = json.loads(opened_line(found, 1))
    assert (line["ts"], line["event"], "_aws" in line) == ("yesterday", "operation-opened", False)


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
