"""Looks, in on-exit, until services that were started just now listen where they did; bounded."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Callable, Sequence

from hookd.core import rest
from hookd.core.looks import looks_of
from hookd.core.model import Phase
from hookd.core.sockets import awaited
from hookd.engine import settling
from hookd.system import clock

if TYPE_CHECKING:
    from hookd.core.snapshot import Snapshot
    from hookd.engine.phase import Engine

Look = Callable[[], "Snapshot"]


def look(engine: Engine, once: Look) -> Snapshot:
    """Return what `once` sees, in on-exit once who is still on the way listens again.

    A service counts as running before it listens, unless it tells systemd (sd_notify(3)).
    """
    baseline = looks_of(engine.operation, engine.record.snapshots())[:1]
    if engine.phase is not Phase.ON_EXIT or not baseline:
        return once()
    verify = engine.shop.machine.loaded.config.verify
    bound_s, ignore = verify.settle_s, verify.ignore.sockets
    until = clock.up_s() + rest.within_s(bound_s, engine.budget.hooks_until - clock.up_s())

    def left_of(now: Snapshot) -> Sequence[str]:
        clock_s = time.monotonic()
        return awaited(baseline[0], now, monotonic_s=clock_s, within_s=bound_s, ignore=ignore)

    return settling.wait_for(engine, until, once, left_of, "waiting until they listen")
