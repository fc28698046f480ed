"""`hookd attach`: what an operation has done so far and, while a phase runs, what it does."""

from __future__ import annotations

import json
import sys
import time
from typing import Iterable, Iterator

from hookd.commands.context import Context, say
from hookd.commands.lookup import find
from hookd.core.fold import apply
from hookd.core.journal import Event, HookCutOff, HookEnded, to_line
from hookd.core.operation import HookRun, Operation
from hookd.errors import HookdError
from hookd.report.live import Lines
from hookd.report.mask import masked
from hookd.report.observer import Observer
from hookd.system.following import Following
from hookd.system.machine import Machine

_LOOK_EVERY_S = 0.2


def attach(context: Context, id: str) -> int:  # noqa: A002 - the name of the argument
    """Follow operation `id`, else the one whose phase runs; return what its last phase ended with.

    Leaving (Ctrl-C) ends nothing but this.
    """
    machine = context.machine()
    chosen = find(machine, id).id if id else _running(machine)
    masks = machine.loaded.config.report.mask
    following = Following(machine.state.folder(chosen))
    lines = Lines(sys.stdout, verbose=True, masks=masks)
    observer = Events(masks=masks) if context.as_json else lines
    operation: Operation | None = None
    is_running = True
    while is_running:
        # asked first: what an engine wrote before it was gone is read then
        is_running = _executes(machine, chosen)
        operation = _tell(following, operation, observer)
        if is_running:
            time.sleep(_LOOK_EVERY_S)
    run = operation.phases[-1] if operation and operation.phases else None
    if run is None or run.exit_code is None:
        hint = "`hookd status` says what comes next"
        raise HookdError("the phase has not ended, and nobody executes it", hint=hint)
    return run.exit_code


class Events(Observer):
    """Prints the journal's own lines. `masks`: without what looks like a secret."""

    def __init__(self, *, masks: bool) -> None:
        self._masks = masks

    def event(self, event: Event, _operation: Operation) -> None:
        found = json.loads(to_line(event).decode("ascii"))
        say(json.dumps(masked(found) if self._masks else found, separators=(",", ":")))


def _running(machine: Machine) -> str:
    who = machine.state.executor()
    if who is None:
        hint = "`hookd attach last` tells the newest operation again"
        raise HookdError("no phase is running", hint=hint)
    return who.operation


def _executes(machine: Machine, operation_id: str) -> bool:
    who = machine.state.executor()
    return who is not None and who.operation == operation_id


def _tell(
    following: Following, operation: Operation | None, observer: Observer
) -> Operation | None:
    """Tell `observer` what came, each hook's output before its end; return the operation by now."""
    for event in following.events():
        before, operation = operation, apply(operation, event)
        if isinstance(event.body, (HookEnded, HookCutOff)) and before:
            _tell_output(following, before, observer)
        if operation:
            observer.event(event, operation)
    if operation:
        _tell_output(following, operation, observer)
    return operation


def _tell_output(following: Following, operation: Operation, observer: Observer) -> None:
    run = operation.phases[-1] if operation.phases else None
    if run is None:
        return
    for hook in _in_flight(run.hooks.values()):
        for stream, data in following.output(run.phase, run.attempt, hook.name):
            observer.output(hook.name, stream, data)


def _in_flight(hooks: Iterable[HookRun]) -> Iterator[HookRun]:
    return (hook for hook in hooks if hook.outcome is None and hook.was_started)
