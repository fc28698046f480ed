"""Tries what admins expect when a phase looks, and in on-exit waits until it holds; bounded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Callable

from hookd.core import rest
from hookd.core.expect import left_open, stopped_by_pre
from hookd.core.model import CallerKind
from hookd.core.node import Expectations
from hookd.core.readings import Standing
from hookd.core.undo import outstanding
from hookd.engine import settling
from hookd.engine.surroundings import environment_of
from hookd.system import clock
from hookd.system.expect.asking import ask

if TYPE_CHECKING:
    from hookd.engine.phase import Engine

_TRIED = ("before", "ready", "arrived", "after")
_AWAITED = ("arrived", "after")
_LEAST_S = 3.0  # also when the hooks have no time left: the reserve of the phase has it


def found(engine: Engine, name: str) -> Expectations:
    """Return how what is expected is in look `name`; absent where that is not looked at.

    In on-exit it is tried again until it holds, for `[verify] settle` at most and half of what the
    hooks have left. What pre's hooks stopped is not waited for while an undo may bring it back.
    A rehearsal's machine is made up and does no work.
    """
    expect = engine.shop.machine.loaded.config.expect
    is_played = engine.operation.opened.caller is CallerKind.REHEARSAL
    if name not in _TRIED or not any(expect.each()) or is_played:
        return Expectations(Standing.ABSENT, "not looked at")
    machine, began = engine.shop.machine, clock.up_s()
    half_s = max(_LEAST_S, (engine.budget.hooks_until - began) / 2)
    environment = environment_of(engine)

    def once() -> Expectations:
        within_s = max(_LEAST_S, began + half_s - clock.up_s())
        return ask(
            machine.root, machine.command, expect, within_s=within_s, environment=environment
        )

    is_part_of_another = engine.only_undos and engine.closes
    if name not in _AWAITED or not machine.root.is_host or is_part_of_another:
        return once()
    until = began + rest.within_s(machine.loaded.config.verify.settle_s, half_s * 2)
    return _awaited(engine, name, until, once)


def _awaited(
    engine: Engine, name: str, until: float, once: Callable[[], Expectations]
) -> Expectations:
    is_to_come = name == "arrived" or outstanding(engine.operation, engine.hooks)
    stopped = stopped_by_pre(engine.record.snapshots()) if is_to_come else frozenset()
    return settling.wait_for(
        engine,
        until,
        once,
        lambda now: [one.name for one in left_open(now, stopped)],
        "waiting for what is expected",
    )
