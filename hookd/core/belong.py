"""Which operation a call belongs to, and what a call for a phase already seen gets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional, Sequence, Tuple

from hookd.core.due import Moment, Patience, has_followed_up, presumed
from hookd.core.liveness import UNSEEN, Seen
from hookd.core.model import CallerKind, Liveness, Name, Path, Phase
from hookd.core.operation import Operation, PhaseRun
from hookd.core.slot import Slot
from hookd.core.undo import outstanding

REBOOT_RUN = "reboot_run_id"
"""The subject under which an operation notes the run of the scheduled reboot it waited for."""


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

    @property
    def is_after_reboot(self) -> bool:
        """Whether a scheduled reboot calls, which is a run of its own."""
        return self.slot == Slot.POST_REBOOT and self.phase is Phase.ON_EXIT and bool(self.run_id)


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
    if call.is_after_reboot:
        awaiting = [one for one in known if _awaits(one, moment, patience)]
        if awaiting:
            return Belonging(Choice.JOIN, "it waited for this reboot", awaiting[-1].operation.id)
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
        if call.is_after_reboot and one.operation.observed.get(REBOOT_RUN) == call.run_id:
            return opened.id
    return None


def is_pending(operation: Operation) -> bool:
    """Whether it closed with its reboot to come, and no scheduled one has been told and seen."""
    closed = operation.closed
    if closed is None or closed.path is not Path.PATCHED_REBOOT_PENDING:
        return False
    return not (operation.observed.get(REBOOT_RUN) and has_followed_up(operation))


def _awaits(one: Known, moment: Moment, patience: Patience) -> bool:
    """Whether a scheduled reboot may be the operation's, open or closed.

    An open one has been patched, and nobody but hookd is left to call its on-exit.
    """
    operation = one.operation
    if not operation.is_open:
        return is_pending(operation)
    post = operation.last(Phase.POST)
    if post is None or not post.is_over:
        return False
    is_nobodys = Phase.ON_EXIT not in operation.opened.expected
    found = presumed(operation, one.liveness, moment, patience, one.seen)
    return is_nobodys or found.is_dead


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
    """What a call gets for its phase: a first attempt, a next one, the rest of one, or a record.

    `follow-up`: the record, after the reboot that it waited for has been judged.
    """

    FIRST = "first"
    NEXT = "next"
    RESUME = "resume"
    RECORDED = "recorded"
    FOLLOW_UP = "follow-up"


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
    return _when_ended(operation, call, run, joined=joined), run


def _when_ended(operation: Operation, call: Call, run: PhaseRun, *, joined: bool) -> Again:
    is_reboot = is_new_reboot(operation, call) and not joined
    if is_reboot and not (operation.is_open or outstanding(operation)):
        return Again.FOLLOW_UP
    if call.phase is Phase.ON_EXIT and _wants_more(operation, call, run, joined=joined):
        return Again.RESUME
    if joined or call.run_id or not operation.is_open:
        return Again.RECORDED
    return Again.NEXT


def is_new_reboot(operation: Operation, call: Call) -> bool:
    """Whether `call` is of a scheduled reboot that the operation has not been told of."""
    known = (operation.opened.run_id, operation.observed.get(REBOOT_RUN))
    return call.is_after_reboot and call.run_id not in known


def _wants_more(operation: Operation, call: Call, run: PhaseRun, *, joined: bool) -> bool:
    """SSM's on-exit goes on where recovery's, or a cancelled one, has left off; it folds anew.

    So does that of a scheduled reboot, whoever had called on-exit before. Recovery's record speaks
    of a run that is dead: not even one that it waited for is its answer.
    """
    if is_new_reboot(operation, call):
        return not joined
    unfinished = run.caller is CallerKind.RECOVERY or not (run.is_over or joined)
    return unfinished and bool(call.run_id) and operation.opened.run_id == call.run_id
