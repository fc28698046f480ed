"""Pre hooks and their undos, judged together."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hookd.core.model import Hook, HookSpec, HookState, Phase
from hookd.system.hooks.pairs import paired

LEAVE = Hook(Phase.PRE, "30-leave", "/leave")
JOIN = Hook(Phase.ON_EXIT, "70-join", "/join", spec=HookSpec(undoes="pre/30-leave"))
OTHER = Hook(Phase.POST, "30-leave", "/other")


def refused(hook, reason):
    return replace(hook, state=HookState.REFUSED, reason=reason)


def of(hook, **who):
    return replace(hook, spec=replace(hook.spec, **who))


@pytest.mark.parametrize(
    "hooks",
    [
        (LEAVE, OTHER, JOIN),
        (of(LEAVE, user="app", group="www"), OTHER, of(JOIN, user="app", group="www")),
        (of(LEAVE, user="app"), OTHER),
        (JOIN,),
        (LEAVE, replace(JOIN, state=HookState.MASKED, reason="masked")),
        (refused(LEAVE, "its own"), JOIN),
        (),
    ],
    ids=["alike", "alike, named", "no undo", "nothing undone", "masked", "pre refused", "none"],
)
def test_pairs_that_can_be_undone_stay_as_they_are(hooks):
    assert paired(hooks) == hooks


@pytest.mark.parametrize(
    ("pre", "undo", "reason"),
    [
        ({"user": "app"}, {}, "user is not set, but app in pre/30-leave: use one"),
        ({}, {"user": "app"}, "user is app, but not set in pre/30-leave: use one"),
        ({"group": "a"}, {"group": "b"}, "group is b, but a in pre/30-leave: use one"),
        (
            {"user": "a", "group": "a"},
            {"user": "b", "group": "b"},
            "user is b, but a in pre/30-leave: use one",
        ),
    ],
)
def test_two_users_refuse_both(pre, undo, reason):
    leave, join = of(LEAVE, **pre), of(JOIN, **undo)
    assert paired((leave, OTHER, join)) == (
        refused(leave, f"its undo on-exit/70-join is refused: {reason}"),
        OTHER,
        refused(join, reason),
    )


def test_nothing_is_taken_away_that_nobody_may_put_back():
    join = refused(JOIN, "its interpreter does not exist")
    assert paired((LEAVE, join)) == (
        refused(LEAVE, "its undo on-exit/70-join is refused: its interpreter does not exist"),
        join,
    )
