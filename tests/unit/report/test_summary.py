"""The summary: verdict first, JSON last, all of it within what SSM keeps."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.documents import HOSTILE, hooks, passed_over, result
from support.journals import (
    ID,
    ended,
    folded,
    hook_ended,
    hook_started,
    opened,
    ran,
    started,
)

from hookd.core.journal import Checked
from hookd.core.judge import judge_recorded
from hookd.core.model import CallerKind, Check, Leftover, Outcome, Phase, Severity
from hookd.report.document import document
from hookd.report.summary import machine_line, rebooted, summary

PATH = f"/var/lib/hookd/operations/{ID}/result.json"
PREFIX = "hookd-result: "
MEND = "  do: Mend what the output names (`hookd show` has all of it)"


def lines_of(text):
    """Check what holds for every summary, and return its lines."""
    assert len(text) <= 2400
    assert len(text.encode("utf-8")) <= 2400
    assert text.endswith("\n")
    lines = text.split("\n")[:-1]
    assert all(line.isprintable() for line in lines)
    assert lines[-1].startswith(PREFIX)
    assert len(lines[-1]) < 1000
    json.loads(lines[-1][len(PREFIX) :])
    return lines


def summarized(*bodies, note="", path=PATH, **more):
    found, phase, _ = result(*bodies, **more)
    return lines_of(summary(found, phase, path, note))


def machine(lines):
    return json.loads(lines[-1][len(PREFIX) :])


def test_a_pre_that_passed_is_told_in_few_lines():
    bodies = hooks(2, "pre", outcome="passed", reason="")
    found = summarized(*bodies, outcome="passed", reason="all hooks done")
    assert found[:-1] == [
        f"passed: pre of operation {ID}",
        "hooks: 2 passed",
        f"result: {PATH}",
    ]
    assert machine(found) == {
        "operation": ID,
        "phase": "pre",
        "attempt": 1,
        "verdict": "passed",
        "path": "unclear",
        "outcome": "passed",
        "exit_code": 0,
        "process_exit": 0,
        "hooks": 2,
        "failed_hooks": [],
        "failed_checks": [],
        "packages": 0,
        "result": PATH,
    }


def test_failures_come_before_warnings_and_warnings_before_facts():
    checks = [
        Check("disk.low", Outcome.FAIL, Severity.FAIL, "1 MiB", "0 MiB", "", "Free it.", "pre"),
        Check("a.b", Outcome.UNKNOWN, Severity.WARN, "", "", "not known", "Look.", "pre"),
        Check("c.d", Outcome.FAIL, Severity.IGNORE, "", "", "", "", "pre"),
        Check("e.f", Outcome.PASS, Severity.FAIL, "", "", "", "", "pre"),
        Check("g.h", Outcome.FAIL, Severity.FAIL, "", "", "", "", "post"),
    ]
    found = summarized(
        *ran("10-a", "failed", required=False, reason="exit 3"),
        *ran("20-b", "failed", reason="exit 1: no route"),
        passed_over("30-c"),
        checks=checks,
        reason="20-b failed",
    )
    assert found[:-1] == [
        f"failed: pre of operation {ID}, failed: 20-b failed",
        "failed: required hook 20-b: exit 1: no route",
        MEND + ", then let the patch run come again.",
        "fail: check disk.low: found 0 MiB, expected 1 MiB",
        "  do: Free it.",
        "failed: wanted hook 10-a: exit 3",
        "unknown: check a.b: not known",
        "  do: Look.",
        "hooks: 2 failed, 1 skipped",
        f"result: {PATH}",
    ]
    assert machine(found)["failed_hooks"] == ["10-a", "20-b"]
    assert machine(found)["failed_checks"] == ["a.b", "c.d", "disk.low", "g.h"]


def test_forty_failures_with_long_reasons_fit():
    found = summarized(*hooks(40, "post", reason="because of this: " + "x" * 5000), phase="post")
    assert found[0].startswith(f"failed: post of operation {ID}, failed: 00-hook failed")
    assert found[1].startswith("failed: required hook 00-hook: because of this: xxx")
    assert any(line.startswith("(") and line.endswith(" more lines)") for line in found)
    assert machine(found)["hooks"] == 40


def test_of_forty_failures_the_undo_the_check_and_what_to_do_are_told():
    undo = (
        hook_started("90-join", "on-exit", undo_of="pre/30-leave"),
        hook_ended("90-join", "failed", "on-exit", reason="exit 1: no route"),
    )
    owed = Check("undo.outstanding", Outcome.FAIL, Severity.FAIL, "none", "90-join", "", "Do it.")
    long = "exit 9: " + "x" * 150
    found = summarized(*hooks(39, "on-exit", reason=long), *undo, phase="on-exit", checks=[owed])
    told = (line[: len(MEND)].rstrip("x") for line in found[1:13])
    assert list(told) == [
        "failed: required hook 90-join: exit 1: no route",
        *(
            line
            for number in range(3)
            for line in (
                f"failed: required hook {number:02}-hook: exit 9: ",
                f"  output: /var/lib/hookd/operations/x/hooks/on-exit-1/{number:02}-hook",
            )
        ),
        MEND,
        "fail: check undo.outstanding: found 90-join, expected none",
        "  do: Do it.",
        "as well: 36 more required hooks: 03-hook, 04-hook, 05-hook, 0",
        "hooks: 40 failed",
    ]
    assert found[8] == f"{MEND}, then `hookd recover`: it runs the undos again."


def test_what_is_cut_from_the_machine_line_is_told():
    found = machine(summarized(*hooks(40, "pre", name="{:02d}-" + "n" * 60)))
    assert (found["cut"], found["hooks"]) == (True, 40)
    assert found["failed_hooks"][0] == "00-" + "n" * 60
    assert len(found["failed_hooks"]) < 40


@pytest.mark.parametrize("required", [True, False])
def test_hostile_names_and_reasons_never_break_a_line(required):
    name = "{:02d}" + HOSTILE
    bodies = hooks(10, "pre", name=name, reason=HOSTILE * 20, required=required)
    found = summarized(*bodies, reason=HOSTILE, note=HOSTILE, path="/x/" + HOSTILE)
    assert found[0].startswith(("failed: pre", "failed: "))
    assert machine(found)["failed_hooks"][0] == "00" + HOSTILE
    assert machine(found)["result"] == "/x/" + HOSTILE


def test_wide_characters_count_as_what_they_take():
    found = summarized(*hooks(40, "pre", name="{:02d}-漢字\U0001f600", reason="漢" * 3000))
    assert found[1].endswith("…")
    assert found[1].startswith("failed: required hook 00-漢字\U0001f600: 漢漢漢")


def test_wide_lines_of_any_length_fit():
    for length in range(1, 90):
        summarized(*hooks(40, "pre", reason="漢" * length), reason="漢" * length)


def test_a_path_of_any_length_leaves_room_for_the_verdict():
    found = summarized(*hooks(3, "pre"), path="/r" * 2000 + "/result.json")
    assert found[0].startswith("failed: pre of operation")
    assert machine(found)["result"] == ""


def on_exit(*bodies, **more):
    found, phase, _ = result(*bodies, phase="on-exit", **more)
    return lines_of(summary(found, phase, PATH))


def test_on_exit_speaks_for_the_operation():
    found = on_exit(outcome="passed", reason="all hooks done")
    reason = "pre and post were not called and no earlier state is known"
    assert found[:-1] == [
        f"incomplete: on-exit of operation {ID}, path unclear ({reason})",
        "hooks: none",
        "packages: 0 changes",
        "rebooted: not known",
        f"result: {PATH}",
    ]


def test_an_on_exit_after_recovery_says_so_in_its_first_line():
    recovery, ssm = CallerKind.RECOVERY, CallerKind.SSM_COMMAND
    operation = folded(
        opened(),
        started("on-exit", caller=recovery),
        ended("on-exit"),
        started("on-exit", caller=ssm, resumed=True),
        ended("on-exit"),
    )
    found = document(operation, judge_recorded(operation, {}), "0")
    (first, *_) = lines_of(summary(found, found["phases"][0], PATH))
    when = "2026-11-05T04:18:02.000000Z"
    assert f"{ID}, recovery had run it at {when}, path unclear" in first
    alone = folded(opened(), started("on-exit", caller=recovery), ended("on-exit"))
    found = document(alone, judge_recorded(alone, {}), "0")
    assert "recovery" not in lines_of(summary(found, found["phases"][0], PATH))[0].split("(")[0]


def test_what_a_hook_left_running_is_named():
    left = (Leftover(4711, "java -jar app.jar", holds_stdout=True), Leftover(4712, "sleep"))
    found = summarized(*ran("10-a", left_running=left), outcome="passed")
    assert found[2:4] == [
        "left running by 10-a: pid 4711 java -jar app.jar, holds its output open",
        "left running by 10-a: pid 4712 sleep",
    ]


def with_changes(**more):
    found, phase, _ = result(phase="on-exit", outcome="passed")
    changes = {**found["changes"], **more}
    return lines_of(summary({**found, "changes": changes}, phase, PATH))


def test_many_packages_are_counted():
    changed = [
        {"name": f"package-{n}", "action": "updated", "before": ["1"], "after": ["2", "3"]}
        for n in range(5000)
    ]
    (line,) = [one for one in with_changes(packages=changed) if one.startswith("packages:")]
    assert line.startswith("packages: 5000 changes: package-0 updated 2+3, package-1 updated 2+3")
    assert line.endswith(" more")


def test_what_changed_of_the_running_node_is_told_where_something_did():
    units = [
        {"unit": f"{n}.service", "before": before, "after": after, "between": "ready..installed"}
        for n, before, after in (("a", "", "active (running)"), ("b", "active (running)", ""))
    ]
    found = with_changes(units=units, settings=[])
    gone = "b.service active (running) -> not loaded (ready..installed)"
    came = "a.service not loaded -> active (running) (ready..installed)"
    assert [one for one in found if one.startswith(("units", "sockets", "mounts", "settings"))] == [
        f"units: 2 changes: {gone}, {came}"
    ]


def test_changes_beyond_measure_are_counted():
    mounts = [
        {"point": "/" + "漢" * 200, "before": "", "after": "ext4", "between": "ready..installed"}
    ] * 500
    (line,) = [one for one in with_changes(mounts=mounts) if one.startswith("mounts:")]
    assert line.startswith("mounts: 500 changes: /漢漢")


def test_the_kernels_are_named():
    kernel = {"running_before": "4.14.1", "running_after": "4.14.2", "promised": "4.14.3"}
    boot = {"rebooted": True, "boots": 1, "clean": None, "downtime_s": None, "crashes": []}
    found = with_changes(kernel=kernel, boot=boot)
    assert found[3:5] == ["kernel: 4.14.1 -> 4.14.2, promised 4.14.3", "rebooted: yes"]


@pytest.mark.parametrize(
    ("boot", "said"),
    [
        ({"rebooted": None, "boots": 0}, "not known"),
        ({"rebooted": False, "boots": 0}, "no"),
        ({}, "yes"),
        ({"clean": True, "downtime_s": 83.2}, "yes, down for 83 s"),
        ({"clean": True}, "yes"),
        ({"clean": False}, "yes, without a shutdown before"),
        ({"boots": 3}, "yes, 3 times"),
        (
            {"clean": False, "crashes": ["/var/crash/b", "/var/crash/a"]},
            "yes, without a shutdown before, crash dump in /var/crash",
        ),
        (
            {"clean": True, "crashes": ["/var/crash/b", "/sys/fs/pstore/a"]},
            "yes, crash dump in /sys/fs/pstore, crash dump in /var/crash",
        ),
    ],
)
def test_a_reboot_is_told_with_how_the_machine_went_down(boot, said):
    quiet = {"rebooted": True, "boots": 1, "clean": None, "downtime_s": None, "crashes": []}
    assert rebooted({**quiet, **boot}) == said


def test_the_machine_line_stays_valid_whatever_is_in_it():
    found, phase, _ = result(*hooks(200, "pre", name="{:03d}" + HOSTILE))
    body = json.loads(machine_line(found, phase, PATH * 30))
    assert (body["verdict"], body["hooks"], body["result"]) == ("failed", 200, "")


texts = st.text(max_size=400)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(texts, texts, st.booleans()), max_size=12),
    st.lists(st.tuples(texts, texts, st.sampled_from(Severity)), max_size=12),
    texts,
    texts,
)
def test_whatever_they_say_the_summary_keeps_its_shape(found, judged, reason, path):
    bodies = [
        body for name, why, need in found for body in ran(name, "failed", required=need, reason=why)
    ]
    check = Check("disk.low", Outcome.FAIL, phase="pre")
    checks = [
        replace(check, id=name, found=what, remedy=what, severity=severity)
        for name, what, severity in judged
    ]
    summarized(*bodies, reason=reason, path=path, note=path, checks=checks)


def test_a_check_of_another_phase_is_left_to_it():
    operation = folded(
        opened(),
        started("pre"),
        Checked(Phase.PRE, (Check("disk.low", Outcome.FAIL, phase="pre"),)),
        ended("pre"),
        started("post"),
        ended("post"),
    )
    found = document(operation, judge_recorded(operation, {}), "0")
    text = summary(found, found["phases"][1], PATH)
    assert [line for line in lines_of(text)[:-1] if "disk.low" in line] == []
