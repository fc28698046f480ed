"""Whole operations by `hookd --root`: paths, verdicts, exit codes, and who gets which operation."""

from __future__ import annotations

import json
import re
import signal

import pytest
from support.fakeroot import (
    KERNEL_LINE,
    NEW_KERNEL,
    OLD_KERNEL,
    PACKAGE_LINE,
    FakeRoot,
    check_of,
    hooks_of,
    metadata,
    says,
)


@pytest.fixture
def root(tmp_path):
    found = FakeRoot(tmp_path)
    yield found
    found.end()


def outcome(result):
    operation = result["operation"]
    return operation["path"], operation["verdict"], operation["state"]


# -- the paths that are reachable without SSM --------------------------------------------------


def play(root, *steps):
    """Do the steps (a phase, a log line, `boot KERNEL`) and return the exit codes of the phases."""
    codes = []
    for step in steps:
        if step in ("pre", "post", "on-exit"):
            codes.append(root.run("run", step)[0])
        elif step.startswith("boot "):
            root.boot(step[len("boot ") :])
        else:
            root.log(step)
    return codes


NEW, OLD = f"boot {NEW_KERNEL}", f"boot {OLD_KERNEL}"
FAILS = {"pre": "exit 1", "post": metadata("required = true") + "exit 1"}
PATHS = {
    "nothing in between": (
        None,
        ("pre", "post", "on-exit"),
        [0, 0, 0],
        ("nothing-to-do", "passed", "closed"),
    ),
    "packages": (
        None,
        ("pre", PACKAGE_LINE.replace("openssl-libs", "zlib"), "post", "on-exit"),
        [0, 0, 0],
        ("patched-no-reboot", "passed", "closed"),
    ),
    "a kernel, no boot": (
        None,
        ("pre", KERNEL_LINE, "post", "on-exit"),
        [0, 0, 0],
        ("patched-reboot-pending", "passed-with-warnings", "closed"),
    ),
    "a kernel and a boot into it": (
        None,
        ("pre", KERNEL_LINE, "post", NEW, "on-exit"),
        [0, 0, 0],
        ("patched-rebooted", "passed", "closed"),
    ),
    "a kernel, and the old one came up": (
        None,
        ("pre", KERNEL_LINE, "post", OLD, "on-exit"),
        [0, 0, 1],
        ("patched-rebooted", "failed", "closed"),
    ),
    "post twice": (
        None,
        ("pre", KERNEL_LINE, "post", "post", OLD, "on-exit"),
        [0, 0, 0, 1],
        ("patched-rebooted", "failed", "closed"),
    ),
    "pre fails": ("pre", ("pre", "on-exit"), [1, 1], ("pre-failed", "failed", "closed")),
    "pre fails, patched all the same": (
        "pre",
        ("pre", PACKAGE_LINE, "post", NEW, "on-exit"),
        [1, 0, 1],
        ("patched-rebooted", "failed", "closed"),
    ),
    "post never came": (
        None,
        ("pre", PACKAGE_LINE, "on-exit"),
        [0, 1],
        ("install-failed", "failed", "closed"),
    ),
    "post fails": (
        "post",
        ("pre", KERNEL_LINE, "post", "on-exit"),
        [0, 1, 1],
        ("post-failed", "failed", "closed"),
    ),
    "on-exit alone on a fresh root": (None, ("on-exit",), [1], ("unclear", "incomplete", "closed")),
    "on-exit alone the second time": (
        None,
        ("on-exit", "on-exit"),
        [1, 0],
        ("nothing-to-do", "passed", "closed"),
    ),
    "on-exit alone, something changed": (
        None,
        ("on-exit", PACKAGE_LINE, "on-exit"),
        [1, 1],
        ("pre-missing", "failed", "closed"),
    ),
}


@pytest.mark.parametrize(("failing", "steps", "codes", "end"), PATHS.values(), ids=PATHS)
def test_a_path_its_verdict_and_its_exit_codes(root, failing, steps, codes, end):
    if failing:
        root.hook(failing, "05-hold", FAILS[failing])

    found = play(root, *steps)

    assert (found, outcome(root.result())) == (codes, end)


def test_the_old_kernel_came_up_and_the_check_says_what_to_do(root):
    play(root, "pre", KERNEL_LINE, "post", OLD, "on-exit")

    check = check_of(root.result(), "kernel.running-is-promised")

    assert (check["outcome"], check["found"]) == ("fail", OLD_KERNEL)
    assert check["expected"] == f"{NEW_KERNEL} (package log)"
    assert "grubby --default-kernel" in check["remedy"]


def test_a_repeated_post_keeps_what_the_first_one_saw(root):
    play(root, "pre", KERNEL_LINE, "post", PACKAGE_LINE, "post", NEW, "on-exit")

    changes = root.result()["changes"]["packages"]

    assert [(one["name"], one["between"]) for one in changes] == [
        ("kernel", "ready..installed"),
        ("openssl-libs", "ready..installed"),
    ]


def test_patching_past_a_failed_pre_is_a_check_of_its_own(root):
    root.hook("pre", "05-hold", "exit 1")
    play(root, "pre", PACKAGE_LINE, "post", "on-exit")

    assert check_of(root.result(), "run.pre-bypassed")["outcome"] == "fail"


def test_recovery_ends_what_nobody_finishes_as_interrupted(root):
    play(root, "pre", PACKAGE_LINE, "post")

    code = root.run("recover")[0]

    result = root.result()
    assert (code, outcome(result)) == (1, ("interrupted", "failed", "closed"))
    assert result["operation"]["path_so_far"] == "patched-no-reboot"
    assert result["operation"]["recovered_at"] == result["phases"][-1]["started_at"]
    assert result["phases"][-1]["caller"] == "recovery"


def test_the_runs_own_on_exit_after_recovery_repeats_no_hook_and_clears_interrupted(root):
    root.hook("on-exit", "10-x", says("x"))
    for phase in ("pre", "post"):
        root.run("run", phase, "--operation-id", "run-a")
    root.run("recover")

    code, out, _ = root.run("run", "on-exit", "--operation-id", "run-a")

    assert (code, root.ran()) == (0, ["x"])
    assert outcome(root.result()) == ("nothing-to-do", "passed-with-warnings", "closed")
    assert ", recovery had run it at " in out.splitlines()[0]


# -- called again -----------------------------------------------------------------------------


@pytest.mark.parametrize("fails", [False, True])
def test_a_run_that_calls_again_gets_its_recorded_result(root, fails):
    root.hook("pre", "10-x", says("x", "exit 1" if fails else ""))
    first = root.run("run", "pre", "--operation-id", "run-a")

    second = root.run("run", "pre", "--operation-id", "run-a")

    assert (first[0], second[0]) == (int(fails), int(fails))
    assert root.ran() == ["x"]
    assert "this is the record of a phase that had ended before" in second[1]
    assert len(root.result()["phases"]) == 1


def test_also_after_a_boot_and_after_the_operation_closed(root):
    root.hook("on-exit", "10-x", says("x"))
    for phase in ("pre", "post", "on-exit"):
        root.run("run", phase, "--operation-id", "run-a")
    root.boot()

    codes = [root.run("run", p, "--operation-id", "run-a")[0] for p in ("pre", "post", "on-exit")]

    assert (codes, root.ran()) == ([0, 0, 0], ["x"])


def test_a_person_who_repeats_a_phase_gets_a_new_attempt_and_before_stays(root):
    root.hook("pre", "10-x", says("x"))
    play(root, "pre", "pre")

    attempts = [(one["phase"], one["attempt"]) for one in root.result()["phases"]]
    looks = [event["name"] for event in root.events("snapshot-taken")]
    assert (attempts, root.ran()) == ([("pre", 1), ("pre", 2)], ["x", "x"])
    assert looks == ["before", "ready", "ready"]


def test_a_second_caller_joins_the_phase_that_runs(root):
    root.hook("pre", "10-x", says("x", "touch $R/started; sleep 0.5"))
    first = root.start("run", "pre", "--operation-id", "run-a")
    root.wait_for("ran")

    code, out, _ = root.run("run", "pre", "--operation-id", "run-a")

    assert (code, first.wait(10), root.ran()) == (0, 0, ["x"])
    assert "this is the record of a phase that had ended before" in out


def test_a_joined_caller_waits_within_its_own_deadline(root):
    root.hook("pre", "10-x", says("x", "sleep 5"))
    root.start("run", "pre", "--operation-id", "run-a")
    root.wait_for("ran")

    code, _, err = root.run("run", "pre", "--operation-id", "run-a", "--deadline", "0.3s")

    assert code == 3
    assert "pre of operation" in err


def test_another_phase_waits_within_its_deadline_and_then_says_for_whom(root):
    root.hook("pre", "10-x", says("x", "sleep 5"))
    root.start("run", "pre")
    root.wait_for("ran")

    code, _, err = root.run("run", "on-exit", "--deadline", "0.3s")

    assert code == 75
    assert re.search(r"busy: pre of operation \S+ \(pid \d+\) since 20\d\d-", err)


# -- other runs -------------------------------------------------------------------------------


def test_a_foreign_pre_is_told_who_has_the_machine_since_when_and_why(root):
    root.run("run", "pre", "--operation-id", "run-a")
    operation = root.result()["operation"]

    code, _, err = root.run("run", "pre", "--operation-id", "run-b")

    assert code == 75
    assert f"busy: operation {operation['id']} of run run-a is open since" in err
    assert "its run cannot be asked whether it is alive" in err


def test_a_person_is_told_how_to_insist(root):
    root.run("run", "pre", "--operation-id", "run-a")
    operation = root.result()["operation"]["id"]

    code, _, err = root.run("run", "on-exit")
    insisted = root.run("run", "post", "--operation-id", operation)[0]

    assert (code, insisted) == (75, 0)
    assert f"give --operation-id {operation} to act on it" in err


def test_an_operation_id_that_does_not_exist_is_a_usage_error(root):
    code, _, err = root.run("run", "pre", "--operation-id", "20260205T015311Z-7f3a")

    assert (code, "there is no operation 20260205T015311Z-7f3a" in err) == (2, True)


def test_after_abandon_after_a_foreign_pre_ends_the_old_operation_first(root):
    root.config('[recovery]\nabandon_after = "0.001s"\n')
    root.hook("pre", "30-leave", says("leave"))
    root.undo("30-join", "30-leave", says("join"))
    root.run("run", "pre", "--operation-id", "run-a")
    old = root.result()["operation"]["id"]

    code = root.run("run", "pre", "--operation-id", "run-b")[0]

    assert (code, root.ran()) == (0, ["leave", "join", "leave"])
    assert outcome(root.result(old)) == ("interrupted", "failed", "closed")
    assert root.result()["operation"]["run_id"] == "run-b"


def test_a_pre_whose_deadline_the_old_operation_eats_fails_and_leaves_it_to_recovery(root):
    root.config('[recovery]\nabandon_after = "0.001s"\n')
    root.hook("pre", "30-leave", says("leave"))
    root.undo("30-join", "30-leave", "sleep 30")
    root.run("run", "pre", "--operation-id", "run-a")

    code, _, err = root.run("run", "pre", "--operation-id", "run-b", "--deadline", "0.8s")

    result = root.result()
    assert (code, root.ran()) == (3, ["leave"])
    assert "could not be ended within the deadline" in err
    assert (result["operation"]["run_id"], result["operation"]["state"]) == ("run-a", "open")


@pytest.mark.parametrize("phase", ["post", "on-exit"])
def test_a_foreign_call_gets_an_operation_of_its_own(root, phase):
    root.hook("pre", "30-leave", says("leave"))
    root.undo("30-join", "30-leave", says("join"))
    root.run("run", "pre", "--operation-id", "run-a")
    ours = root.result()["operation"]["id"]
    before = root.journal(ours)

    root.run("run", phase, "--operation-id", "run-b")

    assert root.result()["operation"]["run_id"] == "run-b"
    assert (root.journal(ours), root.ran()) == (before, ["leave"])


def test_post_ends_the_pre_of_its_own_run_that_still_runs(root):
    root.hook("pre", "10-x", says("x", "sleep 30"))
    root.hook("pre", "20-y", says("y"))
    pre = root.start("run", "pre", "--operation-id", "run-a")
    root.wait_for("ran")

    code = root.run("run", "post", "--operation-id", "run-a")[0]

    result = root.result()
    assert (code, pre.wait(10), root.ran()) == (0, 130, ["x"])
    assert [(one["phase"], one["outcome"]) for one in result["phases"]] == [
        ("pre", "interrupted"),
        ("post", "passed"),
    ]
    assert {name: said[0] for name, said in hooks_of(result, "pre").items()} == {
        "10-x": "interrupted",
        "20-y": "skipped",
    }


# -- the deadline -----------------------------------------------------------------------------


def test_at_the_deadline_the_hook_timed_out_and_the_rest_is_skipped(root):
    root.hook("pre", "10-x", says("x", "sleep 30"))
    root.hook("pre", "20-y", says("y"))

    code, out, _ = root.run("run", "pre", "--deadline", "3s")

    late = "the deadline was reached"
    assert (code, root.ran()) == (3, ["x"])
    assert hooks_of(root.result(), "pre") == {
        "10-x": ("timed-out", late),
        "20-y": ("skipped", "after 10-x timed out"),
    }
    assert out.startswith("failed: pre of operation ")


def test_owed_undos_still_get_their_time_within_the_deadline(root):
    root.hook("pre", "30-leave", says("leave"))
    root.hook("on-exit", "10-check", says("check", "sleep 30"))
    root.undo("30-join", "30-leave", says("join"), 'timeout = "20s"')
    play(root, "pre", PACKAGE_LINE, "post")

    code = root.run("run", "on-exit", "--deadline", "5s")[0]

    found = hooks_of(root.result(), "on-exit")
    assert (code, root.ran()) == (3, ["leave", "check", "join"])
    assert (found["10-check"][0], found["30-join"][0]) == ("timed-out", "passed")


def test_an_on_exit_whose_required_hook_never_got_its_turn_is_not_passed(root):
    root.hook("on-exit", "10-slow", metadata("required = false") + "sleep 30")
    root.hook("on-exit", "20-check", "exit 0")
    play(root, "pre", PACKAGE_LINE, "post")

    code = root.run("run", "on-exit", "--deadline", "0.6s")[0]

    assert (code, outcome(root.result())[1]) == (3, "incomplete")


# -- people -----------------------------------------------------------------------------------


def status(root):
    code, out, _ = root.run("status")
    return code, out.splitlines()


def test_status_of_a_machine_where_nothing_is_open(root):
    assert status(root) == (0, ["nothing is open"])


def test_status_says_what_hookd_will_do_next_and_when(root):
    root.run("run", "pre", "--operation-id", "run-a")
    name = root.result()["operation"]["id"]

    code, lines = status(root)

    assert code == 1
    assert lines[0] == f"operation {name} is open: pre passed; its run: unknown"
    why = "unless on-exit is called before: its run cannot be asked whether it is alive"
    assert lines[1:] == [f"  next: on-exit in 240 min ({why}); `hookd recover` does it at once"]


def test_status_names_the_undo_that_is_outstanding(root):
    root.hook("pre", "30-leave", "exit 0")
    root.undo("30-join", "30-leave", "exit 1")
    play(root, "pre", "post", "on-exit")

    code, lines = status(root)

    assert code == 1
    assert lines[1:] == [
        "  outstanding: 30-join undoes pre/30-leave",
        "  next: retry-undos in 1 min (30-join is outstanding); `hookd recover` does it at once",
    ]


def test_status_while_a_phase_runs(root):
    root.hook("pre", "10-x", says("x", "sleep 5"))
    root.start("run", "pre")
    root.wait_for("ran")

    code, lines = status(root)

    assert code == 75
    assert re.match(r"running: pre of operation \S+, pid \d+, since 20", lines[0])


def test_a_hold_makes_pre_fail_and_recovery_wait_until_it_is_released(root):
    root.hook("pre", "10-x", says("x"))
    root.run("hold", "--for", "1h", "release week")

    held = root.run("run", "pre")[0]
    checked = check_of(root.result(), "run.held")["outcome"]
    recovered, _, err = root.run("recover")
    root.run("hold", "--release")
    released = root.run("run", "pre")[0]

    assert (held, checked, recovered, released) == (1, "fail", 1, 0)
    assert err.startswith("hookd: held: release week (until ")
    assert root.ran() == ["x"]


def test_a_pre_that_is_held_ends_no_operation_first(root):
    root.config('[recovery]\nabandon_after = "0.001s"\n')
    root.hook("pre", "30-leave", says("leave"))
    root.undo("30-join", "30-leave", says("join"))
    root.run("run", "pre", "--operation-id", "run-a")
    root.run("hold", "release week")

    code, _, err = root.run("run", "pre", "--operation-id", "run-b")

    assert (code, root.ran()) == (1, ["leave"])
    assert "pre failed: held: release week" in err
    assert [one["state"] for one in root.json("history")] == ["open"]


def test_a_hold_is_shown_by_status_and_in_every_result(root):
    root.run("run", "pre")
    root.run("hold", "--for", "1h", "release week")

    root.run("run", "post")
    code, lines = status(root)

    assert root.result()["operation"]["held"].startswith("release week (until ")
    assert (code, lines[0].startswith("held: release week (until ")) == (1, True)
    assert lines[-1].startswith("  next: nothing (held: release week (until ")


def test_cancel_ends_the_running_phase_and_on_exit_stays_owed(root):
    root.hook("on-exit", "10-x", says("x", "sleep 30"))
    root.hook("on-exit", "20-y", says("y"))
    play(root, "pre", "post")
    process = root.start("run", "on-exit")
    root.wait_for("ran")

    code = root.run("cancel")[0]

    assert (code, process.wait(10)) == (0, 130)
    assert outcome(root.result())[1:] == ("failed", "open")
    assert root.run("recover")[0] == 1
    assert (root.ran(), outcome(root.result())) == (
        ["x", "y"],
        ("nothing-to-do", "failed", "closed"),
    )


def test_cancel_without_a_running_phase_says_so(root):
    code, _, err = root.run("cancel")

    assert (code, err.startswith("hookd: no phase is running")) == (1, True)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_pre_that_is_asked_to_end_is_interrupted(root, number):
    root.hook("pre", "10-x", says("x", "sleep 30"))
    process = root.start("run", "pre")
    root.wait_for("ran")

    process.send_signal(number)

    assert process.wait(10) == 130
    assert hooks_of(root.result(), "pre")["10-x"][0] == "interrupted"


def test_a_phase_that_ends_because_the_machine_goes_down_says_so(root):
    root.hook("pre", "10-x", says("x", "sleep 30"))
    process = root.start("run", "pre")
    root.wait_for("ran")

    process.send_signal(signal.SIGPWR)

    assert process.wait(10) == 130
    [hook] = root.result()["phases"][0]["hooks"]
    assert (hook["outcome"], hook["reason"]) == ("interrupted", "shutdown")


# -- what a hook is given ---------------------------------------------------------------------

TELL = 'env | grep "^HOOKD_" > "$HOOKD_ROOT/env-$HOOKD_PHASE"; pwd > "$HOOKD_ROOT/cwd"'


def told(root, phase):
    lines = (root.path / f"env-{phase}").read_text(encoding="utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines)


@pytest.mark.parametrize(
    ("phase", "path", "health", "rebooted"),
    [
        ("pre", "unknown", "unknown", "unknown"),
        ("post", "unknown", "unknown", "unknown"),
        ("on-exit", "patched-rebooted", "passed", "true"),
    ],
)
def test_hooks_are_told_about_their_operation(root, phase, path, health, rebooted):
    root.hook(phase, "10-x", TELL)
    play(root, "pre", KERNEL_LINE, "post", NEW, "on-exit")

    name = root.result()["operation"]["id"]
    folder = f"{root.path}/var/lib/hookd/operations/{name}"
    scratch = f"{folder}/scratch/{phase}/10-x"
    assert told(root, phase) == {
        "HOOKD_PHASE": phase,
        "HOOKD_OPERATION": name,
        "HOOKD_PATH": path,
        "HOOKD_HEALTH": health,
        "HOOKD_REBOOTED": rebooted,
        "HOOKD_REBOOT_OPTION": "",
        "HOOKD_SCRATCH": scratch,
        "HOOKD_CONTEXT": f"{folder}/context-{phase}.json",
        "HOOKD_OUTPUT": f"{scratch}/.hookd-output",
        "HOOKD_ROOT": str(root.path),
        "HOOKD_HOOK": f"{name}/{phase}-1/10-x#1",
    }
    assert (root.path / "cwd").read_text(encoding="utf-8") == scratch + "\n"


def test_a_hooks_outputs_are_in_the_result_and_the_context_of_the_next_phase(root):
    root.hook("pre", "10-x", 'printf "node=i-1\\nnonsense\\n" >> "$HOOKD_OUTPUT"')
    root.hook("post", "10-y", 'cp "$HOOKD_CONTEXT" "$HOOKD_ROOT/context"')
    play(root, "pre", "post")

    context = json.loads((root.path / "context").read_text(encoding="utf-8"))
    (hook,) = context["phases"][0]["hooks"]
    assert (hook["outputs"], hook["reason"]) == (
        {"node": "i-1"},
        "1 lines of HOOKD_OUTPUT are not `name=value`",
    )
    assert context["operation"]["id"] == root.result()["operation"]["id"]


def test_keys_reach_the_hooks_but_nothing_that_hookd_writes(root):
    root.hook("pre", "10-x", 'test "$AWS_SECRET_ACCESS_KEY" = s3cr3t && test "$AWS_REGION" = eu-1')
    root.hook("on-exit", "10-x", 'test -z "$AWS_SECRET_ACCESS_KEY" && test "$AWS_REGION" = eu-1')
    keys = {"AWS_SECRET_ACCESS_KEY": "s3cr3t", "AWS_SESSION_TOKEN": "s3cr3t", "AWS_REGION": "eu-1"}

    code = root.run("run", "pre", environment=keys)[0]
    root.run("recover")

    result = root.result()
    assert (code, hooks_of(result, "on-exit")["10-x"][0]) == (0, "passed")
    state = [path for path in (root.path / "var").rglob("*") if path.is_file()]
    assert [path for path in state if b"s3cr3t" in path.read_bytes()] == []
    assert root.journal()[0]["environment"] == {"AWS_REGION": "eu-1"}


def test_a_hook_cannot_call_hookd(root):
    code, _, err = root.run("run", "pre", environment={"HOOKD_HOOK": "x"})

    assert (code, "cannot be called by a hook" in err) == (2, True)
