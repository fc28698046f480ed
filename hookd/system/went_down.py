"""How the machine went down before its boot: by wtmp, else by the journal."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from hookd.core.readings import Boot, Standing, WentDown
from hookd.system import journald, wtmp

if TYPE_CHECKING:
    from hookd.system.process.command import Run
    from hookd.system.root import Root


def read(root: Root, run: Run, boot: Boot, previous: Boot | None) -> WentDown:
    """Return how the machine below `root` went down before `boot`. Never raises.

    `previous` is the boot of the look before. The journal is a second opinion: only where wtmp
    tells nothing, and only in the first look of a boot.
    """
    found = wtmp.read(root, boot)
    ended = previous.boot_id if previous is not None else ""
    if found.is_told or not boot.boot_id or ended in ("", boot.boot_id):
        return found
    second = journald.read(root, run, ended, boot)
    if second.standing is Standing.ABSENT:
        return found
    return replace(second, boots=found.boots)
