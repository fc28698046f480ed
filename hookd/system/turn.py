"""Whose turn it is: chooses the operation of a call, and waits until its phase may execute."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from dataclasses import dataclass
from typing import Callable, Iterable, Tuple

from hookd.core.belong import (
    REBOOT_RUN,
    Again,
    Belonging,
    Call,
    Choice,
    Known,
    again,
    belong,
    is_pending,
)
from hookd.core.due import Moment, Patience
from hookd.core.journal import OperationOpened
from hookd.core.liveness import UNSEEN, Seen
from hookd.core.model import Liveness, Phase
from hookd.core.operation import Operation, PhaseRun
from hookd.errors import Exit, HookdError
from hookd.system import clock
from hookd.system.lock import Holder, Lock, taker
from hookd.system.record import Record
from hookd.system.state import State

_POLL_S = 0.05
_MOMENT_S = 1.0
_STOPPED = "Tt"  # proc(5)
_PHASES = tuple(Phase)

Opened = Callable[[str, int], OperationOpened]
See = Callable[[Operation], Tuple[Liveness, Seen]]
"""Looks whether an operation's run lives; asked again it may know more."""


def unseen(operation: Operation) -> tuple[Liveness, Seen]:
    """Return what is known of a run when nobody is asked."""
    return (Liveness.UNKNOWN if operation.opened.run_id else Liveness.NONE), UNSEEN


@dataclass(frozen=True)
class Turn:
    """The right to execute a phase of `record`'s operation, with what the call gets of it.

    `end_first` names another operation whose on-exit must run before this call can be chosen for.
    """

    record: Record
    again: Again
    run: PhaseRun | None
    locks: tuple[Lock, ...]
    end_first: bool = False
    reason: str = ""

    def give_back(self) -> None:
        self.record.close()
        for lock in self.locks:
            lock.release()


@dataclass(frozen=True)
class Waiting:
    """How a call waits: until `deadline` (CLOCK_BOOTTIME seconds), telling `tell` for whom."""

    deadline: float
    tell: Callable[[str], None]
    stop: Callable[[], str]


def take(
    state: State,
    call: Call,
    moment: Moment,
    patience: Patience,
    opened: Opened,
    waiting: Waiting,
    begun: Iterable[tuple[str, int]] = (),
    see: See = unseen,
) -> Turn:
    """Return the turn of `call`. `begun` are (operation, attempt) that it had begun before.

    Raises HookdError with Exit.BUSY when another operation or phase is in the way for too long,
    Exit.USAGE for an operation that does not exist, and OSError when the state cannot be used.
    """
    joined: set[tuple[str, int]] = set(begun)
    ended: set[int] = set()
    while True:
        with state.choosing() as lock:
            _get(lock, waiting)
            found = belong(call, known(state, call, see), moment, patience)
            looks_again = _may_look_again(call, found, waiting)
            if not looks_again:
                _refuse(call, found)
                turn = _try(state, call, found, opened, moment, joined, waiting)
                if turn is not None:
                    return turn
        if looks_again:
            _wait_to_look_again(found, waiting)
        else:
            _wait(state, call, found, waiting, joined, ended)


def _get(lock: Lock, waiting: Waiting) -> None:
    """Take a lock that everybody holds for a moment only, unless it is stopped meanwhile.

    Raises HookdError, Exit.BUSY with who has it, Exit.INTERRUPTED.
    """
    is_told = False
    while not lock.take_within(_MOMENT_S):
        if waiting.stop():
            raise HookdError(waiting.stop(), code=Exit.INTERRUPTED)
        busy = busy_with(lock)
        if clock.up_s() + _MOMENT_S > waiting.deadline:
            raise busy
        if not is_told:
            waiting.tell(busy.message)
            is_told = True


def busy_with(lock: Lock) -> HookdError:
    """Return the error that names who has `lock` and what to do about it."""
    process = taker(lock.path)
    if process is None:
        hint = f"`fuser -v {lock.path}` names who has it"
        return HookdError(f"busy: {lock.path} is locked", hint=hint, code=Exit.BUSY)
    is_stopped = process.state in _STOPPED
    hint = f"`kill -CONT {process.pid}` lets it go on, `kill -KILL {process.pid}` ends it"
    what = f"busy: pid {process.pid} has {lock.path}" + (" and is stopped" if is_stopped else "")
    return HookdError(what, hint=hint if is_stopped else "", code=Exit.BUSY)


def known(state: State, call: Call | None = None, see: See = unseen) -> tuple[Known, ...]:
    """Return the operations that a call may belong to: the open ones, and the one it names."""
    marked = {*state.marked(), *_awaiting(state, call)}
    chosen = []
    for name in state.ids():
        head = state.head(name)
        is_named = bool(head and call and _names(call, head))
        if name in marked or is_named:
            operation = state.load(name)
            if operation is not None:
                chosen.append(Known(operation, *see(operation)))
    return tuple(chosen)


def _awaiting(state: State, call: Call | None) -> tuple[str, ...]:
    """Return the newest operation that waits, or has waited, for the reboot that calls."""
    if call is None or not call.is_after_reboot:
        return ()
    for name in reversed(state.ids()):
        operation = state.load(name)
        known = operation.observed.get(REBOOT_RUN) == call.run_id if operation else False
        if operation and (known or is_pending(operation)):
            return (name,)
    return ()


def _names(call: Call, head: OperationOpened) -> bool:
    by_id = bool(call.operation_id) and head.id == call.operation_id
    return by_id or (bool(call.run_id) and head.run_id == call.run_id)


def _refuse(call: Call, found: Belonging) -> None:
    if call.operation_id and (found.choice, found.operation_id) != (Choice.JOIN, call.operation_id):
        message = f"there is no operation {call.operation_id}"
        raise HookdError(message, hint="`hookd history` lists them", code=Exit.USAGE)
    if found.choice is Choice.BUSY:
        hint = "`hookd status` says what hookd will do and when"
        raise HookdError(f"busy: {found.reason}", hint=hint, code=Exit.BUSY)


def _may_look_again(call: Call, found: Belonging, waiting: Waiting) -> bool:
    """Whether a pre still has the time to see if the run that is in its way is dead."""
    if call.phase is not Phase.PRE or found.look_again_in_s is None:
        return False
    return clock.up_s() + found.look_again_in_s < waiting.deadline


def _wait_to_look_again(found: Belonging, waiting: Waiting) -> None:
    waiting.tell(f"looking again whether it is dead: {found.reason}")
    until = clock.up_s() + (found.look_again_in_s or 0.0)
    while clock.up_s() < until:
        if waiting.stop():
            raise HookdError(waiting.stop(), code=Exit.INTERRUPTED)
        time.sleep(_POLL_S)


def _try(
    state: State,
    call: Call,
    found: Belonging,
    opened: Opened,
    moment: Moment,
    joined: set[tuple[str, int]],
    waiting: Waiting,
) -> Turn | None:
    with contextlib.ExitStack() as on_failure:
        executing = on_failure.enter_context(state.executing())
        if not executing.take():
            return None
        record, own = _record(state, call, found, opened, moment, waiting, on_failure)
        on_failure.pop_all()
    locks = (executing, own)
    if found.choice is Choice.END_FIRST:
        return Turn(record, Again.NEXT, None, locks, end_first=True, reason=found.reason)
    attempts = tuple(number for name, number in joined if name == record.id)
    what, run = again(record.operation, call, waited_for=attempts)
    return Turn(record, what, run, locks, reason=found.reason)


def _record(
    state: State,
    call: Call,
    found: Belonging,
    opened: Opened,
    moment: Moment,
    waiting: Waiting,
    on_failure: contextlib.ExitStack,
) -> tuple[Record, Lock]:
    if found.choice in (Choice.JOIN, Choice.END_FIRST):
        record = Record(state, found.operation_id, moment.boot_id)
        on_failure.callback(record.close)
        record.may_spill = call.phase is Phase.ON_EXIT
        own = on_failure.enter_context(state.operation_lock(record.id))
        _get(own, waiting)
        record.open()
        return record, own
    name, number = state.new_id()
    state.make_operation(name)
    record = Record(state, name, moment.boot_id)
    on_failure.callback(record.close)
    own = on_failure.enter_context(state.operation_lock(name))
    own.take()
    record.open()
    record.add(opened(name, number), sync=False)
    return record, own


def _wait(
    state: State,
    call: Call,
    found: Belonging,
    waiting: Waiting,
    joined: set[tuple[str, int]],
    ended: set[int],
) -> None:
    who = state.executor()
    if who is None:
        if clock.up_s() >= waiting.deadline:
            hint = f"`fuser -v {state.executing().path}` names it"
            raise HookdError("busy: a phase is running", hint=hint, code=Exit.BUSY)
        time.sleep(_POLL_S)
        return
    if (who.operation, who.phase) == (found.operation_id, call.phase.value):
        joined.add((who.operation, who.attempt))
    elif _is_earlier_of_own_run(call, found, who) and who.pid not in ended:
        ended.add(who.pid)
        _end_engine(who, waiting)
        return
    waiting.tell(f"waiting for {who}")
    while state.executor() == who:
        _give_up(call, who, waiting)
        time.sleep(_POLL_S)


def _give_up(call: Call, who: Holder, waiting: Waiting) -> None:
    if waiting.stop():
        raise HookdError(waiting.stop(), code=Exit.INTERRUPTED)
    if clock.up_s() >= waiting.deadline:
        same = who.phase == call.phase.value
        code = Exit.DEADLINE if same and call.run_id else Exit.BUSY
        raise HookdError(f"busy: {who}", hint="`hookd status` shows it", code=code)


def _is_earlier_of_own_run(call: Call, found: Belonging, who: Holder) -> bool:
    if found.choice is not Choice.JOIN or not call.run_id or who.operation != found.operation_id:
        return False
    return _PHASES.index(Phase(who.phase)) < _PHASES.index(call.phase)


def _end_engine(who: Holder, waiting: Waiting) -> None:
    """End the engine of an earlier phase: TERM lets it end its hook and say so; then KILL."""
    waiting.tell(f"ending {who}")
    for name, patience_s in ((signal.SIGTERM, 20.0), (signal.SIGKILL, 5.0)):
        until = clock.up_s() + patience_s
        if not who.process.is_gone:
            with contextlib.suppress(ProcessLookupError):
                os.kill(who.pid, name)
        while not who.process.is_gone and clock.up_s() < until:
            time.sleep(_POLL_S)
