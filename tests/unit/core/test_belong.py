"""Which operation a call belongs to, and what it gets when its phase was called before."""

from __future__ import annotations

import pytest
from support.journals import BOOT_1, BOOT_2, at, ended, events, folded, opened, ran, started

from hookd.core.belong import Again, Belonging, Call, Choice, Known, again, belong
from hookd.core.due import Moment, Patience
from hookd.core.fold import apply
from hookd.core.journal import Observed, OperationClosed, UndoKept
from hookd.core.model import CallerKind, HookSpec, Liveness, Path, Phase, Verdict

PATIENCE = Patience(grace_s=900.0, abandon_after_s=14400.0, alive_limit_s=43200.0)
OURS, THEIRS = "20261105T041807Z-aaaa", "20261105T041807Z-bbbb"
CLOSED = OperationClosed(Path.PATCHED_REBOOTED, Verdict.PASSED)
PRE = (started("pre"), ended("pre"))
ON_EXIT = (started("on-exit"), ended("on-exit"))
LAST_UP_S = 103.0  # of the third event: opened, started, ended
RECENT = LAST_UP_S + 1.0
OLD = LAST_UP_S + PATIENCE.abandon_after_s


def operation(*bodies, name=OURS, run_id="run-a"):
    return folded(opened(id=name, run_id=run_id), *bodies)


def of_run(run_id, *bodies, liveness=Liveness.UNKNOWN, name=OURS):
    return Known(operation(*bodies, name=name, run_id=run_id), liveness)


def of_person(*bodies, name=OURS):
    return Known(operation(*bodies, name=name, run_id=""), Liveness.NONE)


def choice(call, *known, up_s=RECENT, boot_id=BOOT_1):
    found = belong(call, known, Moment(boot_id, up_s), PATIENCE)
    return found.choice, found.operation_id


def run(phase, run_id="run-a"):
    return Call(Phase(phase), run_id=run_id)


def person(phase, operation_id=""):
    return Call(Phase(phase), operation_id=operation_id)


ALIVE, DEAD, UNKNOWN = Liveness.ALIVE, Liveness.DEAD, Liveness.UNKNOWN
A_ALIVE = of_run("run-a", *PRE, liveness=ALIVE)
A_DEAD = of_run("run-a", *PRE, liveness=DEAD)
A_UNKNOWN = of_run("run-a", *PRE)
A_ENDED = of_run("run-a", *PRE, *ON_EXIT)
A_CLOSED = of_run("run-a", *PRE, *ON_EXIT, CLOSED)
B_ASIDE = of_run("run-b", started("post"), ended("post"), name=THEIRS)
JOIN, OPEN, ASIDE, END_FIRST, BUSY = (
    Choice.JOIN,
    Choice.OPEN,
    Choice.ASIDE,
    Choice.END_FIRST,
    Choice.BUSY,
)

ROWS = {
    "the first call opens": (run("pre"), (), (OPEN, "")),
    "a person's first call opens": (person("pre"), (), (OPEN, "")),
    "the same run id is that operation": (run("on-exit"), (A_UNKNOWN,), (JOIN, OURS)),
    "the same run id, however dead": (run("post"), (A_DEAD,), (JOIN, OURS)),
    "the same run id, closed": (run("on-exit"), (A_CLOSED,), (JOIN, OURS)),
    "the same run id beside a newer open one": (run("on-exit"), (A_DEAD, B_ASIDE), (JOIN, OURS)),
    "nothing is open: another run opens": (run("pre", "run-b"), (A_CLOSED,), (OPEN, "")),
    "nothing is open: a person opens": (person("on-exit"), (A_CLOSED,), (OPEN, "")),
    "a person gets the open one of a person": (person("post"), (of_person(*PRE),), (JOIN, OURS)),
    "a person repeats pre in it": (person("pre"), (of_person(*PRE),), (JOIN, OURS)),
    "a person and a living run: busy": (person("on-exit"), (A_ALIVE,), (BUSY, OURS)),
    "a person and an unknown run: busy": (person("on-exit"), (A_UNKNOWN,), (BUSY, OURS)),
    "a person and a dead run": (person("on-exit"), (A_DEAD,), (JOIN, OURS)),
    "a person's pre ends a dead run's first": (person("pre"), (A_DEAD,), (END_FIRST, OURS)),
    "a person who means it": (person("on-exit", OURS), (A_ALIVE,), (JOIN, OURS)),
    "a person who means a closed one": (person("on-exit", OURS), (A_CLOSED,), (JOIN, OURS)),
    "a person after on-exit has ended": (person("on-exit"), (A_ENDED,), (JOIN, OURS)),
    "a person's pre after on-exit has ended": (person("pre"), (A_ENDED,), (END_FIRST, OURS)),
    "a person means the one with the pre": (person("on-exit"), (A_DEAD, B_ASIDE), (JOIN, OURS)),
    "a foreign pre and a living run: busy": (run("pre", "run-b"), (A_ALIVE,), (BUSY, OURS)),
    "a foreign pre and a dead run": (run("pre", "run-b"), (A_DEAD,), (END_FIRST, OURS)),
    "a foreign pre and an unknown run: busy": (run("pre", "run-b"), (A_UNKNOWN,), (BUSY, OURS)),
    "a foreign pre and a person's: busy": (run("pre", "run-b"), (of_person(*PRE),), (BUSY, OURS)),
    "a foreign pre after on-exit has ended": (run("pre", "run-b"), (A_ENDED,), (END_FIRST, OURS)),
    "a foreign post gets its own": (run("post", "run-b"), (A_ALIVE,), (ASIDE, OURS)),
    "a foreign post beside a dead one": (run("post", "run-b"), (A_DEAD,), (ASIDE, OURS)),
    "a foreign on-exit gets its own": (run("on-exit", "run-b"), (A_DEAD,), (ASIDE, OURS)),
    "and keeps it": (run("on-exit", "run-b"), (A_ALIVE, B_ASIDE), (JOIN, THEIRS)),
}


@pytest.mark.parametrize(("call", "known", "expected"), ROWS.values(), ids=ROWS)
def test_a_call_belongs(call, known, expected):
    assert choice(call, *known) == expected


WAITED = {
    "unknown counts as dead after abandon_after": (A_UNKNOWN, OLD, BOOT_1, END_FIRST),
    "not a moment before": (A_UNKNOWN, OLD - 0.5, BOOT_1, BUSY),
    "a person's too": (of_person(*PRE), OLD, BOOT_1, END_FIRST),
    "alive does not": (A_ALIVE, OLD, BOOT_1, BUSY),
    "alive does after alive_limit": (
        A_ALIVE,
        LAST_UP_S + PATIENCE.alive_limit_s,
        BOOT_1,
        END_FIRST,
    ),
    "after a boot unknown counts as dead after grace": (A_UNKNOWN, 900.0, BOOT_2, END_FIRST),
    "not before": (A_UNKNOWN, 899.0, BOOT_2, BUSY),
}


@pytest.mark.parametrize(("known", "up_s", "boot_id", "expected"), WAITED.values(), ids=WAITED)
def test_a_foreign_pre_ends_an_operation_that_is_taken_for_dead(known, up_s, boot_id, expected):
    found = choice(run("pre", "run-b"), known, up_s=up_s, boot_id=boot_id)

    assert found == (expected, OURS)


def test_an_operation_id_beats_the_run_that_is_open():
    closed = of_person(*PRE, *ON_EXIT, CLOSED, name=THEIRS)

    assert choice(person("on-exit", THEIRS), A_ALIVE, closed) == (JOIN, THEIRS)


def test_the_newest_by_counter_has_a_run_id_that_came_twice():
    again_a = of_run("run-a", *PRE, name=THEIRS)

    assert choice(run("post"), A_CLOSED, again_a) == (JOIN, THEIRS)


def test_busy_says_whose_operation_is_open_since_when_and_why_it_waits():
    found = belong(run("pre", "run-b"), (A_UNKNOWN,), Moment(BOOT_1, RECENT), PATIENCE)

    reason = (
        f"operation {OURS} of run run-a is open since {at(1)} "
        "(its run cannot be asked whether it is alive)"
    )
    assert found == Belonging(BUSY, reason, OURS)


def test_busy_tells_a_person_how_to_insist():
    found = belong(person("on-exit"), (A_ALIVE,), Moment(BOOT_1, RECENT), PATIENCE)

    reason = (
        f"operation {OURS} of run run-a is open since {at(1)} (its run is alive); "
        f"give --operation-id {OURS} to act on it"
    )
    assert found == Belonging(BUSY, reason, OURS)


# -- called again -----------------------------------------------------------------------------

RECOVERED = (started("on-exit", caller=CallerKind.RECOVERY), ended("on-exit", "failed", 1))
CANCELLED = (started("on-exit"), ended("on-exit", "interrupted", 130))

AGAIN = {
    "a phase never called": (run("post"), PRE, (), Again.FIRST),
    "a finished attempt of a run: its record": (run("pre"), PRE, (), Again.RECORDED),
    "failed or not": (
        run("pre"),
        (started("pre"), ended("pre", "failed", 1)),
        (),
        Again.RECORDED,
    ),
    "a person repeats a finished phase": (person("pre"), PRE, (), Again.NEXT),
    "a person who named the open operation repeats it": (
        person("pre", OURS),
        PRE,
        (),
        Again.NEXT,
    ),
    "a person who joined gets what he waited for": (person("pre"), PRE, (1,), Again.RECORDED),
    "a person who waited for an older attempt repeats it": (
        person("pre"),
        (*PRE, started("pre", 2), ended("pre", attempt=2)),
        (1,),
        Again.NEXT,
    ),
    "an attempt that was cut off goes on": (run("pre"), (started("pre"),), (), Again.RESUME),
    "a person's too": (person("on-exit"), (*PRE, started("on-exit")), (), Again.RESUME),
    "one that was joined and died goes on": (run("pre"), (started("pre"),), (1,), Again.RESUME),
    "a closed operation repeats nothing": (
        person("on-exit", OURS),
        (*PRE, *ON_EXIT, CLOSED),
        (),
        Again.RECORDED,
    ),
    "the run's on-exit after recovery's goes on with it": (
        run("on-exit"),
        (*PRE, *RECOVERED, CLOSED),
        (),
        Again.RESUME,
    ),
    "also when it had waited for recovery's": (
        run("on-exit"),
        (*PRE, *RECOVERED, CLOSED),
        (1,),
        Again.RESUME,
    ),
    "a person who waited for recovery's gets its record": (
        person("on-exit"),
        (*PRE, *RECOVERED),
        (1,),
        Again.RECORDED,
    ),
    "but once only": (
        run("on-exit"),
        (*PRE, *RECOVERED, started("on-exit", resumed=True), ended("on-exit"), CLOSED),
        (),
        Again.RECORDED,
    ),
    "recovery's retry of an undo leaves the record to the run": (
        run("on-exit"),
        (
            *PRE,
            *ON_EXIT,
            started("on-exit", caller=CallerKind.RECOVERY, resumed=True),
            ended("on-exit"),
            CLOSED,
        ),
        (),
        Again.RECORDED,
    ),
    "the run's on-exit after a cancelled one goes on with it": (
        run("on-exit"),
        (*PRE, *CANCELLED),
        (),
        Again.RESUME,
    ),
    "one that had waited for it gets its record": (
        run("on-exit"),
        (*PRE, *CANCELLED),
        (1,),
        Again.RECORDED,
    ),
    "a person's starts anew": (person("on-exit"), (*PRE, *CANCELLED), (), Again.NEXT),
}


@pytest.mark.parametrize(("call", "bodies", "waited", "expected"), AGAIN.values(), ids=AGAIN)
def test_a_call_for_a_phase_seen_before_gets(call, bodies, waited, expected):
    found = operation(*bodies)

    what, last = again(found, call, waited_for=waited)

    assert (what, last) == (expected, found.last(call.phase))


def test_a_finished_attempt_is_a_record_on_any_boot():
    found = operation(*PRE)
    (event,) = events(started("post"), boot_id=BOOT_2, first=4)

    assert again(apply(found, event), run("pre"))[0] is Again.RECORDED


# -- scheduled reboots ------------------------------------------------------------------------

REBOOT_SLOT = "CustomerProvidedPostRebootHook"
AFTER = Call(Phase.ON_EXIT, run_id="run-r", slot=REBOOT_SLOT)
POST = (started("post"), ended("post"))
PENDING = OperationClosed(Path.PATCHED_REBOOT_PENDING, Verdict.PASSED)
TOLD = Observed("reboot_run_id", "run-r")
A_PENDING = of_run("run-a", *PRE, *POST, *ON_EXIT, PENDING)
A_PATCHED = of_run("run-a", *PRE, *POST, liveness=ALIVE)
B_PENDING = of_run("run-b", *PRE, *POST, *ON_EXIT, PENDING, name=THEIRS)
NOT_EXPECTED = Known(
    folded(opened(id=OURS, run_id="run-a", expected=(Phase.PRE, Phase.POST)), *PRE, *POST),
    ALIVE,
)

REBOOTS = {
    "the closed one that waits": (AFTER, (A_PENDING,), (JOIN, OURS)),
    "the newest that waits": (AFTER, (A_PENDING, B_PENDING), (JOIN, THEIRS)),
    "an open one whose run is dead": (
        AFTER,
        (of_run("run-a", *PRE, *POST, liveness=DEAD),),
        (JOIN, OURS),
    ),
    "an open one whose on-exit was not expected": (AFTER, (NOT_EXPECTED,), (JOIN, OURS)),
    "an open one whose on-exit has ended": (
        AFTER,
        (of_run("run-a", *PRE, *POST, *ON_EXIT, liveness=ALIVE),),
        (JOIN, OURS),
    ),
    "not one whose run lives": (AFTER, (A_PATCHED,), (ASIDE, OURS)),
    "not one that was not patched": (
        AFTER,
        (of_run("run-a", *PRE, liveness=DEAD),),
        (ASIDE, OURS),
    ),
    "not one that has rebooted": (AFTER, (A_CLOSED,), (OPEN, "")),
    "not one that was told of another and has booted": (
        AFTER,
        (
            of_run(
                *("run-a", *PRE, *POST, *ON_EXIT, PENDING),
                *(
                    Observed("reboot_run_id", "run-q"),
                    Observed("follow_ups", [{"look": "booted-1"}]),
                ),
            ),
        ),
        (OPEN, ""),
    ),
    "one that was told of another, which did not reboot": (
        AFTER,
        (
            of_run(
                *("run-a", *PRE, *POST, *ON_EXIT, PENDING),
                *(Observed("reboot_run_id", "run-q"), Observed("follow_ups", [{"look": ""}])),
            ),
        ),
        (JOIN, OURS),
    ),
    "its own that it was told of": (
        AFTER,
        (of_run("run-a", *PRE, *POST, *ON_EXIT, CLOSED, TOLD), B_PENDING),
        (JOIN, OURS),
    ),
    "another slot is any run": (
        Call(Phase.ON_EXIT, run_id="run-r", slot="CustomerProvidedOnExitHook"),
        (A_PENDING,),
        (OPEN, ""),
    ),
    "another phase is any run": (
        Call(Phase.POST, run_id="run-r", slot=REBOOT_SLOT),
        (A_PENDING,),
        (OPEN, ""),
    ),
}


@pytest.mark.parametrize(("call", "known", "expected"), REBOOTS.values(), ids=REBOOTS)
def test_a_scheduled_reboot_belongs(call, known, expected):
    assert choice(call, *known) == expected


KEPT = UndoKept("30-join", "pre/30-leave", "/undo", "aa", HookSpec(undoes="pre/30-leave"))
OWING = (started("pre"), KEPT, *ran("30-leave"), ended("pre"))

FOLLOWS = {
    "closed: the record, once the reboot is judged": (
        (*PRE, *POST, *ON_EXIT, PENDING),
        Again.FOLLOW_UP,
    ),
    "told: the record": ((*PRE, *POST, *ON_EXIT, PENDING, TOLD), Again.RECORDED),
    "closed and owing: what is owed is run": (
        (*OWING, *POST, *ON_EXIT, PENDING),
        Again.RESUME,
    ),
    "open: it goes on": ((*PRE, *POST, *ON_EXIT), Again.RESUME),
    "open, told: the record": ((*PRE, *POST, *ON_EXIT, TOLD), Again.RECORDED),
    "on-exit never came: the first": ((*PRE, *POST), Again.FIRST),
}


@pytest.mark.parametrize(("bodies", "expected"), FOLLOWS.values(), ids=FOLLOWS)
def test_a_scheduled_reboot_gets(bodies, expected):
    assert again(operation(*bodies), AFTER)[0] is expected
