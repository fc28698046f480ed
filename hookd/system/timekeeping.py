"""Reads whether the wall clock is kept right, and whether it was set since the boot."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from hookd.core.node import Clock
from hookd.core.readings import Standing
from hookd.system import clock
from hookd.system.root import NOTHING_RUNS

if TYPE_CHECKING:
    from hookd.system.root import Root


def read(root: Root) -> Clock:
    """Return the clock of the host; another root has none.

    adjtimex(2) answers TIME_ERROR while STA_UNSYNC is set: nobody disciplines the clock, or the
    last correction is too long ago. Where it is forbidden (seccomp) only the second half is known.
    """
    if not root.is_host:
        return Clock(Standing.ABSENT, NOTHING_RUNS)
    before = clock.up_s()
    now = time.time()
    booted_at = now - (before + clock.up_s()) / 2
    synchronised = clock.is_synchronised()
    return Clock(synchronised=synchronised, booted_at=round(booted_at, 3))
