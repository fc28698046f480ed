"""Which operation a call belongs to, and what a call for a phase already seen gets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional, Sequence, Tuple

from hookd.core.due import Moment, Patience, presumed
from hookd.core.liveness import UNSEEN, Seen
from hookd.core.model import CallerKind, Liveness, Name, Phase
from hookd.core.operation import Operation, PhaseRun


class Choice(Name):
    """`join`: that operation. `open`: a new one. `busy`: 75. `end-first`: end that one, then open.

    `aside`: an operation of its own, beside the open one, with nothing to undo.
    """

    JOIN = "join"
    OPEN = "open"
    ASIDE = "aside"
    END_FIRST = "end-first"
    BUSY = "busy"


@dataclass(frozen=True)
class Known:
    """An operation on disk with what is known of its run, newest counter last."""

    operation: Operation
    liveness: Liveness
    seen: Seen = UNSEEN


@dataclass(frozen=True)
class Call:
    """Who calls: `run_id` is empty for a person, `operation_id` is "I mean that one".

    `slot` is the slot of SSM's document that calls (core/slot.py), empty when it is not known.
    """

    phase: Phase
    run_id: str = ""
    operation_id: str = ""
    slot: str = ""


@dataclass(frozen=True)
class Belonging:
    """`look_again_in_s`: busy because of a run that a second look may find dead by then."""

    choice: Choice
    reason: str
    operation_id: str = ""
    look_again_in_s: Optional[float] = None


def belong(call: Call, known: Sequence[Known], moment: Moment, patience: Patience) -> Belonging:
    """Return the operation that `call` belongs to. `known` is in the order of the counter."""
    named = _named(call, known)
    if named is not None:
        return Belonging(Choice.JOIN, "it has this id", named)
    opened = [one for one in known if one.operation.is_open]
    if not opened:
        return Belonging(Choice.OPEN, "no operation is open")
    if call.run_id:
        return _foreign(call, opened[-1], moment, patience)
    with_pre = [one for one in opened if one.operation.last(Phase.PRE)]
    return _person(call, (with_pre or opened)[-1], moment, patience)


def _named(call: Call, known: Sequence[Known]) -> Optional[str]:
    for one in reversed(known):
        opened = one.operation.opened
        if call.operation_id and opened.id == call.operation_id:
            return opened.id
        if call.run_id and opened.run_id == call.run_id:
            return opened.id
    return None


def _person(call: Call, open_one: Known, moment: Moment, patience: Patience) -> Belonging:
    operation, seen = open_one.operation, open_one.seen
    found = presumed(operation, open_one.liveness, moment, patience, seen)
    ended = operation.had_on_exit
    if call.phase is Phase.PRE and (ended or found.is_dead):
        return Belonging(Choice.END_FIRST, found.reason, operation.id)
    if operation.opened.run_id and not found.is_dead and not ended:
        reason = (
            f"{_described(operation)} ({found.reason}); "
            f"give --operation-id {operation.id} to act on it"
        )
        return Belonging(Choice.BUSY, reason, operation.id, seen.second_look_in_s)
    return Belonging(Choice.JOIN, "it is the open one", operation.id)


def _foreign(call: Call, open_one: Known, moment: Moment, patience: Patience) -> Belonging:
    operation, seen = open_one.operation, open_one.seen
    found = presumed(operation, open_one.liveness, moment, patience, seen)
    if call.phase is not Phase.PRE:
        return Belonging(Choice.ASIDE, _described(operation), operation.id)
    if found.is_dead:
        return Belonging(Choice.END_FIRST, found.reason, operation.id)
    reason = f"{_described(operation)} ({found.reason})"
    return Belonging(Choice.BUSY, reason, operation.id, seen.second_look_in_s)


def _described(operation: Operation) -> str:
    run_id = operation.opened.run_id
    whose = f"run {run_id}" if run_id else "a person"
    return f"operation {operation.id} of {whose} is open since {operation.opened_at}"


class Again(Name):
    """What a call gets for its phase: a first attempt, a next one, the rest of one, or a record."""

    FIRST = "first"
    NEXT = "next"
    RESUME = "resume"
    RECORDED = "recorded"


def again(
    operation: Operation, call: Call, *, waited_for: Tuple[int, ...] = ()
) -> Tuple[Again, Optional[PhaseRun]]:
    """Return what `call` gets in `operation`, whose lock it holds (so nobody is executing).

    `waited_for` are the attempts that were being executed while the call waited: it joined them.
    """
    run = operation.last(call.phase)
    if run is None:
        return Again.FIRST, None
    if run.is_running:
        return Again.RESUME, run
    joined = run.attempt in waited_for
    if call.phase is Phase.ON_EXIT and _wants_more(operation, call, run, joined=joined):
        return Again.RESUME, run
    if joined or call.run_id or not operation.is_open:
        return Again.RECORDED, run
    return Again.NEXT, run


def _wants_more(operation: Operation, call: Call, run: PhaseRun, *, joined: bool) -> bool:
    """SSM's on-exit goes on where recovery's, or a cancelled one, has left off; it folds anew.

    Recovery's record speaks of a run that is dead: not even one that it waited for is its answer.
    """
    unfinished = run.caller is CallerKind.RECOVERY or not (run.is_over or joined)
    return unfinished and bool(call.run_id) and operation.opened.run_id == call.run_id
