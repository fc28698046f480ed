"""Spans: from one look at the machine to the next that could be read, and who acts in between."""

from __future__ import annotations

from typing import Callable, Iterator, Optional, Sequence, Tuple

from hookd.core.readings import Reading
from hookd.core.snapshot import Snapshot

BY_PRE = "before..ready"
BY_HOOKS = (BY_PRE, "installed..leaving", "arrived..after")
"""Where hooks are what acts on the machine (lifecycle: snapshots)."""


def spans(
    looks: Sequence[Snapshot], read: Callable[[Snapshot], Reading]
) -> Iterator[Tuple[str, Snapshot, Snapshot]]:
    """Yield name, first and last look of each span between neighbours that have a good reading."""
    good = [look for look in looks if read(look).is_ok]
    for earlier, later in zip(good, good[1:]):
        yield f"{earlier.name}..{later.name}", earlier, later


def since(looks: Sequence[Snapshot], holds: Callable[[Snapshot], Optional[bool]]) -> str:
    """Return the span in which what holds at the last of `looks` came to hold, "" when always.

    `holds` is None for a look that cannot tell.
    """
    began = ""
    for look in reversed(looks):
        held = holds(look)
        if held is False:
            return f"{look.name}..{began}"
        began = look.name if held else began
    return ""
