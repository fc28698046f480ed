"""Reads whether the wall clock is kept right, and whether it was set since the boot."""

from __future__ import annotations

import ctypes
import time
from typing import TYPE_CHECKING

from hookd.core.node import Clock
from hookd.core.readings import Standing
from hookd.system import clock
from hookd.system.root import NOTHING_RUNS

if TYPE_CHECKING:
    from hookd.system.root import Root

_ROOM = 512  # struct timex is 208 bytes on 64 bits
_TIME_ERROR = 5


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
    synchronised = is_synchronised()
    return Clock(synchronised=synchronised, booted_at=round(booted_at, 3))


def is_synchronised() -> bool | None:
    """Return whether something disciplines the wall clock (adjtimex(2), asking only)."""
    try:
        adjtimex = ctypes.CDLL(None).adjtimex
    except (OSError, AttributeError):
        return None
    state = adjtimex(ctypes.create_string_buffer(_ROOM))
    return None if state < 0 else bool(state != _TIME_ERROR)
