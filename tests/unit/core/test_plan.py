"""What is left to do in a phase: the order of its actions, and what becomes of each hook."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.journals import (
    BOOT_1,
    BOOT_2,
    ended,
    events,
    folded,
    hook_ended,
    hook_started,
    opened,
    ran,
    started,
)

from hookd.core.budget import DEADLINE_REACHED
from hookd.core.fates import Fate, Inputs, retry_delay_s
from hookd.core.fold import apply, fold
from hookd.core.journal import (
    Checked,
    HookCutOff,
    HookPassedOver,
    Observed,
    PhaseEnded,
    SnapshotTaken,
    UndoKept,
    new_event,
)
from hookd.core.model import (
    CallerKind,
    Check,
    Health,
    Hook,
    HookOutcome,
    HookSpec,
    HookState,
    Outcome,
    Path,
    Phase,
    PhaseOutcome,
    Severity,
)
from hookd.core.operation import HookRun, PhaseRun
from hookd.core.plan import Do, plan
from hookd.core.undo import outstanding

PRE, POST, ON_EXIT = Phase.PRE, Phase.POST, Phase.ON_EXIT
LATE = {"stop": DEADLINE_REACHED}
TOO_LATE = {**LATE, "stop_undos": DEADLINE_REACHED}
CANCELLED = {
    "stop": "cancelled by SIGTERM",
    "stop_undos": "cancelled by SIGTERM",
    "stop_outcome": PhaseOutcome.INTERRUPTED,
}


def hook(name, phase=PRE, *, state=HookState.READY, reason="", **spec):
    required = spec.pop("required", phase is not POST)
    return Hook(
        phase, name, f"/hooks/{name}", state, reason, HookSpec(required=required, **spec), "aa"
    )


def refused(name, phase=PRE, **spec):
    return hook(name, phase, state=HookState.REFUSED, reason="is writable by others", **spec)


def masked(name, phase=PRE, **spec):
    return hook(name, phase, state=HookState.MASKED, reason="masked by the admin", **spec)


def undo(name="30-join", undoes="30-leave", **more):
    return hook(name, ON_EXIT, undoes=f"pre/{undoes}", **more)


def looked(phase, name, health=Health.PASSED):
    """The beginning of a phase: it has arrived and judged."""
    return (
        started(phase),
        SnapshotTaken(name),
        Checked(Phase(phase), (), health),
    )


def in_pre(*bodies):
    return folded(opened(), *looked("pre", "before"), *bodies)


def in_post(*bodies):
    return folded(opened(), *looked("post", "installed"), *bodies)


KEPT = UndoKept("30-join", "pre/30-leave", "/undo/30-join", "cc", HookSpec(undoes="pre/30-leave"))
LEFT = (started("pre"), KEPT, *ran("30-leave", exit_code=0), ended("pre"))


def in_on_exit(*bodies, left=LEFT, health=Health.PASSED):
    return folded(opened(), *left, *looked("on-exit", "arrived", health), *bodies)


def said(actions):
    """Return an action as one line each: what it does, to what, and why."""
    return [line for action in actions for line in _lines(action)]


def _lines(action):
    if action.do in (Do.RUN, Do.PASS_OVER, Do.KEEP_UNDO):
        together = "+".join(fate.hook.name for fate in action.fates)
        if action.do is not Do.PASS_OVER:
            return [f"{action.do} {together}"]
        return [f"{fate.outcome} {fate.hook.name}: {fate.reason}" for fate in action.fates]
    if action.do is Do.LOOK:
        same = f" same as {action.same_as}" if action.same_as else ""
        return [f"look {action.snapshot}{same}"]
    if action.do is Do.INHERIT:
        return [f"inherit {action.operation}"]
    return [f"end {action.outcome}: {action.reason}" if action.do is Do.END else str(action.do)]


def planned(operation, phase, *hooks, **more):
    return said(plan(operation, Inputs(Phase(phase), hooks, **more)))


DONE = "end passed: all hooks done"

# -- the order of a phase ---------------------------------------------------------------------


def test_pre_keeps_undos_looks_judges_runs_and_looks_again():
    operation = folded(opened(), started("pre"))

    found = planned(operation, "pre", hook("10-x"), hook("20-y"), undo_hooks=(undo(),))

    assert found == [
        *("keep-undo 30-join", "look before", "judge", "run 10-x", "run 20-y", "look ready"),
        DONE,
    ]


def test_post_looks_judges_runs_and_looks_again():
    operation = folded(opened(), started("post"))

    found = planned(operation, "post", hook("10-x", POST))

    assert found == ["look installed", "judge", "run 10-x", "look leaving", DONE]


def test_on_exit_looks_judges_runs_puts_back_what_others_owe_and_looks_again():
    operation = folded(opened(), *LEFT, started("on-exit"))

    found = planned(operation, "on-exit", hook("10-x", ON_EXIT), undo(), older=("op-2", "op-1"))

    assert found == [
        *("look arrived", "judge", "run 10-x", "run 30-join"),
        *("inherit op-2", "inherit op-1", "look after", DONE),
    ]


@pytest.mark.parametrize(
    ("phase", "looks"),
    [
        ("pre", ["look before", "judge", "look ready same as before"]),
        ("post", ["look installed", "judge", "look leaving same as installed"]),
        ("on-exit", ["look arrived", "judge", "look after same as arrived"]),
    ],
)
def test_a_phase_without_hooks_looks_once(phase, looks):
    assert planned(folded(opened(), started(phase)), phase) == [*looks, DONE]


@pytest.mark.parametrize(
    ("phase", "looks"),
    [
        ("pre", ["judge", "look ready"]),
        ("post", ["look installed", "judge", "look leaving"]),
        ("on-exit", ["look arrived", "judge", "look after"]),
    ],
)
def test_a_repeated_phase_looks_anew_but_before_is_never_retaken(phase, looks):
    arrival, departure = {
        "pre": ("before", "ready"),
        "post": ("installed", "leaving"),
        "on-exit": ("arrived", "after"),
    }[phase]
    operation = folded(
        opened(),
        *looked(phase, arrival),
        *ran("10-x", phase=phase),
        SnapshotTaken(departure),
        ended(phase),
        started(phase, 2),
    )

    found = planned(operation, phase)

    assert [line.split(" same")[0] for line in found] == [*looks, DONE]


def test_an_on_exit_that_goes_on_looks_at_arrival_once():
    again = (SnapshotTaken("after"), started("on-exit", resumed=True))
    operation = in_on_exit(*again, left=())

    assert planned(operation, "on-exit") == ["judge", "look after same as arrived", DONE]


def test_an_on_exit_that_goes_on_after_a_boot_looks_at_arrival_again():
    operation = in_on_exit(SnapshotTaken("after"))
    for event in events(started("on-exit", resumed=True), boot_id=BOOT_2, first=99):
        operation = apply(operation, event)

    assert planned(operation, "on-exit")[:2] == ["look arrived", "judge"]


def test_hooks_that_changed_the_machine_in_a_first_attempt_of_pre_show_in_ready():
    operation = in_pre(*ran("10-x"), SnapshotTaken("ready"), ended("pre"), started("pre", 2))

    assert planned(operation, "pre") == ["judge", "look ready", DONE]


def test_undos_are_kept_once():
    operation = folded(opened(), started("pre"), KEPT)

    assert planned(operation, "pre", undo_hooks=(undo(), undo("40-z")))[0] == "keep-undo 40-z"


# -- pre --------------------------------------------------------------------------------------

THREE = (hook("05-hold"), hook("10-x"), hook("20-y"))


@pytest.mark.parametrize(
    ("outcome", "how"),
    [("failed", "failed"), ("timed-out", "timed out"), ("refused", "was refused")],
)
def test_pre_stops_at_the_first_required_failure_and_says_after_which(outcome, how):
    operation = in_pre(*ran("05-hold", outcome))

    assert planned(operation, "pre", *THREE) == [
        f"skipped 10-x: after 05-hold {how}",
        f"skipped 20-y: after 05-hold {how}",
        "look ready",
        f"end failed: after 05-hold {how}",
    ]


def test_pre_goes_on_after_a_wanted_failure():
    wanted = (hook("05-hold", required=False), *THREE[1:])
    operation = in_pre(*ran("05-hold", "failed", required=False))

    assert planned(operation, "pre", *wanted) == ["run 10-x", "run 20-y", "look ready", DONE]


def test_a_refused_required_hook_starts_nothing():
    why = "nothing was started: 20-y is refused"

    assert planned(in_pre(), "pre", hook("10-x"), refused("20-y"), hook("30-z")) == [
        f"skipped 10-x: {why}",
        "refused 20-y: is writable by others",
        f"skipped 30-z: {why}",
        "look ready same as before",
        f"end failed: {why}",
    ]


def test_a_refused_wanted_hook_lets_the_others_run():
    hooks = (hook("10-x"), refused("20-y", required=False), hook("30-z"))

    assert planned(in_pre(), "pre", *hooks) == [
        *("run 10-x", "refused 20-y: is writable by others", "run 30-z"),
        *("look ready", DONE),
    ]


def test_masked_and_left_out_hooks_are_skipped_with_their_reason():
    left_out = hook("20-y", state=HookState.LEFT_OUT, reason="is not executable")

    assert planned(in_pre(), "pre", masked("10-x"), left_out)[:2] == [
        "skipped 10-x: masked by the admin",
        "skipped 20-y: is not executable",
    ]


CHECKS = {
    "that failed": (Outcome.FAIL, Severity.FAIL, True),
    "that nobody could judge": (Outcome.UNKNOWN, Severity.FAIL, True),
    "that is skipped": (Outcome.SKIP, Severity.FAIL, False),
    "that only warns": (Outcome.WARN, Severity.WARN, False),
    "that is only unknown": (Outcome.UNKNOWN, Severity.WARN, False),
    "that is ignored": (Outcome.FAIL, Severity.IGNORE, False),
}


@pytest.mark.parametrize(("outcome", "severity", "stops"), CHECKS.values(), ids=CHECKS)
def test_pre_does_not_start_with_a_check(outcome, severity, stops):
    check = Check("disk.low", outcome, severity, phase="pre")
    operation = folded(
        opened(), started("pre"), SnapshotTaken("before"), Checked(PRE, (check,), Health.PASSED)
    )

    found = planned(operation, "pre", hook("10-x"))

    why = "not started: disk.low failed"
    stopped = [f"skipped 10-x: {why}", "look ready same as before", f"end failed: {why}"]
    assert found == (stopped if stops else ["run 10-x", "look ready", DONE])


def test_pre_that_is_repeated_judges_its_checks_anew():
    check = Check("run.held", Outcome.FAIL, Severity.FAIL, phase="pre")
    operation = folded(
        opened(),
        started("pre"),
        SnapshotTaken("before"),
        Checked(PRE, (check,)),
        ended("pre", "failed", 1),
        started("pre", 2),
    )

    found = planned(operation, "pre", hook("10-x"))

    assert found == ["judge", "run 10-x", "look ready", DONE]


def test_checks_of_another_phase_do_not_stop_pre():
    check = Check("packages.duplicates", Outcome.FAIL, Severity.FAIL, phase="post")

    found = planned(in_pre(Checked(POST, (check,))), "pre", hook("10-x"))

    assert found == ["run 10-x", "look ready", DONE]


# -- groups -----------------------------------------------------------------------------------


def test_neighbours_that_all_say_parallel_run_at_the_same_time():
    hooks = (
        hook("10-a", parallel=True),
        hook("20-b", parallel=True),
        hook("30-c"),
        hook("40-d", parallel=True),
        hook("50-e", parallel=True),
    )

    found = planned(in_pre(), "pre", *hooks)

    assert found[:3] == ["run 10-a+20-b", "run 30-c", "run 40-d+50-e"]


def test_a_hook_that_waits_for_health_runs_alone():
    hooks = (
        hook("10-a", ON_EXIT, parallel=True),
        hook("20-b", ON_EXIT, parallel=True, only_if_healthy=True),
        hook("30-c", ON_EXIT, parallel=True),
    )

    assert planned(in_on_exit(), "on-exit", *hooks)[:3] == ["run 10-a", "run 20-b", "run 30-c"]


def test_an_undo_runs_beside_other_undos_only():
    hooks = (
        hook("10-a", ON_EXIT, parallel=True),
        undo("20-back", parallel=True),
        undo("30-join", parallel=True),
        hook("40-z", ON_EXIT, parallel=True),
    )

    found = planned(in_on_exit(), "on-exit", *hooks)

    assert found[:3] == ["run 10-a", "run 20-back+30-join", "run 40-z"]


def test_a_masked_neighbour_parts_a_group():
    hooks = (hook("10-a", parallel=True), masked("20-b"), hook("30-c", parallel=True))

    found = planned(in_pre(), "pre", *hooks)

    assert found[:3] == ["run 10-a", "skipped 20-b: masked by the admin", "run 30-c"]


def test_a_group_that_has_started_finishes_and_then_pre_stops():
    hooks = (hook("10-a", parallel=True), hook("20-b", parallel=True), hook("30-c"))
    operation = in_pre(
        hook_started("10-a"),
        hook_started("20-b"),
        hook_ended("10-a", "failed", exit_code=1),
        hook_ended("20-b", exit_code=0),
    )

    assert planned(operation, "pre", *hooks) == [
        "skipped 30-c: after 10-a failed",
        "look ready",
        "end failed: after 10-a failed",
    ]


def test_in_a_group_that_failed_nothing_is_tried_again():
    hooks = (hook("10-a", parallel=True), hook("20-b", parallel=True, retries=2))
    operation = in_pre(
        hook_started("10-a"),
        hook_started("20-b"),
        hook_ended("10-a", "failed", exit_code=1),
        hook_ended("20-b", "failed", exit_code=75, retry=True),
    )

    assert planned(operation, "pre", *hooks) == [
        "failed 20-b: after 10-a failed",
        "look ready",
        "end failed: after 10-a failed",
    ]


# -- post and on-exit -------------------------------------------------------------------------


def test_post_runs_every_hook_whatever_failed():
    hooks = (hook("10-x", POST, required=True), hook("20-y", POST), hook("30-z", POST))
    operation = in_post(*ran("10-x", "failed", "post"))

    assert planned(operation, "post", *hooks) == [
        *("run 20-y", "run 30-z", "look leaving", "end failed: 10-x failed")
    ]


def test_post_passes_with_wanted_failures():
    operation = in_post(*ran("10-x", "failed", "post", required=False))

    assert planned(operation, "post", hook("10-x", POST)) == ["look leaving", DONE]


def test_post_runs_the_others_beside_a_refused_required_hook():
    hooks = (refused("10-x", POST, required=True), hook("20-y", POST))

    found = planned(in_post(), "post", *hooks)

    assert found[:2] == ["refused 10-x: is writable by others", "run 20-y"]


def test_on_exit_runs_every_hook_whatever_failed():
    hooks = (hook("10-x", ON_EXIT), undo(), hook("40-z", ON_EXIT))
    operation = in_on_exit(*ran("10-x", "failed", "on-exit"))

    assert planned(operation, "on-exit", *hooks) == [
        *("run 30-join", "run 40-z", "look after", "end failed: 10-x failed")
    ]


def test_on_exit_fails_with_an_undo_that_stays_outstanding():
    operation = in_on_exit()

    found = planned(operation, "on-exit", masked("30-join", ON_EXIT, undoes="pre/30-leave"))

    assert found == [
        "outstanding 30-join: masked by the admin",
        "look after same as arrived",
        DONE,  # of the forecast; once it is journalled the phase fails, see below
    ]


def test_an_undo_that_was_held_back_fails_on_exit():
    passed_over = HookPassedOver(
        ON_EXIT, 1, "30-join", HookOutcome.OUTSTANDING, required=True, reason="masked by the admin"
    )
    operation = in_on_exit(passed_over)

    found = planned(operation, "on-exit", masked("30-join", ON_EXIT, undoes="pre/30-leave"))

    assert found == ["look after same as arrived", "end failed: 30-join is outstanding"]


# -- undos ------------------------------------------------------------------------------------


def test_an_undo_runs_for_the_pre_hook_that_took_something_away():
    (run, *_) = plan(in_on_exit(), Inputs(ON_EXIT, (undo(),)))

    assert [(fate.undo_of, fate.try_, fate.from_copy) for fate in run.fates] == [
        ("pre/30-leave", 1, False)
    ]


def test_an_undo_whose_pre_hook_never_ran_is_skipped():
    found = planned(in_on_exit(), "on-exit", undo(), undo("40-z", "40-other"))

    assert found[:2] == ["run 30-join", "skipped 40-z: pre/40-other took nothing away"]


def test_an_undo_that_is_done_is_skipped_by_a_second_attempt():
    operation = in_on_exit(*ran("30-join", "passed", "on-exit"), started("on-exit", 2))

    found = planned(operation, "on-exit", undo())

    assert "skipped 30-join: pre/30-leave is put back already" in found


COPIES = {
    "gone": ((), "runs from pre's copy: 30-join is gone"),
    "refused": (
        (refused("30-join", ON_EXIT),),
        "runs from pre's copy: 30-join is writable by others",
    ),
    "not executable": (
        (hook("30-join", ON_EXIT, state=HookState.LEFT_OUT, reason="is not executable"),),
        "runs from pre's copy: 30-join is not executable",
    ),
    "no undo any more": (
        (hook("30-join", ON_EXIT),),
        "runs from pre's copy: 30-join no longer undoes pre/30-leave",
    ),
    "the undo of another": (
        (undo("30-join", "10-other"),),
        "runs from pre's copy: 30-join no longer undoes pre/30-leave",
    ),
}


@pytest.mark.parametrize(("hooks", "reason"), COPIES.values(), ids=COPIES)
def test_an_undo_runs_from_the_copy_of_pre_and_says_so_when_today_it_is(hooks, reason):
    (run, *_) = plan(in_on_exit(), Inputs(ON_EXIT, hooks))

    (fate,) = run.fates
    assert run.do is Do.RUN
    assert (fate.hook.path, fate.reason, fate.undo_of, fate.from_copy) == (
        "/undo/30-join",
        reason,
        "pre/30-leave",
        True,
    )


def test_copies_keep_their_place_in_byte_order():
    kept = replace(KEPT, hook="20-back")
    left = (started("pre"), kept, *ran("30-leave"), ended("pre"))
    operation = in_on_exit(left=left)

    found = planned(operation, "on-exit", hook("10-x", ON_EXIT), hook("30-z", ON_EXIT))

    assert found[:3] == ["run 10-x", "run 20-back", "run 30-z"]


def test_a_refused_undo_of_which_pre_kept_no_copy_is_outstanding():
    left = (started("pre"), replace(KEPT, file="", failed="full"), *ran("30-leave"), ended("pre"))

    found = planned(in_on_exit(left=left), "on-exit", refused("30-join", ON_EXIT))

    assert found[0] == (
        "outstanding 30-join: pre kept no copy, and today 30-join is writable by others"
    )


def test_a_masked_undo_is_not_run_from_the_copy_either():
    found = planned(in_on_exit(), "on-exit", masked("30-join", ON_EXIT))

    assert found[0] == "outstanding 30-join: masked by the admin"


HELD = {
    "when": (
        {"when": ("patched-rebooted",)},
        {"path": Path.PRE_FAILED},
        Health.PASSED,
        "runs on patched-rebooted; the path is pre-failed",
    ),
    "only_if_healthy": (
        {"only_if_healthy": True},
        {"path": Path.PATCHED_REBOOTED},
        Health.FAILED,
        "waits until the machine is healthy; health is failed",
    ),
    "only_if_healthy, nobody knows": (
        {"only_if_healthy": True},
        {"path": Path.PATCHED_REBOOTED},
        Health.UNKNOWN,
        "waits until the machine is healthy; health is unknown",
    ),
}


@pytest.mark.parametrize(("spec", "inputs", "health", "reason"), HELD.values(), ids=HELD)
def test_an_undo_that_is_held_back_is_outstanding_and_others_are_skipped(
    spec, inputs, health, reason
):
    operation = in_on_exit(health=health)

    found = planned(operation, "on-exit", hook("10-x", ON_EXIT, **spec), undo(**spec), **inputs)

    assert found[:2] == [f"skipped 10-x: {reason}", f"outstanding 30-join: {reason}"]


@pytest.mark.parametrize("health", [Health.PASSED, Health.PASSED_WITH_WARNINGS])
def test_what_fits_the_path_and_a_healthy_machine_runs(health):
    spec = {"when": ("pre-failed", "patched-rebooted"), "only_if_healthy": True}
    operation = in_on_exit(health=health)

    found = planned(operation, "on-exit", undo(**spec), path=Path.PATCHED_REBOOTED)

    assert found[0] == "run 30-join"


def test_health_is_judged_anew_right_before_a_hook_that_waits_for_it():
    hooks = (hook("10-x", ON_EXIT), hook("20-y", ON_EXIT, only_if_healthy=True))
    operation = in_on_exit(*ran("10-x", "passed", "on-exit"), health=Health.FAILED)

    found = planned(operation, "on-exit", *hooks)

    assert found[:3] == ["look after", "judge", "run 20-y"]


def test_what_no_hook_changed_since_the_last_look_is_judged_by_that_look():
    hooks = (hook("10-x", ON_EXIT), hook("20-y", ON_EXIT, only_if_healthy=True))
    body = HookPassedOver(ON_EXIT, 1, "10-x", HookOutcome.SKIPPED, True, "masked by the admin")
    operation = in_on_exit(body, health=Health.FAILED)

    found = planned(operation, "on-exit", *hooks)

    assert found[:2] == ["judge", "run 20-y"]


def test_an_undo_that_failed_is_not_tried_again_in_the_same_call():
    operation = in_on_exit(*ran("30-join", "failed", "on-exit"))

    found = planned(operation, "on-exit", undo())

    assert found == ["look after", "end failed: 30-join failed"]


def test_a_later_call_tries_an_outstanding_undo_again_and_nothing_else():
    operation = in_on_exit(
        *ran("10-x", "failed", "on-exit"),
        *ran("30-join", "failed", "on-exit"),
        ended("on-exit", "failed", 1),
        started("on-exit", resumed=True),
    )

    actions = plan(operation, Inputs(ON_EXIT, (hook("10-x", ON_EXIT), undo())))

    assert said(actions)[:2] == ["judge", "run 30-join"]
    assert actions[1].fates[0].try_ == 2


def test_recovery_that_only_retries_undos_runs_no_new_hook():
    operation = in_on_exit(ended("on-exit"), started("on-exit", resumed=True))

    found = planned(operation, "on-exit", hook("10-x", ON_EXIT), undo(), only_undos=True)

    assert found == ["judge", "run 30-join", "look after", DONE]


# -- tries ------------------------------------------------------------------------------------


@pytest.mark.parametrize("phase", ["pre", "post", "on-exit"])
def test_a_hook_that_said_75_is_tried_again_with_the_next_number(phase):
    arrival = {"pre": "before", "post": "installed", "on-exit": "arrived"}[phase]
    operation = folded(
        opened(),
        *looked(phase, arrival),
        *ran("10-x", "failed", phase, exit_code=75, retry=True),
    )

    (run, *_) = plan(operation, Inputs(Phase(phase), (hook("10-x", Phase(phase), retries=2),)))

    assert [(run.do, fate.try_) for fate in run.fates] == [(Do.RUN, 2)]


def test_after_the_last_try_75_is_a_failure():
    operation = in_pre(*ran("10-x", "failed", exit_code=75))

    assert planned(operation, "pre", hook("10-x"), hook("20-y"))[0] == (
        "skipped 20-y: after 10-x failed"
    )


def test_77_is_skipped_and_stops_nothing():
    operation = in_pre(*ran("10-x", "skipped", exit_code=77))

    assert planned(operation, "pre", hook("10-x"), hook("20-y")) == ["run 20-y", "look ready", DONE]


# -- deadline and cancel ----------------------------------------------------------------------


@pytest.mark.parametrize("phase", ["pre", "post", "on-exit"])
def test_at_the_deadline_hooks_that_never_started_are_skipped(phase):
    operation = {"pre": in_pre(), "post": in_post(), "on-exit": in_on_exit(left=())}[phase]

    found = planned(operation, phase, hook("10-x", Phase(phase)), **TOO_LATE)

    assert found[0] == f"skipped 10-x: {DEADLINE_REACHED}"


@pytest.mark.parametrize("phase", ["pre", "post", "on-exit"])
def test_a_phase_that_skipped_hooks_at_the_deadline_timed_out(phase):
    skipped = HookPassedOver(
        Phase(phase), 1, "10-x", HookOutcome.SKIPPED, required=True, reason=DEADLINE_REACHED
    )
    arrival = {"pre": "before", "post": "installed", "on-exit": "arrived"}[phase]
    operation = folded(opened(), *looked(phase, arrival), skipped)

    found = planned(operation, phase, hook("10-x", Phase(phase)), **TOO_LATE)

    assert found[-1] == f"end timed-out: {DEADLINE_REACHED}"


def test_a_phase_whose_last_hook_ended_before_the_deadline_did_not_time_out():
    operation = in_pre(*ran("10-x"))

    assert planned(operation, "pre", hook("10-x"), **TOO_LATE)[-1] == DONE


def test_the_deadline_stops_plain_hooks_before_undos():
    hooks = (hook("10-x", ON_EXIT), undo(), hook("40-z", ON_EXIT))

    assert planned(in_on_exit(), "on-exit", *hooks, **LATE)[:3] == [
        f"skipped 10-x: {DEADLINE_REACHED}",
        "run 30-join",
        f"skipped 40-z: {DEADLINE_REACHED}",
    ]


def test_an_undo_that_no_longer_fits_is_outstanding():
    found = planned(in_on_exit(), "on-exit", undo(), **TOO_LATE)

    assert found[0] == f"outstanding 30-join: {DEADLINE_REACHED}"


def test_a_hook_that_wanted_another_try_at_the_deadline_failed():
    operation = in_pre(*ran("10-x", "failed", exit_code=75, retry=True))

    assert planned(operation, "pre", hook("10-x", retries=2), **LATE)[0] == (
        f"failed 10-x: {DEADLINE_REACHED}"
    )


@pytest.mark.parametrize("phase", ["pre", "post", "on-exit"])
def test_a_cancelled_phase_is_interrupted_even_if_every_hook_was_done(phase):
    operation = {"pre": in_pre(), "post": in_post(), "on-exit": in_on_exit(left=())}[phase]

    assert planned(operation, phase, **CANCELLED)[-1] == "end interrupted: cancelled by SIGTERM"


# -- cut off ----------------------------------------------------------------------------------


def cut(phase, name="10-x"):
    """A hook in flight when its engine died, and the next engine's start."""
    return (
        hook_started(name, phase),
        HookCutOff(Phase(phase), 1, name, 1, "its engine died"),
        started(phase, resumed=True),
    )


@pytest.mark.parametrize("required", [True, False])
def test_a_hook_that_was_cut_off_fails_pre(required):
    hooks = (hook("10-x", required=required), hook("20-y"))
    operation = in_pre(
        hook_started("10-x", required=required),
        HookCutOff(PRE, 1, "10-x", 1, "its engine died"),
        started("pre", resumed=True),
    )

    assert planned(operation, "pre", *hooks) == [
        "judge",
        "skipped 20-y: after 10-x was interrupted",
        "look ready",
        "end interrupted: after 10-x was interrupted",
    ]


def test_pre_that_was_cut_off_between_hooks_goes_on():
    operation = in_pre(*ran("10-x"), started("pre", resumed=True))

    found = planned(operation, "pre", hook("10-x"), hook("20-y"))

    assert found == ["judge", "run 20-y", "look ready", DONE]


@pytest.mark.parametrize("phase", ["post", "on-exit"])
def test_elsewhere_a_hook_that_was_cut_off_is_not_run_again_and_the_rest_runs(phase):
    begun = in_post if phase == "post" else in_on_exit
    operation = begun(*cut(phase))
    hooks = (hook("10-x", Phase(phase), required=True), hook("20-y", Phase(phase)))

    found = planned(operation, phase, *hooks)

    assert found[:2] == ["judge", "run 20-y"]
    assert found[-1] == "end failed: 10-x was interrupted"


def test_an_undo_that_was_cut_off_runs_again_as_its_second_try():
    actions = plan(in_on_exit(*cut("on-exit", "30-join")), Inputs(ON_EXIT, (undo(),)))

    assert said(actions)[:2] == ["judge", "run 30-join"]
    assert actions[1].fates[0].try_ == 2


def test_what_was_passed_over_before_the_cut_is_planned_anew():
    skipped = HookPassedOver(
        POST, 1, "10-x", HookOutcome.SKIPPED, required=False, reason=DEADLINE_REACHED
    )
    operation = in_post(skipped, started("post", resumed=True))

    assert planned(operation, "post", hook("10-x", POST))[:2] == ["judge", "run 10-x"]


# -- a driver that does what the plan says, and is killed now and then ------------------------

ENDINGS = ("passed", "failed", "timed-out", "not-applicable", "again")


class Driver:
    """Does the first action of the plan as events, again and again, like the engine."""

    def __init__(self, endings, kills):
        self.endings, self.kills = iter(endings), iter(kills)
        self.events = []
        self.spawned = []
        self.add(opened(), boot_id=BOOT_1)

    @property
    def operation(self):
        return fold(self.events)

    def add(self, *bodies, boot_id=BOOT_1):
        for body in bodies:
            n = len(self.events) + 1
            self.events.append(new_event(body, n=n, at="", boot_id=boot_id, up_s=float(n)))

    def phase(self, inputs, most=400):
        """Run a phase to its end through all kills; return how it ended."""
        self.add(started(inputs.phase.value))
        for _ in range(most):
            action = plan(self.operation, inputs)[0]
            if action.do is Do.END:
                self.add(PhaseEnded(inputs.phase, 1, action.outcome, 0, 0, action.reason))
                return action
            if next(self.kills, False):
                self.killed(inputs.phase, action)
            else:
                self.done(inputs.phase, action)
        raise AssertionError("the plan never comes to its end")

    def killed(self, phase, action):
        """Die: at a hook, while it runs; else before the action is recorded."""
        if action.do is Do.RUN:
            self.spawn(phase, action.fates)
            for fate in action.fates:
                self.add(HookCutOff(phase, 1, fate.hook.name, fate.try_, "its engine died"))
        self.add(started(phase.value, resumed=True))

    def done(self, phase, action):
        if action.do is Do.KEEP_UNDO:
            self.add(
                *(
                    UndoKept(
                        f.hook.name, f.hook.spec.undoes, f"/undo/{f.hook.name}", "cc", f.hook.spec
                    )
                    for f in action.fates
                )
            )
        elif action.do is Do.LOOK:
            self.add(SnapshotTaken(action.snapshot))
        elif action.do is Do.JUDGE:
            self.add(Checked(phase, (), Health.PASSED))
        elif action.do is Do.PASS_OVER:
            self.add(*(self.passed_over(phase, fate) for fate in action.fates))
        elif action.do is Do.RUN:
            self.spawn(phase, action.fates)
            self.add(*(self.ended(phase, fate) for fate in action.fates))
        else:
            self.add(Observed("inherited_undos", [action.operation]))

    def passed_over(self, phase, fate):
        required, name = fate.hook.spec.required, fate.hook.name
        return HookPassedOver(
            phase, 1, name, fate.outcome, required, fate.reason, undo_of=fate.undo_of
        )

    def spawn(self, phase, fates):
        for fate in fates:
            required, name = fate.hook.spec.required, fate.hook.name
            self.spawned.append((phase, name, fate.try_))
            self.add(hook_started(name, phase.value, 1, fate.try_, required=required))

    def ended(self, phase, fate):
        ending = next(self.endings, "passed")
        more = {"phase": phase.value, "try_": fate.try_}
        if ending == "again":
            wants = fate.try_ <= fate.hook.spec.retries
            return hook_ended(fate.hook.name, "failed", exit_code=75, retry=wants, **more)
        if ending == "not-applicable":
            return hook_ended(fate.hook.name, "skipped", exit_code=77, **more)
        return hook_ended(fate.hook.name, ending, exit_code=0 if ending == "passed" else 1, **more)


states = st.sampled_from([HookState.READY] * 6 + [HookState.MASKED, HookState.REFUSED])


@st.composite
def hooks_of(draw, phase):
    found = []
    for number in range(draw(st.integers(0, 5))):
        spec = {
            "required": draw(st.booleans()),
            "parallel": draw(st.booleans()),
            "retries": draw(st.integers(0, 2)),
        }
        if phase is ON_EXIT and draw(st.booleans()):
            spec["undoes"] = f"pre/{draw(st.integers(0, 4))}-x"
        if phase is ON_EXIT:
            spec["only_if_healthy"] = draw(st.booleans())
        found.append(hook(f"{number}-x", phase, state=draw(states), reason="r", **spec))
    return tuple(found)


whole = {
    "pre_hooks": hooks_of(PRE),
    "on_exit_hooks": hooks_of(ON_EXIT),
    "endings": st.lists(st.sampled_from(ENDINGS), max_size=20),
    "kills": st.lists(st.booleans(), max_size=30),
}


def pre_inputs(pre_hooks, on_exit_hooks):
    undos = tuple(h for h in on_exit_hooks if h.spec.undoes and h.state is HookState.READY)
    return Inputs(PRE, pre_hooks, undos)


def repeated_in(driver, phase):
    """Return the names of hooks that were started again after they had ended 0."""
    oks, repeated = set(), set()
    for event in driver.events:
        body = event.body
        if getattr(body, "phase", None) is not phase:
            continue
        if event.event == "hook-started" and body.hook in oks:
            repeated.add(body.hook)
        if event.event == "hook-ended" and body.outcome is HookOutcome.PASSED:
            oks.add(body.hook)
    return repeated


@given(**whole)
@settings(max_examples=150, deadline=None)
def test_no_hook_that_ended_well_runs_twice_whatever_dies(pre_hooks, on_exit_hooks, endings, kills):
    driver = Driver(endings, kills)
    driver.phase(pre_inputs(pre_hooks, on_exit_hooks))
    driver.phase(Inputs(ON_EXIT, on_exit_hooks, path=Path.PRE_FAILED))

    assert (repeated_in(driver, PRE), repeated_in(driver, ON_EXIT)) == (set(), set())
    assert len(set(driver.spawned)) == len(driver.spawned)


@given(**whole)
@settings(max_examples=150, deadline=None)
def test_in_pre_nothing_starts_after_a_required_failure(pre_hooks, on_exit_hooks, endings, kills):
    driver = Driver(endings, kills)
    end = driver.phase(pre_inputs(pre_hooks, on_exit_hooks))

    required = {one.name for one in pre_hooks if one.spec.required}
    late, failed = [], False
    for event in driver.events:
        if event.event == "hook-started" and failed:
            late.append(event.body.hook)
        failed = failed or _is_a_failure(event, required)
    assert late == []
    assert (end.outcome is PhaseOutcome.PASSED) is not failed


def _is_a_failure(event, required):
    if event.event == "hook-cut-off":
        return True
    if event.event not in ("hook-ended", "hook-passed-over") or event.body.hook not in required:
        return False
    bad = (HookOutcome.FAILED, HookOutcome.TIMED_OUT, HookOutcome.REFUSED)
    return event.body.outcome in bad and not getattr(event.body, "retry", False)


@given(**whole)
@settings(max_examples=150, deadline=None)
def test_every_owed_undo_is_run_or_outstanding(pre_hooks, on_exit_hooks, endings, kills):
    driver = Driver(endings, kills)
    driver.phase(pre_inputs(pre_hooks, on_exit_hooks))
    owed = {one.hook for one in outstanding(driver.operation, on_exit_hooks)}
    driver.phase(Inputs(ON_EXIT, on_exit_hooks))

    run = driver.operation.last(ON_EXIT)
    left = {one.hook for one in outstanding(driver.operation, on_exit_hooks)}
    put_back = {
        name
        for name, one in run.hooks.items()
        if one.was_started and one.outcome in (HookOutcome.PASSED, HookOutcome.SKIPPED)
    }
    assert owed - put_back == left
    assert all(run.hooks[name].outcome is not HookOutcome.SKIPPED for name in left)


@given(**whole)
@settings(max_examples=100, deadline=None)
def test_the_plan_is_a_function_of_its_inputs(pre_hooks, on_exit_hooks, endings, kills):
    inputs = pre_inputs(pre_hooks, on_exit_hooks)
    driver = Driver(endings, kills)
    driver.phase(inputs)
    cut_at = len(driver.events) // 2 + 1
    for journal in (driver.events, driver.events[:cut_at]):
        operation, same = fold(journal), fold(list(journal))
        if operation.last(PRE) is not None:
            assert plan(operation, inputs) == plan(same, inputs)


@pytest.mark.parametrize(
    ("retry", "expected"),
    [(True, 7.0), (False, 0.0)],
    ids=["one that asked to be tried again waits", "one that a crash cut off does not"],
)
def test_the_delay_before_another_try(retry, expected):
    hook = Hook(Phase.PRE, "10-x", "/10-x", spec=HookSpec(retry_delay_s=7.0))
    done = HookRun(Phase.PRE, "10-x", required=True, retry=retry)
    run = PhaseRun(Phase.PRE, 1, CallerKind.PERSON, "", "", 0.0, hooks={"10-x": done})
    assert retry_delay_s(run, (Fate(hook, "", None, 2),)) == expected


# -- settling ---------------------------------------------------------------------------------

WAITED = Observed("settled", {"attempt": 1, "boot_id": BOOT_1, "took_s": 1.0, "left": []})


def test_on_exit_settles_before_it_looks():
    found = planned(folded(opened(), started("on-exit")), "on-exit", rests=True)
    assert found == ["settle", "look arrived", "judge", "look after same as arrived", DONE]


@pytest.mark.parametrize(
    ("bodies", "phase"),
    [
        ([started("on-exit"), WAITED], "on-exit"),
        ([started("on-exit"), WAITED, started("on-exit", resumed=True)], "on-exit"),
        ([started("pre")], "pre"),
        ([started("post")], "post"),
    ],
    ids=["waited", "waited before it was resumed", "pre", "post"],
)
def test_what_has_settled_or_does_not_is_looked_at_once(bodies, phase):
    assert planned(folded(opened(), *bodies), phase, rests=True)[0].startswith("look ")


def test_after_a_boot_on_exit_settles_anew():
    before = events(opened(), started("on-exit"), WAITED, SnapshotTaken("arrived"))
    since = events(started("on-exit", resumed=True), boot_id=BOOT_2, first=5)
    assert planned(fold((*before, *since)), "on-exit", rests=True)[:2] == ["settle", "look arrived"]


def test_what_has_been_looked_at_needs_no_rest_any_more():
    assert planned(in_on_exit(left=()), "on-exit", rests=True) == [
        "look after same as arrived",
        DONE,
    ]
