"""An undo and its pre hook belong together: one user, one group, and neither without the other."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Iterator, Sequence

from hookd.core.model import HookState

if TYPE_CHECKING:
    from hookd.core.model import Hook


def paired(hooks: Sequence[Hook]) -> tuple[Hook, ...]:
    """Return `hooks`, those of all phases, with every pair refused that could not be undone.

    A pre hook whose undo is refused would take away what nobody puts back. Another user or group
    could not use the scratch directory of the pre hook, which the undo gets.
    """
    by_id = {hook.id: hook for hook in hooks}
    reasons: dict[str, str] = {}
    for undo in hooks:
        undone = by_id.get(undo.spec.undoes)
        if undone is None:
            continue
        if undo.state is HookState.REFUSED:
            reasons.setdefault(undone.id, f"its undo {undo.id} is refused: {undo.reason}")
        for key, reason in differences(undo, undone):
            reasons.setdefault(undo.id, f"{key} {reason}")
            reasons.setdefault(undone.id, f"its undo {undo.id} is refused: {key} {reason}")
    return tuple(_refused(hook, reasons.get(hook.id, "")) for hook in hooks)


def differences(undo: Hook, undone: Hook) -> Iterator[tuple[str, str]]:
    """Yield (key, reason) for each of `user` and `group` in which the two are not one."""
    for key in ("user", "group"):
        here, there = getattr(undo.spec, key), getattr(undone.spec, key)
        if here != there:
            reason = f"is {here or 'not set'}, but {there or 'not set'} in {undone.id}: use one"
            yield key, reason


def _refused(hook: Hook, reason: str) -> Hook:
    if not reason or hook.state is not HookState.READY:
        return hook
    return replace(hook, state=HookState.REFUSED, reason=reason)
