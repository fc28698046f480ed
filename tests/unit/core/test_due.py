"""What hookd does next by itself, when and why: one answer for recovery and for `status`."""

from __future__ import annotations

import pytest
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
from hookd.core.due import Act, Due, Moment, Patience, due
from hookd.core.fold import apply
from hookd.core.journal import HookPassedOver, Noted, OperationClosed, UndoKept
from hookd.core.model import CallerKind, HookOutcome, HookSpec, Liveness, Path, Phase, Verdict

ALIVE, DEAD, UNKNOWN, NONE = Liveness.ALIVE, Liveness.DEAD, Liveness.UNKNOWN, Liveness.NONE
PATIENCE = Patience(grace_s=900.0, abandon_after_s=14400.0, alive_limit_s=43200.0)
PRE = (started("pre"), ended("pre"))
CANCELLED = (started("on-exit"), ended("on-exit", "interrupted", 130))
CLOSED = OperationClosed(Path.INTERRUPTED, Verdict.FAILED)
KEPT = UndoKept("30-join", "pre/30-leave", "/undo/30-join", "aa", HookSpec(undoes="pre/30-leave"))
IS_ALIVE = "unless on-exit is called before: its run is alive"
CANNOT_SAY = "unless on-exit is called before: its run cannot be asked whether it is alive"
TOO_LONG = "its run {}, for too long"


def after(*bodies):
    return folded(opened(run_id="run-a"), *bodies)


def in_s(seconds, boot_id=BOOT_1):
    """The moment `seconds` after the third event, or so long after another boot."""
    return Moment(boot_id, seconds if boot_id != BOOT_1 else 103.0 + seconds)


RUNS = {
    "dead: on-exit now": (PRE, DEAD, in_s(0), Due(Act.ON_EXIT, 0.0, "its run is dead")),
    "alive: wait for it": (PRE, ALIVE, in_s(60), Due(Act.ON_EXIT, 43140.0, IS_ALIVE)),
    "alive for alive_limit": (
        PRE,
        ALIVE,
        in_s(43200),
        Due(Act.ON_EXIT, 0.0, TOO_LONG.format("is alive")),
    ),
    "unknown: wait abandon_after": (PRE, UNKNOWN, in_s(400), Due(Act.ON_EXIT, 14000.0, CANNOT_SAY)),
    "a person's likewise": (PRE, NONE, in_s(400), Due(Act.ON_EXIT, 14000.0, CANNOT_SAY)),
    "unknown for abandon_after": (
        PRE,
        UNKNOWN,
        in_s(14400),
        Due(Act.ON_EXIT, 0.0, TOO_LONG.format("cannot be asked whether it is alive")),
    ),
    "unknown after a boot: grace": (
        PRE,
        UNKNOWN,
        in_s(300, BOOT_2),
        Due(Act.ON_EXIT, 600.0, CANNOT_SAY),
    ),
    "unknown, grace after a boot": (
        PRE,
        UNKNOWN,
        in_s(900, BOOT_2),
        Due(Act.ON_EXIT, 0.0, TOO_LONG.format("cannot be asked whether it is alive")),
    ),
    "a phase that was cut off waits like any": (
        (started("pre"), Noted("x", "y")),
        UNKNOWN,
        in_s(0),
        Due(Act.ON_EXIT, 14400.0, CANNOT_SAY),
    ),
    "a cancelled on-exit stays owed": (
        CANCELLED,
        UNKNOWN,
        in_s(0),
        Due(Act.ON_EXIT, 14400.0, CANNOT_SAY),
    ),
    "a cancelled on-exit of a dead run": (
        CANCELLED,
        DEAD,
        in_s(0),
        Due(Act.ON_EXIT, 0.0, "its run is dead"),
    ),
}


@pytest.mark.parametrize(("bodies", "liveness", "moment", "expected"), RUNS.values(), ids=RUNS)
def test_liveness_decides_and_clocks_are_the_fallback(bodies, liveness, moment, expected):
    assert due(after(*bodies), liveness, moment, PATIENCE) == expected


def test_a_look_in_a_new_boot_does_not_turn_grace_into_abandon_after():
    (look,) = events(Noted("booted", "a look at the new boot"), boot_id=BOOT_2, first=4)
    operation = apply(after(*PRE), look)

    found = due(operation, UNKNOWN, in_s(300, BOOT_2), PATIENCE)

    assert found == Due(Act.ON_EXIT, 600.0, CANNOT_SAY)


def test_without_a_boot_id_an_uptime_that_fell_is_a_boot():
    operation = after(*PRE)

    assert due(operation, UNKNOWN, Moment("", 50.0), PATIENCE).in_s == 850.0
    assert due(operation, UNKNOWN, Moment("", 203.0), PATIENCE).in_s == 14300.0


# -- undos ------------------------------------------------------------------------------------

OWING = (started("pre"), KEPT, *ran("30-leave"), ended("pre"))
RETRIED = "30-join is outstanding"


def failed_times(times, last_up_s=103.0):
    """An operation whose undo failed `times` times, the last time at `last_up_s` of BOOT_1."""
    bodies = [*OWING, started("on-exit"), ended("on-exit", "failed", 1)]
    for _ in range(times - 1):
        again = started("on-exit", caller=CallerKind.RECOVERY, resumed=True)
        bodies += [again, ended("on-exit", "failed", 1)]
    operation = after(*bodies)
    return operation, operation.last_up_s


@pytest.mark.parametrize(
    ("times", "minutes"),
    [(1, 1), (2, 2), (3, 4), (4, 8), (5, 16)],
)
def test_an_undo_is_retried_after_1_2_4_8_16_minutes(times, minutes):
    operation, last = failed_times(times)

    found = [
        due(operation, DEAD, Moment(BOOT_1, last + passed), PATIENCE)
        for passed in (0.0, minutes * 60 - 1, minutes * 60, minutes * 60 + 99)
    ]

    waits = (minutes * 60.0, 1.0, 0.0, 0.0)
    assert found == [Due(Act.RETRY_UNDOS, wait, RETRIED) for wait in waits]


LATE = {
    "it never started": HookPassedOver(
        Phase.ON_EXIT, 1, "30-join", HookOutcome.OUTSTANDING, True, DEADLINE_REACHED
    ),
    "it was ended": hook_ended(
        "30-join", "timed-out", "on-exit", reason=DEADLINE_REACHED + "; its output is gone"
    ),
}


@pytest.mark.parametrize("late", LATE.values(), ids=LATE)
def test_an_undo_that_did_not_fit_the_deadline_runs_once_the_caller_is_answered(late):
    on_exit = (started("on-exit"), hook_started("30-join", "on-exit"), late)
    operation = after(*OWING, *on_exit, ended("on-exit", "timed-out", 3))

    found = due(operation, ALIVE, Moment(BOOT_1, operation.last_up_s), PATIENCE)

    assert found == Due(Act.RETRY_UNDOS, 0.0, "30-join did not fit the deadline")


def test_after_the_fifth_retry_the_operation_closes():
    operation, last = failed_times(6)

    found = due(operation, DEAD, Moment(BOOT_1, last), PATIENCE)

    assert found == Due(Act.CLOSE, 0.0, "30-join failed 6 times")


def test_after_a_boot_an_undo_is_retried_at_once():
    operation, _ = failed_times(5)

    found = due(operation, DEAD, Moment(BOOT_2, 1.0), PATIENCE)

    assert found == Due(Act.RETRY_UNDOS, 0.0, RETRIED)


def test_an_on_exit_that_owes_nothing_is_closed_at_once():
    operation = after(*PRE, started("on-exit"), ended("on-exit"))

    found = due(operation, UNKNOWN, in_s(0), PATIENCE)

    assert found == Due(Act.CLOSE, 0.0, "nothing is owed any more")


def test_a_closed_operation_that_owes_an_undo_is_tried_at_each_boot():
    operation = after(*OWING, started("on-exit"), ended("on-exit", "failed", 1), CLOSED)

    reason = "at each boot, by the next on-exit or by `hookd recover`"
    assert due(operation, UNKNOWN, in_s(9), PATIENCE) == Due(Act.RETRY_UNDOS, None, reason)
    assert due(operation, UNKNOWN, in_s(9, BOOT_2), PATIENCE) == Due(Act.RETRY_UNDOS, 0.0, reason)


STILL = {
    "open, its run dead": PRE,
    "open, an undo outstanding": (*OWING, started("on-exit"), ended("on-exit", "failed", 1)),
    "closed, an undo outstanding": (
        *OWING,
        started("on-exit"),
        ended("on-exit", "failed", 1),
        CLOSED,
    ),
}


@pytest.mark.parametrize("bodies", STILL.values(), ids=STILL)
def test_a_hold_starts_no_hook(bodies):
    found = due(after(*bodies), DEAD, in_s(99999), PATIENCE, held="release week")

    assert found == Due(Act.NOTHING, None, "held: release week")


@pytest.mark.parametrize("bodies", STILL.values(), ids=STILL)
def test_recovery_that_is_switched_off_does_nothing(bodies):
    found = due(after(*bodies), DEAD, in_s(99999), Patience(enabled=False))

    assert found == Due(Act.NOTHING, None, "recovery is switched off")


@pytest.mark.parametrize("held", ["", "release week"])
def test_a_closed_operation_that_owes_nothing_is_done(held):
    operation = after(*PRE, started("on-exit"), ended("on-exit"), CLOSED)

    found = due(operation, DEAD, in_s(99999), PATIENCE, held=held)

    assert found == Due(Act.NOTHING, None, "the operation is closed")
