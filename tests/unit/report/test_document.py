"""The result document: every field of an operation, valid against its schema."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path as File

import jsonschema
import pytest
from hypothesis import given, settings
from support.journals import (
    BOOT_1,
    ID,
    at,
    ended,
    events,
    folded,
    hook_started,
    journals,
    opened,
    started,
)

from hookd.core.fold import fold
from hookd.core.journal import (
    Checked,
    HookEnded,
    HookPassedOver,
    HookSpawned,
    Noted,
    Observed,
    OperationClosed,
    UndoKept,
)
from hookd.core.judge import Judgement, judge_recorded
from hookd.core.model import (
    BootChange,
    CallerKind,
    Changes,
    Check,
    Health,
    HookOutcome,
    HookSpec,
    KernelChange,
    Leftover,
    Outcome,
    PackageAction,
    PackageChange,
    Path,
    Phase,
    Severity,
    Stream,
    Verdict,
)
from hookd.core.path import Way
from hookd.core.undo import Undo
from hookd.report.document import document

SCHEMA = json.loads((File(__file__).parents[3] / "docs" / "result.schema.json").read_bytes())
DIGEST = "ab" * 32
CHECK = Check("disk.low", Outcome.FAIL, Severity.WARN, "1 MiB", "0 MiB", "", "Free it.", "pre")
STREAM = Stream("/x/10-a.out", 12, "hello", "world", 2, 3)
NO_STREAM = {"path": "", "bytes": 0, "head": "", "tail": "", "hidden": 0, "dropped": 0}

WHOLE = (
    opened(
        run_id="run-42",
        caller=CallerKind.SSM_COMMAND,
        version="0.1",
        config_sha256=DIGEST,
        host={"instance_id": "i-0123456789abcdef0", "os": "amzn 2"},
    ),
    started("pre", caller=CallerKind.SSM_COMMAND),
    UndoKept("70-join", "pre/10-a", "undo/70-join", DIGEST, HookSpec()),
    hook_started("10-a", sha256=DIGEST, owner=0, mode="0755", path="/etc/hookd/hooks.d/pre/10-a"),
    HookEnded(
        Phase.PRE,
        1,
        "10-a",
        1,
        HookOutcome.FAILED,
        exit_code=1,
        duration_s=0.25,
        reason="exit 1: no route",
        stdout=STREAM,
        outputs={"target": "tg-1"},
        left_running=(Leftover(4711, "sleep 60", holds_stdout=True),),
        cpu_s=0.125,
        max_rss_kb=900,
    ),
    HookPassedOver(Phase.PRE, 1, "20-b", HookOutcome.SKIPPED, False, "after 10-a failed"),
    Checked(Phase.PRE, (CHECK,), Health.PASSED_WITH_WARNINGS),
    ended("pre", "failed", 1, reason="10-a failed"),
    Observed("ssm", {"document": "AWS-RunPatchBaselineWithHooks", "missing": 12}),
    Noted("results.lost", "result.json was not stored"),
    started("on-exit", caller=CallerKind.RECOVERY),
    Observed("inherited_undos", [{"operation": ID, "outcome": "done", "hooks": [], "left": []}]),
    ended("on-exit"),
    OperationClosed(Path.INTERRUPTED, Verdict.FAILED, "because"),
)
PACKAGE = PackageChange(
    "bash", "x86_64", PackageAction.UPDATED, ("1-1",), ("1-2",), "ready..installed", ("rpmdb",)
)
JUDGEMENT = Judgement(
    Changes(
        (PACKAGE,),
        KernelChange("4.14.1", "4.14.2", "4.14.2", "4.14.2", "4.14.2", "grubenv"),
        BootChange(
            True, 1, BOOT_1, "b2", None, 83.2, "", ("2026-11-05T04:30:00Z",), ("/var/crash/a",)
        ),
    ),
    (CHECK,),
    Way(Path.INTERRUPTED, "hookd itself ran on-exit, its caller never did", Path.PRE_FAILED),
    Verdict.FAILED,
    Health.PASSED_WITH_WARNINGS,
    (Undo("70-join", "pre/10-a"),),
)


def test_every_field_of_an_operation_stands_in_its_document():
    assert document(folded(*WHOLE), JUDGEMENT, "0.2") == {
        "schema": 1,
        "operation": {
            "id": ID,
            "number": 1,
            "caller": "ssm-command",
            "run_id": "run-42",
            "state": "closed",
            "path": "interrupted",
            "path_so_far": "pre-failed",
            "path_reason": "hookd itself ran on-exit, its caller never did",
            "verdict": "failed",
            "health": "passed-with-warnings",
            "started_at": at(1),
            "ended_at": at(14),
            "reboot_run_id": "",
            "recovered_at": at(11),
            "follow_ups": [],
            "held": "",
            "outstanding_undos": [{"hook": "70-join", "pre_hook": "pre/10-a"}],
        },
        "host": {
            "instance_id": "i-0123456789abcdef0",
            "region": "",
            "machine_id": "",
            "image_id": "",
            "os": "amzn 2",
            "agent_version": "",
        },
        "hookd": {"version": "0.2", "config_sha256": DIGEST},
        "ssm": {
            "run_id": "run-42",
            "command_id": "",
            "association_id": "",
            "document": "AWS-RunPatchBaselineWithHooks",
            "document_version": "",
            "slot": "",
            "operation": "",
            "reboot_option": "",
            "patch_group": "",
            "baseline_id": "",
            "snapshot_id": "",
            "missing": 12,
            "failed": None,
            "installed_pending_reboot": None,
        },
        "phases": [
            {
                "phase": "pre",
                "attempt": 1,
                "caller": "ssm-command",
                "outcome": "failed",
                "verdict": "failed",
                "reason": "10-a failed",
                "exit_code": 1,
                "process_exit": 1,
                "started_at": at(2),
                "ended_at": at(8),
                "deadline_s": 3300.0,
                "deadline_by": "[run] deadline",
                "resumed": 0,
                "hooks": [
                    {
                        "name": "10-a",
                        "outcome": "failed",
                        "required": True,
                        "try": 1,
                        "undo_of": "",
                        "from_copy": False,
                        "exit_code": 1,
                        "signal": None,
                        "duration_s": 0.25,
                        "cpu_s": 0.125,
                        "max_rss_kb": 900,
                        "contained_by": "",
                        "reason": "exit 1: no route",
                        "path": "/etc/hookd/hooks.d/pre/10-a",
                        "sha256": DIGEST,
                        "owner": 0,
                        "mode": "0755",
                        "stdout": {
                            "path": "/x/10-a.out",
                            "bytes": 12,
                            "head": "hello",
                            "tail": "world",
                            "hidden": 2,
                            "dropped": 3,
                        },
                        "stderr": NO_STREAM,
                        "outputs": {"target": "tg-1"},
                        "left_running": [
                            {"pid": 4711, "command": "sleep 60", "holds_stdout": True}
                        ],
                    },
                    {
                        "name": "20-b",
                        "outcome": "skipped",
                        "required": False,
                        "try": 0,
                        "undo_of": "",
                        "from_copy": False,
                        "exit_code": None,
                        "signal": None,
                        "duration_s": 0.0,
                        "cpu_s": 0.0,
                        "max_rss_kb": None,
                        "contained_by": "",
                        "reason": "after 10-a failed",
                        "path": "",
                        "sha256": "",
                        "owner": 0,
                        "mode": "",
                        "stdout": NO_STREAM,
                        "stderr": NO_STREAM,
                        "outputs": {},
                        "left_running": [],
                    },
                ],
            },
            {
                "phase": "on-exit",
                "attempt": 1,
                "caller": "recovery",
                "outcome": "passed",
                "verdict": "passed",
                "reason": "all hooks done",
                "exit_code": 0,
                "process_exit": 0,
                "started_at": at(11),
                "ended_at": at(13),
                "deadline_s": 3300.0,
                "deadline_by": "[run] deadline",
                "resumed": 0,
                "hooks": [],
            },
        ],
        "changes": {
            "packages": [
                {
                    "name": "bash",
                    "arch": "x86_64",
                    "action": "updated",
                    "before": ["1-1"],
                    "after": ["1-2"],
                    "between": "ready..installed",
                    "seen_in": ["rpmdb"],
                    "by": "",
                }
            ],
            "kernel": {
                "running_before": "4.14.1",
                "running_after": "4.14.2",
                "newest_installed": "4.14.2",
                "next_boot": "4.14.2",
                "promised": "4.14.2",
                "promised_by": "grubenv",
            },
            "boot": {
                "rebooted": True,
                "boots": 1,
                "boot_id_before": BOOT_1,
                "boot_id_after": "b2",
                "clean": None,
                "downtime_s": 83.2,
                "reason": "",
                "booted_at": ["2026-11-05T04:30:00Z"],
                "crashes": ["/var/crash/a"],
            },
            "units": [],
            "sockets": [],
            "mounts": [],
            "settings": [],
        },
        "checks": [
            {
                "id": "disk.low",
                "outcome": "fail",
                "severity": "warn",
                "expected": "1 MiB",
                "found": "0 MiB",
                "reason": "",
                "remedy": "Free it.",
                "phase": "pre",
                "before": "",
            }
        ],
        "inherited_undos": [{"operation": ID, "outcome": "done", "hooks": [], "left": []}],
        "notes": [{"code": "results.lost", "message": "result.json was not stored"}],
        "cost": {"wall_s": 0.0, "cpu_s": 0.0, "max_rss_kb": 0},
    }


@pytest.mark.parametrize("judgement", [JUDGEMENT, None, "recorded"])
@pytest.mark.parametrize("events_so_far", range(1, len(WHOLE) + 1))
def test_the_document_is_valid_after_every_event(events_so_far, judgement):
    operation = folded(*WHOLE[:events_so_far])
    if judgement == "recorded":
        judgement = judge_recorded(operation, {})
    jsonschema.validate(document(operation, judgement, "0.2"), SCHEMA)


def test_before_on_exit_the_path_is_not_told():
    found = document(folded(*WHOLE[:8]), JUDGEMENT, "0")["operation"]
    assert (found["path"], found["path_reason"]) == ("unclear", "on-exit has not ended yet")
    assert (found["state"], found["ended_at"], found["recovered_at"]) == ("open", "", "")


def test_without_a_judgement_nothing_is_claimed():
    found = document(folded(*WHOLE), None, "0")
    got = {name: found["operation"][name] for name in ("path", "verdict", "health")}
    assert got == {"path": "unclear", "verdict": "incomplete", "health": "unknown"}
    assert (found["checks"], found["changes"]["packages"]) == ([], [])


def test_a_hook_in_flight_is_running():
    operation = folded(opened(), started("pre"), hook_started("10-a"))
    found = document(operation, None, "0")["phases"][0]
    assert (found["outcome"], found["exit_code"], found["ended_at"]) == ("running", None, "")
    assert found["hooks"][0]["outcome"] == "running"


@pytest.mark.parametrize(
    ("spawned", "container"),
    [((), ""), ((0, 7.5), ""), ((41, 7.5), "session"), ((41, 7.5, "/hookd/7"), "cgroup")],
)
def test_what_held_a_hooks_processes_is_told_of_one_that_ran(spawned, container):
    bodies = [HookSpawned(Phase.PRE, 1, "10-a", 1, *spawned)] if spawned else []
    operation = folded(opened(), started("pre"), hook_started("10-a"), *bodies)
    (hook,) = document(operation, None, "0")["phases"][0]["hooks"]
    assert hook["contained_by"] == container


def test_the_cost_is_that_of_all_phases():
    def cost(name, wall, cpu, rss):
        return replace(ended(name), wall_s=wall, cpu_s=cpu, max_rss_kb=rss)

    operation = folded(
        opened(),
        started("pre"),
        cost("pre", 1.5, 0.25, 900),
        started("post"),
        cost("post", 2.5, 0.5, 700),
    )
    assert document(operation, None, "0")["cost"] == {
        "wall_s": 4.0,
        "cpu_s": 0.75,
        "max_rss_kb": 900,
    }


@pytest.mark.parametrize("value", [None, 5, "text", [1], {"missing": 1}])
@pytest.mark.parametrize("subject", ["ssm", "hold", "inherited_undos"])
def test_whatever_was_observed_there_is_a_document(subject, value):
    json.dumps(document(folded(opened(), Observed(subject, value)), None, "0"))


@settings(max_examples=40, deadline=None)
@given(journals())
def test_every_journal_has_a_document(bodies):
    operation = fold(events(*bodies))
    found = document(operation, judge_recorded(operation, {}), "0")
    assert json.loads(json.dumps(found)) == found
