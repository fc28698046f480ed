"""Which undos an operation owes (lifecycle: undo): from the start of a pre hook until put back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Dict, Iterable, Optional, Tuple

from hookd.core.model import Hook, HookOutcome, HookState, Phase
from hookd.core.operation import HookRun, Operation

NOT_APPLICABLE = 77
TRY_AGAIN = 75


@dataclass(frozen=True)
class Undo:
    """An on-exit hook that must still put back what pre hook `pre_hook` took away."""

    hook: str
    pre_hook: str


def owed_pre_hooks(operation: Operation) -> Dict[str, HookRun]:
    """Return the pre hooks that took something away, by name: started, and not ended with 77.

    A hook of a parallel group that never got its turn took nothing.
    """
    owed: Dict[str, HookRun] = {}
    for run in operation.phases:
        if run.phase is not Phase.PRE:
            continue
        for hook in run.hooks.values():
            if hook.was_started and not _never_got_its_turn(hook):
                owed[hook.name] = hook
    return {name: hook for name, hook in owed.items() if not _did_not_apply(hook)}


def _never_got_its_turn(hook: HookRun) -> bool:
    return hook.outcome is HookOutcome.SKIPPED and hook.exit_code is None


def _did_not_apply(hook: HookRun) -> bool:
    """Whether it ended 77 by itself; one that timed out may exit 77 when it gets TERM."""
    return hook.outcome is HookOutcome.SKIPPED and hook.exit_code == NOT_APPLICABLE


def outstanding(operation: Operation, hooks: Iterable[Hook] = ()) -> Tuple[Undo, ...]:
    """Return the undos that are owed and not done, in byte order of their hooks.

    Known undos are those that pre kept a copy of and those among `hooks` (today's on-exit hooks).
    What a kept one undoes stays owed, whatever is written into its original today.
    """
    undoes = _undoes_today(hooks)
    undoes.update((kept.hook, kept.undoes) for kept in operation.kept_undos)
    owed = owed_pre_hooks(operation)
    found = []
    for hook, undone in sorted(undoes.items()):
        pre_hook = owed.get(_pre_name(undone))
        if pre_hook is not None and not _is_done(operation, hook, pre_hook):
            found.append(Undo(hook, undone))
    return tuple(found)


def time_owed(operation: Operation, hooks: Iterable[Hook] = ()) -> float:
    """Return the sum of the timeouts of the undos that are owed, in seconds."""
    hooks = tuple(hooks)
    times = {kept.hook: kept.spec.timeout_s for kept in operation.kept_undos}
    times.update((hook.name, hook.spec.timeout_s) for hook in hooks if hook.spec.undoes)
    return sum(times[undo.hook] for undo in outstanding(operation, hooks))


def _undoes_today(hooks: Iterable[Hook]) -> Dict[str, str]:
    return {
        hook.name: hook.spec.undoes
        for hook in hooks
        if hook.spec.undoes and hook.state in (HookState.READY, HookState.MASKED)
    }


def _pre_name(undoes: str) -> str:
    return undoes[len("pre/") :] if undoes.startswith("pre/") else undoes


def _is_done(operation: Operation, hook: str, pre_hook: HookRun) -> bool:
    last = last_try(operation, hook)
    if last is None or last.started_n < pre_hook.started_n:
        return False
    return last.outcome is HookOutcome.PASSED or _did_not_apply(last)


def last_try(operation: Operation, hook: str) -> Optional[HookRun]:
    """Return the newest started run of on-exit hook `hook` over all attempts."""
    found = None
    for run in operation.phases:
        one = run.hooks.get(hook) if run.phase is Phase.ON_EXIT else None
        if one is not None and one.was_started:
            found = one
    return found
