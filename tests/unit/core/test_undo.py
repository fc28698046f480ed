"""Which undos are owed: from the start of a pre hook until what it took away is put back."""

from __future__ import annotations

import pytest
from support.journals import folded, hook_ended, hook_started, opened, ran, started

from hookd.core.journal import HookCutOff, HookPassedOver, UndoKept
from hookd.core.model import Hook, HookOutcome, HookSpec, HookState, Phase
from hookd.core.undo import Undo, outstanding, time_owed

OWED = (Undo("30-join", "pre/30-leave"),)
KEPT = UndoKept("30-join", "pre/30-leave", "/undo/30-join", "aa", HookSpec(undoes="pre/30-leave"))
PASSED_OVER = HookPassedOver(
    Phase.ON_EXIT, 1, "30-join", HookOutcome.OUTSTANDING, required=True, reason="masked"
)


def left(outcome="passed", **more):
    """Return how pre hook 30-leave ran."""
    return ran("30-leave", outcome, **more)


def joined(outcome, try_=1, attempt=1, **more):
    """Return one try of its undo."""
    return (
        hook_started("30-join", "on-exit", attempt, try_),
        hook_ended("30-join", outcome, "on-exit", attempt, try_, **more),
    )


def owed_after(*bodies, hooks=()):
    return outstanding(folded(opened(), started("pre"), KEPT, *bodies), hooks)


LEAVING = {
    "before its pre hook started": ((), ()),
    "from the start of its pre hook": ((hook_started("30-leave"),), OWED),
    "after its pre hook passed": (left(), OWED),
    "after its pre hook failed": (left("failed", exit_code=1), OWED),
    "after its pre hook timed out": (left("timed-out"), OWED),
    "after its pre hook timed out and said 77": (left("timed-out", exit_code=77), OWED),
    "after its pre hook was cut off": (
        (hook_started("30-leave"), HookCutOff(Phase.PRE, 1, "30-leave", 1, "its engine died")),
        OWED,
    ),
    "not when its pre hook ended 77": (left("skipped", exit_code=77), ()),
    "not when it never got its turn in its group": (left("skipped"), ()),
    "when only its first try ended 75": (left("failed", exit_code=75, retry=True), OWED),
    "not when its last try ended 77": (
        (
            *left("failed", exit_code=75, retry=True),
            hook_started("30-leave", try_=2),
            hook_ended("30-leave", "skipped", try_=2, exit_code=77),
        ),
        (),
    ),
    "not when its last attempt ended 77": (
        (
            *left(),
            started("pre", 2),
            hook_started("30-leave", attempt=2),
            hook_ended("30-leave", "skipped", attempt=2, exit_code=77),
        ),
        (),
    ),
    "when its last attempt gave it no turn": (
        (
            *left(),
            started("pre", 2),
            hook_started("30-leave", attempt=2),
            hook_ended("30-leave", "skipped", attempt=2),
        ),
        OWED,
    ),
    "when its last attempt never came to it": ((*left(), started("pre", 2)), OWED),
}


@pytest.mark.parametrize(("bodies", "owed"), LEAVING.values(), ids=LEAVING)
def test_an_undo_is_owed_from_the_start_of_its_pre_hook(bodies, owed):
    assert owed_after(*bodies) == owed


JOINING = {
    "until it ends 0": (joined("passed", exit_code=0), ()),
    "until it ends 77": (joined("skipped", exit_code=77), ()),
    "while it runs": ((hook_started("30-join", "on-exit"),), OWED),
    "after it failed": (joined("failed", exit_code=1), OWED),
    "after it timed out": (joined("timed-out", exit_code=0), OWED),
    "after it timed out and said 77": (joined("timed-out", exit_code=77), OWED),
    "after it asked for another try": (joined("failed", exit_code=75, retry=True), OWED),
    "after it was held back": ((PASSED_OVER,), OWED),
    "after it never got its turn": (joined("skipped"), OWED),
    "not when its second try ended 0": (
        (*joined("failed", exit_code=1), *joined("passed", 2, exit_code=0)),
        (),
    ),
    "not when a second attempt ended 0": (
        (
            *joined("failed", exit_code=1),
            started("on-exit", 2),
            *joined("passed", attempt=2, exit_code=0),
        ),
        (),
    ),
    "not when a second attempt left it alone": (
        (*joined("passed", exit_code=0), started("on-exit", 2)),
        (),
    ),
    "again when pre was repeated after it": (
        (
            *joined("passed", exit_code=0),
            started("pre", 2),
            hook_started("30-leave", attempt=2),
            hook_ended("30-leave", attempt=2, exit_code=0),
        ),
        OWED,
    ),
}


@pytest.mark.parametrize(("bodies", "owed"), JOINING.values(), ids=JOINING)
def test_an_undo_is_owed_until_it_has_put_back_what_was_taken(bodies, owed):
    assert owed_after(*left(), started("on-exit"), *bodies) == owed


def undo(name="30-join", state=HookState.READY, undoes="pre/30-leave", **spec):
    return Hook(Phase.ON_EXIT, name, f"/{name}", state, spec=HookSpec(undoes=undoes, **spec))


TODAY = {
    "is the one that pre kept": ((undo(),), OWED),
    "is gone": ((), OWED),
    "is masked": ((undo(state=HookState.MASKED),), OWED),
    "is refused": ((undo(state=HookState.REFUSED, undoes=""),), OWED),
    "says nothing of an undo any more": ((undo(undoes=""),), OWED),
    "undoes something else now": ((undo(undoes="pre/99-other"),), OWED),
    "has a second one beside it": (
        (undo("20-more"), undo()),
        (Undo("20-more", "pre/30-leave"), *OWED),
    ),
    "has a refused one beside it": ((undo("20-more", HookState.REFUSED), undo()), OWED),
    "has one beside it that undoes what never ran": (
        (undo(), undo("40-x", undoes="pre/40-x")),
        OWED,
    ),
}


@pytest.mark.parametrize(("hooks", "owed"), TODAY.values(), ids=TODAY)
def test_what_pre_kept_stays_owed_whatever_the_undo_is_today(hooks, owed):
    assert owed_after(*left(), hooks=hooks) == owed


def test_an_undo_that_came_after_pre_is_owed_while_it_is_there():
    operation = folded(opened(), started("pre"), *left())

    assert outstanding(operation, (undo(),)) == OWED
    assert outstanding(operation) == ()


TIMES = {
    "nothing is owed": ((), (), 0.0),
    "the undo is there": (left(), (undo(timeout_s=30.0),), 30.0),
    "the undo is gone: as long as when pre kept it": (left(), (), 600.0),
    "two are there": (left(), (undo("20-more", timeout_s=5.0), undo(timeout_s=30.0)), 35.0),
}


@pytest.mark.parametrize(("bodies", "hooks", "expected"), TIMES.values(), ids=TIMES)
def test_the_time_owed_is_the_sum_of_the_timeouts(bodies, hooks, expected):
    operation = folded(opened(), started("pre"), KEPT, *bodies)

    assert time_owed(operation, hooks) == expected


def test_owed_undos_come_in_byte_order_of_their_hooks():
    kept = [UndoKept(name, "pre/30-leave", name, "aa", HookSpec()) for name in ("b", "Z", "a")]
    operation = folded(opened(), started("pre"), *kept, *left())

    assert [one.hook for one in outstanding(operation)] == ["Z", "a", "b"]
