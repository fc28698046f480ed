"""The clocks: wall clock for people, CLOCK_BOOTTIME for durations and order within a boot."""

from __future__ import annotations

import ctypes
import time
from functools import lru_cache

_ROOM = 512  # struct timex is 208 bytes on 64 bits
_TIME_ERROR = 5


def utc_now() -> str:
    """Return now as `2026-11-05T04:18:07.123456Z`."""
    return utc_text(time.time())


def utc_text(epoch_s: float) -> str:
    second, microsecond = divmod(round(epoch_s * 1_000_000), 1_000_000)
    return f"{_to_the_second(second)}.{microsecond:06d}Z"


@lru_cache(maxsize=2)
def _to_the_second(epoch_s: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(epoch_s))


def up_s() -> float:
    """Return seconds since the host booted, suspend included, whatever the wall clock does."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def is_synchronised() -> bool | None:
    """Return whether something disciplines the wall clock (adjtimex(2), asking only)."""
    try:
        adjtimex = ctypes.CDLL(None).adjtimex
    except (OSError, AttributeError):
        return None
    state = adjtimex(ctypes.create_string_buffer(_ROOM))
    return None if state < 0 else bool(state != _TIME_ERROR)
