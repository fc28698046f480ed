"""Judges the mounts against how they were before."""

from __future__ import annotations

import re
from typing import Dict, Optional

from hookd.core.checks.ends import Ends, in_span, with_details
from hookd.core.checks.table import listed
from hookd.core.ignore import matches
from hookd.core.model import Check
from hookd.core.mounts import by_point, mounts_of, told
from hookd.core.snapshot import Snapshot
from hookd.core.spans import since

LOST = "mounts.lost"

_PLAIN = re.compile(r"[A-Za-z0-9:_.]")


def mounts_lost(ends: Ends) -> Check:
    """Judge whether what was mounted is, and may be written to as before."""
    judge, expected = ends.judge(LOST), "what was mounted is, as before"
    cannot = ends.incomparable(judge, mounts_of, expected)
    if cannot:
        return cannot
    found = {p: how for p, how in lost(ends).items() if not matches(p, ends.ignore.mounts)}
    left = {p for p in found if ends.is_left_to_undo(_since(ends, p))}
    counted = sorted(found.keys() - left) + (sorted(left) if ends.is_final else [])
    if counted:
        before = by_point(ends.first)
        return judge.not_met(
            expected=expected,
            found=listed([_said(ends, point, found[point], left) for point in counted]),
            before=listed([f"{p} {told(before.get(p)) or 'not mounted'}" for p in counted]),
        )
    but = f", but for what pre's hooks unmounted: {listed(sorted(left))}" if left else ""
    return judge.passed(expected=expected, found=f"it is{but}")


def lost(ends: Ends) -> Dict[str, str]:
    """Return how each mount point is that is worse than before; none where that is not known."""
    first, last = mounts_of(ends.first), mounts_of(ends.last)
    if not (first.is_ok and last.is_ok):
        return {}
    found = {
        point: f"{point} of /etc/fstab is not mounted"
        for point in last.missing
        if point not in first.missing
    }
    now = by_point(ends.last)
    for point, mount in by_point(ends.first).items():
        if point not in now:
            found[point] = f"{point} is not mounted"
        elif now[point].is_read_only and not mount.is_read_only:
            found[point] = f"{point} is read-only"
    return found


def unit_of(point: str) -> str:
    """Return the mount unit of `point`, escaped as by systemd-escape(1) `--path`."""
    path = "/".join(filter(None, point.split("/")))
    if not path:
        return "-.mount"
    escaped = "".join(_escaped(byte, at) for at, byte in enumerate(path.encode("utf-8")))
    return f"{escaped}.mount"


def _escaped(byte: int, at: int) -> str:
    char = chr(byte)
    if char == "/":
        return "-"
    is_plain = _PLAIN.match(char) is not None and not (char == "." and at == 0)
    return char if is_plain else f"\\x{byte:02x}"


def _said(ends: Ends, point: str, how: str, by_pre: set[str]) -> str:
    if point in by_pre:
        return with_details(how, "a hook of pre did it, nothing has undone it")
    return with_details(how, in_span(_since(ends, point)))


def _since(ends: Ends, point: str) -> str:
    is_mounted = point in by_point(ends.last)

    def is_so(look: Snapshot) -> Optional[bool]:
        if not mounts_of(look).is_ok:
            return None
        mount = by_point(look).get(point)
        return mount is None or (is_mounted and mount.is_read_only)

    return since(ends.looks, is_so)
