"""Waits, before on-exit looks, until the machine has come to rest; bounded, and told of."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Callable, Sequence, TypeVar

from hookd.core import rest
from hookd.system import clock, systemd

if TYPE_CHECKING:
    from hookd.core.rest import Bustle
    from hookd.engine.phase import Engine

T = TypeVar("T")

_LONGEST_PAUSE_S = 5.0
_NAMED_AT_MOST = 3


def settle(engine: Engine) -> None:
    """Look again and again until two looks in a row find nothing busy, and record how that went.

    It ends without that at its bound, or when the phase is asked to end.
    """
    machine, began = engine.shop.machine, clock.up_s()
    bound_s = machine.loaded.config.verify.settle_s
    until = began + rest.within_s(bound_s, engine.budget.hooks_until - began)
    engine.shop.observer.waiting("waiting for the machine to come to rest")
    earlier: Bustle | None = None
    while True:
        now = systemd.look(machine.command, bound_s)
        left = rest.unrest(earlier, now)
        if not left or not pause(engine, min(until, clock.up_s() + rest.AGAIN_S), until):
            break
        earlier = now
    took_s = clock.up_s() - began
    engine.record.add(*rest.told(engine.current, machine.boot.boot_id, took_s, left), sync=False)


def pause(engine: Engine, until: float, at_most: float) -> bool:
    """Wait until it is time for another look; return whether there is time for one at all."""
    while clock.up_s() < until:
        if engine.shop.signals.reason:
            return False
        time.sleep(min(0.1, max(0.0, until - clock.up_s())))
    return clock.up_s() < at_most and not engine.shop.signals.reason


def wait_for(
    engine: Engine,
    until: float,
    once: Callable[[], T],
    left_of: Callable[[T], Sequence[str]],
    waiting: str,
) -> T:
    """Return the first answer of `once` of which `left_of` names nothing, or the last by `until`.

    What is waited for is told as `WAITING: NAME, ...` whenever that is another.
    """
    pause_s, told = rest.AGAIN_S, ""
    while True:
        now = once()
        left = left_of(now)
        message = f"{waiting}: {_named(left)}"
        if left and message != told:
            engine.shop.observer.waiting(message)
            told = message
        if not left or not pause(engine, min(until, clock.up_s() + pause_s), until):
            return now
        pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)


def _named(left: Sequence[str]) -> str:
    names, more = ", ".join(left[:_NAMED_AT_MOST]), len(left) - _NAMED_AT_MOST
    return f"{names} and {more} more" if more > 0 else names
