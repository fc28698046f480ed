"""What becomes of each hook of a phase: run, passed over with a reason, or held back as an undo."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain, islice
from typing import Iterable, Iterator, Optional, Sequence, Tuple

from hookd.core.journal import UndoKept
from hookd.core.model import Health, Hook, HookOutcome, HookState, Path, Phase, PhaseOutcome
from hookd.core.operation import HookRun, Operation, PhaseRun
from hookd.core.undo import outstanding, owed_pre_hooks
from hookd.core.verdict import stops_pre


@dataclass(frozen=True)
class Fate:
    """A hook with what becomes of it. `outcome` is None for one that is run."""

    hook: Hook
    reason: str
    outcome: Optional[HookOutcome] = None
    try_: int = 1
    undo_of: str = ""
    from_copy: bool = False


@dataclass(frozen=True)
class Inputs:
    """What a plan depends on besides the operation.

    `hooks` are today's of the phase, in byte order, `undo_hooks` those to keep copies of: in pre
    all that undo something, later those that are owed. `stop` says why no further hook starts
    (deadline, cancel), `stop_undos` the same for owed undos; `stop_outcome` is how the phase then
    ends.
    `only_undos`: what is not owed is not run. `older` are operations whose undos are inherited,
    newest first. `settled` counts the first of `hooks` that need no look any more (only a way
    not to look at thousands of them again and again: leaving it 0 plans the same). `rests`: there
    is a systemd whose coming to rest on-exit waits for.
    """

    phase: Phase
    hooks: Tuple[Hook, ...] = ()
    undo_hooks: Tuple[Hook, ...] = ()
    path: Optional[Path] = None
    stop: str = ""
    stop_undos: str = ""
    stop_outcome: PhaseOutcome = PhaseOutcome.TIMED_OUT
    only_undos: bool = False
    older: Tuple[str, ...] = ()
    settled: int = 0
    rests: bool = False


def is_settled(run: PhaseRun, hook: HookRun) -> bool:
    """Whether nothing is left to do for a hook that has been started in this attempt."""
    if hook.retry:
        return False
    return hook.was_started or hook.changed_n > run.resumed_n


def settled_of(run: PhaseRun, hooks: Sequence[Hook], known: int) -> int:
    """Return how many of the first `hooks` are settled, for good while no hook is running.

    `known` is the answer to an earlier call. An undo is tried again in a resumed on-exit.
    """
    for hook in islice(hooks, known, None):
        done = run.hooks.get(hook.name)
        if done is None or not is_settled(run, done):
            break
        if run.phase is Phase.ON_EXIT and done.changed_n < run.resumed_n:
            break
        known += 1
    return known


def _left(inputs: Inputs) -> Iterator[Hook]:
    return islice(inputs.hooks, inputs.settled, None)


def _pre_fates(operation: Operation, run: PhaseRun, inputs: Inputs) -> Iterator[Fate]:
    stop = why_pre_failed(operation, run, inputs) or inputs.stop
    for hook in _left(inputs):
        done = run.hooks.get(hook.name)
        if done is not None and is_settled(run, done):
            continue
        yield _fate(hook, done, stop)


def why_pre_failed(operation: Operation, run: PhaseRun, inputs: Inputs) -> str:
    """Return what stops pre by itself, "" when nothing does."""
    failing = [check.id for check in operation.checks.values() if stops_pre(check)]
    if failing:
        return "not started: " + ", ".join(sorted(failing)) + " failed"
    if not any(hook.was_started for hook in run.hooks.values()):
        for found in inputs.hooks:
            if _is_refused(found) and found.spec.required:
                return f"nothing was started: {found.name} is refused"
    for hook in (run.hooks[name] for name in run.bad):
        if not hook.retry and (hook.required or was_cut(hook)):
            return f"after {hook.name} {how(hook)}"
    return ""


def was_cut(hook: HookRun) -> bool:
    return hook.outcome is HookOutcome.INTERRUPTED


def how(hook: HookRun) -> str:
    if hook.outcome is HookOutcome.TIMED_OUT:
        return "timed out"
    if hook.outcome in (HookOutcome.REFUSED, HookOutcome.OUTSTANDING):
        return "was refused" if hook.outcome is HookOutcome.REFUSED else "is outstanding"
    return "was interrupted" if was_cut(hook) else "failed"


def _is_refused(hook: Hook) -> bool:
    return hook.state is HookState.REFUSED


def _fate(hook: Hook, done: Optional[HookRun], stop: str) -> Fate:
    if _is_refused(hook):
        return Fate(hook, hook.reason, HookOutcome.REFUSED)
    if hook.state is not HookState.READY:
        return Fate(hook, hook.reason, HookOutcome.SKIPPED)
    if stop:
        wanted_another_try = done is not None and done.retry
        outcome = HookOutcome.FAILED if wanted_another_try else HookOutcome.SKIPPED
        return Fate(hook, stop, outcome)
    return _to_run(hook, done, "its turn")


def _to_run(hook: Hook, done: Optional[HookRun], reason: str, undo_of: str = "") -> Fate:
    if done is not None and done.retry:
        return Fate(hook, "it asked to be tried again", None, done.try_ + 1, undo_of)
    return Fate(hook, reason, None, 1 if done is None else done.try_ + 1, undo_of)


def retry_delay_s(run: PhaseRun, fates: Iterable[Fate]) -> float:
    """Return how long to wait before `fates` start: some asked to be tried again."""
    asked = (fate for fate in fates if fate.hook.name in run.hooks)
    waits = (fate.hook.spec.retry_delay_s for fate in asked if run.hooks[fate.hook.name].retry)
    return max(waits, default=0.0)


def _post_fates(_operation: Operation, run: PhaseRun, inputs: Inputs) -> Iterator[Fate]:
    for hook in _left(inputs):
        done = run.hooks.get(hook.name)
        if done is None or not is_settled(run, done):
            yield _fate(hook, done, inputs.stop)


def _on_exit_fates(operation: Operation, run: PhaseRun, inputs: Inputs) -> Iterator[Fate]:
    owed = {undo.hook: undo.pre_hook for undo in outstanding(operation, inputs.hooks)}
    copies = _copies(operation, inputs)
    hooks: Iterable[_Source] = _without(_left(inputs), copies)
    for hook, from_copy in sorted(chain(copies, hooks), key=_by_name) if copies else hooks:
        done = run.hooks.get(hook.name)
        if hook.name in owed:
            if done is None or done.retry or done.changed_n < run.resumed_n:
                yield _undo_fate(hook, done, owed[hook.name], run, inputs, from_copy=from_copy)
        elif (done is None or not is_settled(run, done)) and not inputs.only_undos:
            yield _plain_fate(operation, hook, done, run, inputs)


_Source = Tuple[Hook, bool]


def _by_name(source: _Source) -> bytes:
    return source[0].name.encode("utf-8", "surrogateescape")


def _without(hooks: Iterable[Hook], copies: Tuple[_Source, ...]) -> Iterator[_Source]:
    replaced = {hook.name for hook, _ in copies}
    return ((hook, False) for hook in hooks if hook.name not in replaced)


def _copies(operation: Operation, inputs: Inputs) -> Tuple[_Source, ...]:
    """Return pre's copies of the undos that are gone or refused today."""
    if not operation.kept_undos:
        return ()
    today = {hook.name: hook for hook in inputs.hooks}
    found = []
    for kept in operation.kept_undos:
        hook = today.get(kept.hook)
        why = _why_not_itself(kept, hook)
        if kept.file and why:
            copy = Hook(
                Phase.ON_EXIT,
                kept.hook,
                kept.file,
                reason=f"runs from pre's copy: {kept.hook} {why}",
                spec=kept.spec,
                sha256=kept.sha256,
            )
            found.append((copy, True))
    return tuple(found)


def _why_not_itself(kept: UndoKept, hook: Optional[Hook]) -> str:
    """Say why the undo that pre kept is not run as it is today; a masked one is not run at all."""
    if hook is None:
        return "is gone"
    if hook.state in (HookState.REFUSED, HookState.LEFT_OUT):
        return hook.reason
    if hook.state is HookState.READY and hook.spec.undoes != kept.undoes:
        return f"no longer undoes {kept.undoes}"
    return ""


def _undo_fate(
    hook: Hook,
    done: Optional[HookRun],
    pre_hook: str,
    run: PhaseRun,
    inputs: Inputs,
    *,
    from_copy: bool,
) -> Fate:
    held = _why_held(hook, run, inputs) or inputs.stop_undos
    if not held and hook.state is not HookState.READY:
        held = f"pre kept no copy, and today {hook.name} {hook.reason}"
    if held:
        return Fate(hook, held, HookOutcome.OUTSTANDING, undo_of=pre_hook)
    reason = hook.reason if from_copy else f"puts back what {pre_hook} took away"
    fate = _to_run(hook, done, reason, pre_hook)
    return Fate(hook, fate.reason, None, fate.try_, pre_hook, from_copy)


def _plain_fate(
    operation: Operation,
    hook: Hook,
    done: Optional[HookRun],
    run: PhaseRun,
    inputs: Inputs,
) -> Fate:
    if hook.state is HookState.READY and hook.spec.undoes:
        name = hook.spec.undoes
        was_owed = name[len("pre/") :] in owed_pre_hooks(operation)
        reason = f"{name} is put back already" if was_owed else f"{name} took nothing away"
        return Fate(hook, reason, HookOutcome.SKIPPED, undo_of=name)
    return _fate(hook, done, _why_held(hook, run, inputs) or inputs.stop)


def _why_held(hook: Hook, run: PhaseRun, inputs: Inputs) -> str:
    if hook.state is HookState.MASKED:
        return "masked by the admin" if not hook.reason else hook.reason
    when, path = hook.spec.when, inputs.path.value if inputs.path else "unknown"
    if when and path not in when:
        return f"runs on {', '.join(when)}; the path is {path}"
    unhealthy = run.health in (Health.FAILED, Health.UNKNOWN)
    is_judged = run.checked_n > 0 and run.checked_n >= run.changed_n
    if hook.spec.only_if_healthy and unhealthy and is_judged:
        return f"waits until the machine is healthy; health is {run.health}"
    return ""


FATES = {Phase.PRE: _pre_fates, Phase.POST: _post_fates, Phase.ON_EXIT: _on_exit_fates}
