"""Removes old operations by `[retention]`, after on-exit."""

from __future__ import annotations

import os
import time

from hookd.config import RetentionConfig
from hookd.core.retention import Kept, Limits, to_remove
from hookd.system import results
from hookd.system.state import State

_DAY_S = 86400.0
_PATIENCE_S = 5.0


def prune(state: State, retention: RetentionConfig, *, keep: str) -> None:
    """Remove what the limits do not cover; open, watched and owing operations always stay."""
    limits = Limits(retention.changed, retention.other, retention.days, retention.bytes)
    needed = {*state.marked(), keep}
    with state.choosing() as lock:
        if not lock.take_within(_PATIENCE_S):
            return  # the next on-exit prunes; the answer of this one does not wait
        state.remove_unopened()
        kept = [_kept(state, name, name in needed) for name in reversed(state.ids())]
        for operation_id in to_remove(kept, limits):
            state.remove(operation_id)


def _kept(state: State, operation_id: str, is_needed: bool) -> Kept:
    folder = state.folder(operation_id)
    found = results.read_result(state, operation_id)
    changes = found.get("changes", {}) if isinstance(found, dict) else {}
    changed = bool(changes.get("packages")) or found is None
    try:
        age_s = time.time() - os.stat(folder).st_mtime
    except OSError:
        age_s = 0.0
    return Kept(operation_id, changed, age_s / _DAY_S, _size(folder), is_needed)


def _size(folder: str) -> int:
    total = 0
    for directory, _, names in os.walk(folder):
        for name in names:
            try:
                total += os.lstat(os.path.join(directory, name)).st_blocks * 512
            except OSError:
                continue
    return total
