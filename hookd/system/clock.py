"""The clocks: wall clock for people, CLOCK_BOOTTIME for durations and order within a boot."""

from __future__ import annotations

import time


def utc_now() -> str:
    """Return now as `2026-11-05T04:18:07.123456Z`."""
    return utc_text(time.time())


def utc_text(epoch_s: float) -> str:
    second, microsecond = divmod(round(epoch_s * 1_000_000), 1_000_000)
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second)) + f".{microsecond:06d}Z"


def up_s() -> float:
    """Return seconds since the host booted, suspend included, whatever the wall clock does."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)
