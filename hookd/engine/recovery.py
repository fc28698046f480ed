"""Ends an operation for its caller: on-exit by hookd itself, or only the undos it still owes."""

from __future__ import annotations

import os
from dataclasses import replace

from hookd.aws import identity
from hookd.core.belong import Again
from hookd.core.budget import Budget, budget
from hookd.core.checking import ASKED_BY
from hookd.core.host import is_here
from hookd.core.journal import Observed
from hookd.core.model import CallerKind, Phase
from hookd.core.operation import PhaseRun
from hookd.core.undo import outstanding
from hookd.engine import baked
from hookd.engine.cutoff import end_what_was_cut_off
from hookd.engine.phase import Engine, Workshop
from hookd.engine.precheck import older_undos
from hookd.errors import Exit, HookdError
from hookd.report.observer import Observer
from hookd.system import clock
from hookd.system.lock import Holder
from hookd.system.machine import Machine
from hookd.system.process.children import Children
from hookd.system.process.table import read_process
from hookd.system.record import Record
from hookd.system.signals import Signals
from hookd.system.turn import Turn, busy_with

_PATIENCE_S = 60.0


def recover_operation(
    machine: Machine, operation_id: str, began: float, observer: Observer, reason: str = ""
) -> None:
    """Run what is left of the operation's on-exit, for the service's `reason` or for a person.

    Raises HookdError: busy, or not an operation of this machine as far as is known.
    """
    allowed = budget(began, asked_s=None, configured_s=machine.loaded.config.run.deadline_s)
    _refuse_another_machines(machine, operation_id)
    with Signals() as signals, Children() as children:
        shop = Workshop(machine, children, signals, observer)
        _end(shop, operation_id, allowed, reason, closes=False)


def run_owed(shop: Workshop, allowed: Budget) -> list[tuple[str, str]]:
    """Run the undos that closed operations owe, newest first, each in its own operation.

    Return the operations and how it ended with each: `done`, `outstanding`, or why it was not.
    """
    found = []
    for operation_id, _ in older_undos(shop.machine):
        try:
            _refuse_another_machines(shop.machine, operation_id)
            record = _end(shop, operation_id, allowed, "", closes=True)
            ended = "outstanding" if outstanding(record.operation) else "done"
        except (HookdError, OSError) as error:
            ended = str(error)
        found.append((operation_id, ended))
    return found


def _end(
    shop: Workshop, operation_id: str, allowed: Budget, reason: str, *, closes: bool
) -> Record:
    machine, state = shop.machine, shop.machine.state
    executing, own = state.executing(), state.operation_lock(operation_id)
    record = Record(state, operation_id, machine.boot.boot_id)
    record.may_spill = True
    with executing, own:
        if not executing.take():
            raise HookdError(f"busy: {state.executor()}", code=Exit.BUSY)
        if not own.take_within(_PATIENCE_S):
            raise busy_with(own)
        turn = Turn(record, Again.RESUME, None, (executing, own), reason=reason)
        try:
            record.open()
            finish(shop, turn, allowed, closes=closes, asked_by="service" if reason else "person")
        finally:
            turn.give_back()
    return record


def _refuse_another_machines(machine: Machine, operation_id: str) -> None:
    """Raise HookdError for an operation that came with the image this machine was made of."""
    here, head = identity.settled(machine), machine.state.head(operation_id)
    if operation_id in baked.set_aside(machine, here):
        raise HookdError(f"operation {operation_id} is of another machine and left alone")
    if head is not None and is_here(head.host, here) is None:
        message = f"it is not known whether operation {operation_id} is of this machine"
        hint = f"`hookd run on-exit --operation-id {operation_id}` acts on it all the same"
        raise HookdError(message, hint=hint)


def finish(shop: Workshop, turn: Turn, allowed: Budget, *, closes: bool, asked_by: str) -> PhaseRun:
    """Run what is left of an operation's on-exit, as recovery, for `turn.reason`.

    `closes`: the operation closes even when an undo stays outstanding. `asked_by` is `service`,
    `person` or `pre`.
    """
    record = turn.record
    record.add(Observed(ASKED_BY, asked_by), sync=False)
    if turn.reason:
        record.add(Observed("liveness", {"reason": turn.reason}), sync=False)
    last = record.operation.last(Phase.ON_EXIT)
    again = Again.FIRST if last is None else Again.RESUME
    say(replace(turn, again=again), Phase.ON_EXIT)
    end_what_was_cut_off(record, shop.machine.boot.boot_id, Phase.ON_EXIT, again)
    engine = Engine(
        shop,
        record,
        Phase.ON_EXIT,
        CallerKind.RECOVERY,
        allowed,
        only_undos=last is not None and last.is_over,
        closes=closes,
    )
    return engine.run(again)


def say(turn: Turn, phase: Phase) -> int:
    """Write into the locks who executes, for those who wait and for `hookd status`.

    Return the attempt that it is.
    """
    me = read_process(os.getpid())
    last = turn.record.operation.last(phase)
    attempt = (last.attempt if last else 0) + (0 if turn.again is Again.RESUME else 1)
    holder = Holder(
        turn.record.id,
        phase.value,
        attempt,
        os.getpid(),
        me.started if me else 0.0,
        clock.utc_now(),
    )
    for lock in turn.locks:
        lock.say(holder)
    return attempt
