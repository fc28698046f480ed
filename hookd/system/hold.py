"""The hold: until it ends, pre fails and recovery starts no hook (`hookd hold`)."""

from __future__ import annotations

import contextlib
import json
import os
import time
from dataclasses import asdict, dataclass

from hookd.system import durable
from hookd.system.clock import utc_text
from hookd.system.state import State
from hookd.system.textfile import read_regular

_FILE = "hold.json"


@dataclass(frozen=True)
class Hold:
    """Why, since when and until when (epoch seconds; wall clock, because people set it)."""

    reason: str
    since: float
    until: float

    def __str__(self) -> str:
        return f"{self.reason} (until {utc_text(self.until)})"


def read(state: State) -> Hold | None:
    """Return the hold in force. A file that cannot be read holds: somebody wanted one."""
    path = state.path(_FILE)
    if not os.path.lexists(path):
        return None
    try:
        found = Hold(**json.loads(read_regular(path, 1 << 16)))
    except (OSError, ValueError, TypeError):
        return Hold("the hold file cannot be read", 0.0, time.time() + 3600.0)
    return found if found.until > time.time() else None


def write(state: State, reason: str, for_s: float) -> Hold:
    """Hold for `for_s` seconds. Raises OSError."""
    now = time.time()
    found = Hold(reason, now, now + for_s)
    durable.write_file(state.path(_FILE), json.dumps(asdict(found)).encode("ascii"))
    return found


def remove(state: State) -> bool:
    """End the hold; return whether there was one."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(state.path(_FILE))
        return True
    return False
