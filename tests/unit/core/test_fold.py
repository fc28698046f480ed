"""What a journal tells: events in, the whole operation out; it never raises, whatever they are."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.journals import (
    BOOT_1,
    BOOT_2,
    any_events,
    at,
    ended,
    events,
    folded,
    hook_ended,
    hook_started,
    journals,
    opened,
    ran,
    started,
)

from hookd.core.fold import apply, fold
from hookd.core.journal import (
    Checked,
    Event,
    HookCutOff,
    HookPassedOver,
    HookSpawned,
    Noted,
    Observed,
    OperationClosed,
    Published,
    SnapshotTaken,
    UndoKept,
    from_line,
    to_line,
)
from hookd.core.model import (
    CallerKind,
    Check,
    Health,
    HookOutcome,
    HookSpec,
    Leftover,
    Outcome,
    Path,
    Phase,
    PhaseOutcome,
    Severity,
    Stream,
    Verdict,
)
from hookd.core.operation import HookRun, Operation, PhaseRun

PRE, ON_EXIT = Phase.PRE, Phase.ON_EXIT
OPENED = opened()
FAILS = Check("disk.low", Outcome.FAIL, phase="pre")
PASSES = Check("disk.low", Outcome.PASS, Severity.WARN, phase="on-exit")


def operation(last, **more):
    """The operation after event number `last`."""
    fields = {
        "boots": (BOOT_1,),
        "last_n": last,
        "last_at": at(last),
        "last_boot_id": BOOT_1,
        "last_up_s": 100.0 + last,
    }
    return Operation(OPENED, at(1), **{**fields, **more})


def phase_run(n, phase="pre", attempt=1, caller=CallerKind.PERSON, **more):
    """An attempt that was started by event `n`."""
    run = PhaseRun(
        Phase(phase),
        attempt,
        caller,
        started_at=at(n),
        boot_id=BOOT_1,
        started_up_s=100.0 + n,
        deadline_s=3300.0,
        deadline_by="[run] deadline",
        pid=41,
        process_started_at=7.5,
        started_n=n,
        resumed_n=n,
    )
    return replace(run, **more)


def hook_run(n, name="10-a", phase="pre", try_=1, **more):
    """A hook that was started by event `n`."""
    run = HookRun(
        Phase(phase),
        name,
        required=True,
        try_=try_,
        token=f"{OPENED.id}/{phase}/{name}#{try_}",
        boot_id=BOOT_1,
        started_n=n,
        changed_n=n,
    )
    return replace(run, **more)


KEPT = UndoKept("70-join", "pre/10-a", "undo/70-join", "ab", HookSpec())
KEPT_ANEW = replace(KEPT, sha256="cd")
CLOSED = OperationClosed(Path.NOTHING_TO_DO, Verdict.PASSED, "nothing changed")


@pytest.mark.parametrize(
    ("bodies", "expected"),
    [
        ((), operation(1)),
        ((Observed("a", 1), Observed("a", [2])), operation(3, observed={"a": [2]})),
        ((opened(id="another"),), operation(2)),
        ((KEPT,), operation(2, kept_undos=(KEPT,))),
        ((KEPT, KEPT_ANEW), operation(3, kept_undos=(KEPT_ANEW,))),
        (
            (SnapshotTaken("before", "b.json", "1"), SnapshotTaken("ready", same_as="before")),
            operation(
                3,
                snapshots={
                    "before": SnapshotTaken("before", "b.json", "1"),
                    "ready": SnapshotTaken("ready", same_as="before"),
                },
                snapshot_n={"before": 2, "ready": 3},
            ),
        ),
        (
            (SnapshotTaken("after", "a.json", "1"), SnapshotTaken("after", "a.json", "2")),
            operation(
                3,
                snapshots={"after": SnapshotTaken("after", "a.json", "2")},
                snapshot_n={"after": 3},
            ),
        ),
        ((Noted("x", "y"), Noted("x", "y")), operation(3, notes=(Noted("x", "y"),) * 2)),
        ((Published(7), Published(9)), operation(3, published=(7, 9))),
        ((CLOSED,), operation(2, closed=CLOSED, closed_at=at(2), closed_n=2)),
        ((CLOSED, CLOSED), operation(3, closed=CLOSED, closed_at=at(3), closed_n=2)),
        ((Checked(PRE, (FAILS,)),), operation(2, checks={"disk.low": FAILS})),
    ],
)
def test_what_the_operation_is(bodies, expected):
    assert folded(OPENED, *bodies) == expected


PASSED_10_A = hook_run(3, outcome=HookOutcome.PASSED, exit_code=0, duration_s=0.5, changed_n=4)


@pytest.mark.parametrize(
    ("bodies", "expected"),
    [
        ((started("pre"),), (phase_run(2),)),
        ((started("pre"), started("post")), (phase_run(2), phase_run(3, "post"))),
        ((started("pre"), started("pre", 2)), (phase_run(2), phase_run(3, attempt=2))),
        (
            (started("on-exit", caller=CallerKind.RECOVERY),),
            (phase_run(2, "on-exit", caller=CallerKind.RECOVERY, recovered=True),),
        ),
        (
            (started("pre"), ended("pre", "failed", 1, reason="10-a failed")),
            (
                phase_run(
                    2,
                    outcome=PhaseOutcome.FAILED,
                    exit_code=1,
                    process_exit=1,
                    reason="10-a failed",
                    ended_at=at(3),
                    ended_n=3,
                ),
            ),
        ),
        ((ended("pre"),), ()),
        ((started("pre"), ended("pre", attempt=2)), (phase_run(2),)),
        (
            (started("pre"), Checked(PRE, (FAILS,), Health.FAILED)),
            (phase_run(2, health=Health.FAILED, checked_n=3),),
        ),
        (
            (started("pre"), *ran("10-a", exit_code=0, duration_s=0.5)),
            (phase_run(2, hooks={"10-a": PASSED_10_A}, changed_n=4),),
        ),
        # a resumed phase keeps its hooks and its beginning, and is judged anew
        (
            (
                started("pre"),
                *ran("10-a", exit_code=0, duration_s=0.5),
                Checked(PRE, (), Health.PASSED),
                started("pre", resumed=True),
            ),
            (
                phase_run(
                    6,
                    started_at=at(2),
                    started_n=2,
                    resumed=1,
                    hooks={"10-a": PASSED_10_A},
                    changed_n=4,
                ),
            ),
        ),
        # a phase that had ended runs again when it is resumed
        (
            (started("on-exit"), ended("on-exit"), started("on-exit", resumed=True)),
            (phase_run(4, "on-exit", started_at=at(2), started_n=2, resumed=1),),
        ),
        # what says it resumes another attempt is a beginning
        (
            (started("pre"), started("pre", 2, resumed=True)),
            (phase_run(2), phase_run(3, attempt=2)),
        ),
        ((started("pre", resumed=True),), (phase_run(2),)),
        # recovery began, SSM came
        (
            (
                started("on-exit", caller=CallerKind.RECOVERY),
                started("on-exit", caller=CallerKind.SSM_COMMAND, resumed=True),
            ),
            (
                phase_run(
                    3,
                    "on-exit",
                    caller=CallerKind.SSM_COMMAND,
                    started_at=at(2),
                    started_n=2,
                    resumed=1,
                    recovered=True,
                ),
            ),
        ),
        # SSM came, recovery only helped
        (
            (
                started("on-exit", caller=CallerKind.SSM_COMMAND),
                started("on-exit", caller=CallerKind.RECOVERY, resumed=True),
            ),
            (
                phase_run(
                    3,
                    "on-exit",
                    caller=CallerKind.SSM_COMMAND,
                    started_at=at(2),
                    started_n=2,
                    resumed=1,
                ),
            ),
        ),
    ],
)
def test_what_a_phase_is(bodies, expected):
    assert folded(OPENED, *bodies).phases == expected


STREAM = Stream("x.out", 5, "hello", "", 0, 0)
LEFT = (Leftover(99, "sleep 60", holds_stdout=True),)


@pytest.mark.parametrize(
    ("bodies", "expected"),
    [
        ((hook_started("10-a"),), hook_run(3)),
        (
            (
                hook_started(
                    "10-a",
                    required=False,
                    sha256="ab",
                    owner=5,
                    mode="0755",
                    path="/p",
                    undo_of="pre/x",
                    from_copy=True,
                ),
            ),
            hook_run(
                3,
                required=False,
                sha256="ab",
                owner=5,
                mode="0755",
                path="/p",
                undo_of="pre/x",
                from_copy=True,
            ),
        ),
        (
            (hook_started("10-a"), HookSpawned(PRE, 1, "10-a", 1, 4711, 9.25)),
            hook_run(3, pid=4711, process_started_at=9.25, changed_n=4),
        ),
        (
            (
                hook_started("10-a"),
                hook_ended(
                    "10-a",
                    "failed",
                    exit_code=3,
                    signal=None,
                    duration_s=1.5,
                    reason="exit 3",
                    stdout=STREAM,
                    stderr=STREAM,
                    outputs={"a": "b"},
                    left_running=LEFT,
                    cpu_s=0.25,
                    max_rss_kb=900,
                ),
            ),
            hook_run(
                3,
                outcome=HookOutcome.FAILED,
                exit_code=3,
                duration_s=1.5,
                reason="exit 3",
                stdout=STREAM,
                stderr=STREAM,
                outputs={"a": "b"},
                left_running=LEFT,
                cpu_s=0.25,
                max_rss_kb=900,
                changed_n=4,
            ),
        ),
        # it asked for another try
        (
            (hook_started("10-a"), hook_ended("10-a", "failed", exit_code=75, retry=True)),
            hook_run(3, outcome=HookOutcome.FAILED, exit_code=75, retry=True, changed_n=4),
        ),
        # the next try starts with nothing of the last
        (
            (
                hook_started("10-a"),
                hook_ended("10-a", "failed", exit_code=75, retry=True, reason="not yet"),
                hook_started("10-a", try_=2),
            ),
            hook_run(5, try_=2),
        ),
        # its engine died
        (
            (
                hook_started("10-a"),
                HookSpawned(PRE, 1, "10-a", 1, 4711, 9.25),
                HookCutOff(PRE, 1, "10-a", 1, "its engine died", LEFT),
            ),
            hook_run(
                3,
                pid=4711,
                process_started_at=9.25,
                outcome=HookOutcome.INTERRUPTED,
                reason="its engine died",
                left_running=LEFT,
                changed_n=5,
            ),
        ),
        # cut off while it waited for another try: no further try
        (
            (
                hook_started("10-a"),
                hook_ended("10-a", "failed", exit_code=75, retry=True),
                HookCutOff(PRE, 1, "10-a", 1, "its engine died"),
            ),
            hook_run(
                3,
                outcome=HookOutcome.INTERRUPTED,
                exit_code=75,
                reason="its engine died",
                changed_n=5,
            ),
        ),
        # never started
        (
            (HookPassedOver(PRE, 1, "10-a", HookOutcome.SKIPPED, True, "after 05 failed", "ab"),),
            HookRun(
                PRE,
                "10-a",
                required=True,
                outcome=HookOutcome.SKIPPED,
                reason="after 05 failed",
                sha256="ab",
                changed_n=3,
            ),
        ),
        # started before, and now given up: what its try told stays
        (
            (
                hook_started("10-a"),
                hook_ended("10-a", "failed", exit_code=75, retry=True),
                HookPassedOver(PRE, 1, "10-a", HookOutcome.FAILED, True, "the deadline"),
            ),
            hook_run(
                3,
                outcome=HookOutcome.FAILED,
                exit_code=75,
                reason="the deadline",
                changed_n=5,
            ),
        ),
    ],
)
def test_what_a_hook_is(bodies, expected):
    found = folded(OPENED, started("pre"), *bodies)
    assert found.phases[0].hooks == {"10-a": expected}
    assert found.phases[0].changed_n == expected.changed_n


@pytest.mark.parametrize(
    "body",
    [
        hook_ended("10-a"),
        HookSpawned(PRE, 1, "10-a", 1, 4711, 9.25),
        HookCutOff(PRE, 1, "10-a", 1, "its engine died"),
        hook_started("10-a", attempt=2),
        hook_started("10-a", phase="post"),
    ],
)
def test_an_event_of_a_hook_that_nobody_started_changes_nothing(body):
    assert folded(OPENED, started("pre"), body).phases == (phase_run(2),)


def test_without_its_first_event_there_is_no_operation():
    assert folded(started("pre"), Noted("a", "b")) is None
    assert fold(()) is None


def test_what_comes_before_the_first_event_is_passed_over():
    assert folded(Noted("a", "b"), OPENED).notes == ()


def test_a_check_that_is_judged_again_counts_as_it_was_judged_last():
    found = folded(
        OPENED,
        started("pre"),
        Checked(PRE, (FAILS,), Health.FAILED),
        started("on-exit"),
        Checked(ON_EXIT, (PASSES,), Health.PASSED),
    )
    assert found.checks == {"disk.low": PASSES}
    assert [run.health for run in found.phases] == [Health.FAILED, Health.PASSED]


def test_an_event_of_a_newer_hookd_is_counted():
    new = Event(2, at(2), BOOT_1, 102.0, "hook-dreamt", None, {"n": 2})
    assert apply(folded(OPENED), new) == operation(2, unknown_events=1)


def test_boots_are_seen_by_their_events():
    first = events(OPENED, started("pre"))
    second = events(started("post"), Noted("a", "b"), boot_id=BOOT_2, first=3)
    nowhere = events(Noted("c", "d"), boot_id="", first=5)
    found = fold((*first, *second, *nowhere))
    assert (found.boots, found.booted_n) == ((BOOT_1, BOOT_2), 3)
    assert (found.last_boot_id, found.last_n) == ("", 5)


def test_the_newest_attempt_is_the_last_and_the_one_without_an_end_is_running():
    found = folded(
        OPENED, started("pre"), ended("pre", "failed", 1), started("pre", 2), started("post")
    )
    assert found.last(PRE).attempt == 2
    assert found.last(ON_EXIT) is None
    assert found.running is found.last(Phase.POST)
    assert found.is_open


@settings(max_examples=25, deadline=None)
@given(journals())
def test_every_beginning_of_a_journal_folds(bodies):
    numbered = events(*bodies)
    whole = None
    for event in numbered:
        whole = apply(whole, event)
        assert whole.last_n == event.n
    assert fold(numbered) == whole


@settings(max_examples=25, deadline=None)
@given(journals(), st.data())
def test_folding_on_is_folding_all(bodies, data):
    numbered = events(*bodies)
    cut = data.draw(st.integers(0, len(numbered)))
    found = fold(numbered[:cut])
    for event in numbered[cut:]:
        found = apply(found, event)
    assert found == fold(numbered)


@settings(max_examples=25, deadline=None)
@given(journals())
def test_what_was_written_folds_to_the_same(bodies):
    numbered = events(*bodies)
    assert fold(map(from_line, map(to_line, numbered))) == fold(numbered)


@settings(max_examples=30, deadline=None)
@given(journals())
def test_no_hook_that_was_started_is_forgotten(bodies):
    found = fold(events(*bodies))
    for body in bodies:
        if isinstance(body, type(hook_started("a"))):
            runs = [r for r in found.phases if (r.phase, r.attempt) == (body.phase, body.attempt)]
            assert runs[0].hooks[body.hook].was_started


@settings(max_examples=40, deadline=None)
@given(st.lists(any_events, max_size=8))
def test_any_events_in_any_order_fold(found):
    fold(found)


@settings(max_examples=25, deadline=None)
@given(st.lists(any_events, max_size=8))
def test_any_events_after_the_first_fold(found):
    whole = fold((*events(OPENED), *found))
    assert whole.opened == OPENED
    assert whole.unknown_events == sum(event.body is None for event in found)
