"""The clocks: wall clock for people, CLOCK_BOOTTIME for durations and order within a boot."""

from __future__ import annotations

import time
from functools import lru_cache


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
