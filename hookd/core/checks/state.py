"""Judges hookd's own ground: its state, disks, configuration, undos, and what called it."""

from __future__ import annotations

from typing import Mapping, Optional, Sequence

from hookd.core.checks.table import Judge, Severities, listed
from hookd.core.model import Check, Phase

WRITABLE = "state.writable"
READABLE = "state.readable"
DISK_LOW = "disk.low"
CONFIG_LOADS = "config.loads"
UNDO_OUTSTANDING = "undo.outstanding"
PRE_BYPASSED = "run.pre-bypassed"
SLOT_MATCHES = "run.slot-matches"


def writable(problem: str, severities: Severities) -> Check:
    """Judge whether state could be written; `problem` is the error, empty when there was none."""
    expected = "a test file can be written and synced"
    if problem:
        return Judge(WRITABLE, severities).not_met(expected=expected, found=problem)
    return Judge(WRITABLE, severities).passed(expected=expected, found="it can")


def readable(unreadable: Mapping[str, str], severities: Severities) -> Check:
    """Judge the open operations whose journal tells nothing, id to the reason."""
    expected = "every open operation can be read"
    if unreadable:
        named = [f"operation {name}: {why}" for name, why in sorted(unreadable.items())]
        return Judge(READABLE, severities).not_met(expected=expected, found=listed(named))
    return Judge(READABLE, severities).passed(expected=expected, found="none that cannot")


def disk_low(
    free: Mapping[str, Optional[int]], least: Mapping[str, int], severities: Severities
) -> Check:
    """Judge free bytes per directory against the least it needs; None is not known."""
    expected = ", ".join(f"{path} {_mib(size)} free" for path, size in sorted(least.items()))
    known = {path: size for path, size in free.items() if size is not None}
    low = [p for p in sorted(least) if p in known and known[p] < least[p]]
    if low:
        found = ", ".join(f"{path} {_mib(known[path])} free" for path in low)
        return Judge(DISK_LOW, severities).not_met(expected=expected, found=found)
    unread = [path for path in sorted(least) if path not in known]
    if unread:
        reason = f"free space not known: {', '.join(unread)}"
        return Judge(DISK_LOW, severities).unknown(reason, expected=expected)
    return Judge(DISK_LOW, severities).passed(expected=expected, found="enough")


def _mib(size: int) -> str:
    return f"{size // (1 << 20)} MiB"


def config_loads(problems: Sequence[str], severities: Severities) -> Check:
    """Judge the problems found in the configuration files, one text each."""
    if problems:
        return Judge(CONFIG_LOADS, severities).not_met(
            expected="no problem", found=listed(problems)
        )
    return Judge(CONFIG_LOADS, severities).passed(expected="no problem", found="none")


def undo_outstanding(outstanding: Mapping[str, str], severities: Severities) -> Check:
    """Judge the undos still owed, hook id to the reason."""
    if not outstanding:
        return Judge(UNDO_OUTSTANDING, severities).passed(expected="no undo is owed", found="none")
    named = [f"{hook} ({why})" if why else hook for hook, why in sorted(outstanding.items())]
    return Judge(UNDO_OUTSTANDING, severities).not_met(
        expected="no undo is owed", found=listed(named)
    )


def pre_bypassed(bypassed: Optional[bool], severities: Severities) -> Check:
    """Judge whether Install went on without a passed pre; None is not known."""
    expected = "no install before pre has passed"
    if bypassed is None:
        reason = "it is not known whether Install was entered"
        return Judge(PRE_BYPASSED, severities).unknown(reason, expected=expected)
    if bypassed:
        found = "Install was entered"
        return Judge(PRE_BYPASSED, severities).not_met(expected=expected, found=found)
    return Judge(PRE_BYPASSED, severities).passed(expected=expected, found="none")


def slot_matches(slot: Phase, called: Phase, severities: Severities) -> Check:
    """Judge whether the document in the slot of one phase called that phase."""
    expected, found = f"hookd run {slot}", f"hookd run {called}"
    if slot is called:
        return Judge(SLOT_MATCHES, severities).passed(expected=expected, found=found)
    return Judge(SLOT_MATCHES, severities).not_met(expected=expected, found=found)
