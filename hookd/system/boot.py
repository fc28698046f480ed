"""Reads which boot this is: boot id, boot time and uptime (proc(5), random(4))."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from hookd.core.readings import Boot, Standing
from hookd.system.textfile import read_text

if TYPE_CHECKING:
    from hookd.system.root import Root

BOOT_ID = "/proc/sys/kernel/random/boot_id"
STAT = "/proc/stat"
UPTIME = "/proc/uptime"

_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_BTIME = re.compile(r"^btime ([0-9]{1,12})$", re.MULTILINE)
_UPTIME = re.compile(r"([0-9]{1,12}(?:\.[0-9]{1,9})?) ")


def read(root: Root) -> Boot:
    """Return the boot of the machine below `root`; the standing speaks of the boot id."""
    btime = _BTIME.search(read_text(root, STAT).text)
    uptime = _UPTIME.match(read_text(root, UPTIME).text)
    standing, reason, boot_id = _boot_id(root)
    return Boot(
        standing=standing,
        reason=reason,
        boot_id=boot_id,
        btime=int(btime.group(1)) if btime else 0,
        uptime_s=float(uptime.group(1)) if uptime else 0.0,
    )


def _boot_id(root: Root) -> tuple[Standing, str, str]:
    file = read_text(root, BOOT_ID, at_most=128)
    if not file.is_ok:
        return file.standing, file.reason, ""
    text = file.text.strip().lower()
    if not _UUID.fullmatch(text):
        return Standing.UNKNOWN, f"{BOOT_ID} holds no UUID: {text[:40]!r}", ""
    return Standing.OK, "", text
