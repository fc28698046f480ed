"""The clocks: wall clock for people, CLOCK_BOOTTIME for durations and order within a boot."""

from __future__ import annotations

import time
from datetime import datetime, timezone


def utc_now() -> str:
    """Return now as `2026-11-05T04:18:07.123456Z`."""
    return utc_text(time.time())


def utc_text(epoch_s: float) -> str:
    moment = datetime.fromtimestamp(epoch_s, timezone.utc)
    return moment.isoformat(timespec="microseconds").replace("+00:00", "Z")


def up_s() -> float:
    """Return seconds since the host booted, suspend included, whatever the wall clock does."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)
