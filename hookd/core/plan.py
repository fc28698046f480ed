"""What is left to do in a phase: a tuple of actions with reasons, a pure function of its inputs.

The engine executes the first action, journals it, folds and plans again until only `end` is left,
so a crash between two actions is no special case; `--dry-run` prints the whole tuple.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Iterable, Iterator, Optional, Tuple

from hookd.core import rest
from hookd.core.fates import FATES, Fate, Inputs, how, was_cut, why_pre_failed
from hookd.core.model import Name, Phase, PhaseOutcome
from hookd.core.operation import HookRun, Operation, PhaseRun
from hookd.core.verdict import is_bad

ARRIVAL = {Phase.PRE: "before", Phase.POST: "installed", Phase.ON_EXIT: "arrived"}
DEPARTURE = {Phase.PRE: "ready", Phase.POST: "leaving", Phase.ON_EXIT: "after"}


class Do(Name):
    KEEP_UNDO = "keep-undo"
    SETTLE = "settle"
    LOOK = "look"
    JUDGE = "judge"
    RUN = "run"
    PASS_OVER = "pass-over"
    INHERIT = "inherit"
    END = "end"


@dataclass(frozen=True)
class Action:
    """One thing to do next. `fates` belong to run and pass-over, `snapshot` to look.

    `operation` is the older operation whose undos are run (inherit).
    """

    do: Do
    reason: str
    fates: Tuple[Fate, ...] = ()
    snapshot: str = ""
    same_as: str = ""
    operation: str = ""
    outcome: Optional[PhaseOutcome] = None


def plan(operation: Operation, inputs: Inputs) -> Tuple[Action, ...]:
    """Return all that is left to do if nothing unexpected happens: the forecast."""
    return tuple(steps(operation, inputs))


def steps(operation: Operation, inputs: Inputs) -> Iterator[Action]:
    """Yield what is left to do; the first is what the engine does now, the last is `end`."""
    run = operation.last(inputs.phase)
    if run is None:
        raise ValueError("the phase has not started")
    yield from _keep_undos(operation, inputs)
    yield from _arrive(operation, run, inputs)
    yield from _judge_first(run)
    changes = bool(inputs.older)
    for action in _grouped(FATES[inputs.phase](operation, run, inputs), operation, run):
        changes = changes or action.do is Do.RUN
        yield action
    for older in inputs.older:
        yield Action(Do.INHERIT, "it still owes undos", operation=older)
    yield from _depart(operation, run, changes=changes)
    yield end(operation, run, inputs)


def _keep_undos(operation: Operation, inputs: Inputs) -> Iterator[Action]:
    kept = {one.hook for one in operation.kept_undos}
    for hook in inputs.undo_hooks:
        if hook.name not in kept:
            reason = f"{hook.spec.undoes} may need it even if it is gone by then"
            yield Action(Do.KEEP_UNDO, reason, (Fate(hook, reason),))


def _arrive(operation: Operation, run: PhaseRun, inputs: Inputs) -> Iterator[Action]:
    """Look once an attempt, and on-exit once more after a boot; `before` is never retaken."""
    since = 0 if run.phase is Phase.PRE else run.started_n
    if run.phase is Phase.ON_EXIT:
        since = max(since, operation.booted_n)
    name = ARRIVAL[run.phase]
    if operation.snapshot_n.get(name, 0) <= since:
        if run.phase is Phase.ON_EXIT and inputs.rests and not rest.has_waited(operation, run):
            yield Action(Do.SETTLE, "what is still starting would be taken for broken")
        yield Action(Do.LOOK, "before the first hook", snapshot=name)


def _depart(operation: Operation, run: PhaseRun, *, changes: bool) -> Iterator[Action]:
    name = DEPARTURE[run.phase]
    if operation.snapshot_n.get(name, 0) <= max(run.resumed_n, run.changed_n):
        attempts = [one for one in operation.phases if one.phase is run.phase]
        ran = any(hook.was_started for one in attempts for hook in one.hooks.values())
        ran = ran or changes or bool(operation.observed.get("inherited_undos"))
        same_as = "" if ran else ARRIVAL[run.phase]
        yield Action(Do.LOOK, "after the last hook", snapshot=name, same_as=same_as)


def _judge_first(run: PhaseRun) -> Iterator[Action]:
    if run.checked_n < run.resumed_n:
        yield Action(Do.JUDGE, "before the first hook")


def _grouped(fates: Iterable[Fate], operation: Operation, run: PhaseRun) -> Iterator[Action]:
    """Join neighbours: what is passed over at once, and hooks that may run at the same time."""
    group: Tuple[Fate, ...] = ()
    for fate in fates:
        if group and not _go_together(group[-1], fate):
            yield from _acted(group, operation, run)
            group = ()
        group = (*group, fate)
    if group:
        yield from _acted(group, operation, run)


def _go_together(one: Fate, other: Fate) -> bool:
    if one.outcome is not None or other.outcome is not None:
        return one.outcome is not None and other.outcome is not None
    if bool(one.undo_of) is not bool(other.undo_of):  # an undo has more time than the others
        return False
    both = one.hook.spec, other.hook.spec
    return all(spec.parallel and not spec.only_if_healthy for spec in both)


def _acted(group: Tuple[Fate, ...], operation: Operation, run: PhaseRun) -> Iterator[Action]:
    if group[0].outcome is not None:
        yield Action(Do.PASS_OVER, group[0].reason, group)
        return
    if group[0].hook.spec.only_if_healthy and run.checked_n < run.changed_n:
        why = f"{group[0].hook.name} runs only if healthy"
        if run.phase is Phase.ON_EXIT and _has_acted(operation, run):
            yield Action(Do.LOOK, why, snapshot=DEPARTURE[run.phase])
        yield Action(Do.JUDGE, why)
    yield Action(Do.RUN, group[0].reason, group)


def _has_acted(operation: Operation, run: PhaseRun) -> bool:
    """Whether a hook has started since the newest look: what it did has not been seen."""
    seen = (operation.snapshot_n.get(at[run.phase], 0) for at in (ARRIVAL, DEPARTURE))
    newest = max(seen)
    return any(hook.started_n > newest for hook in run.hooks.values())


def end(operation: Operation, run: PhaseRun, inputs: Inputs) -> Action:
    """Return the action that ends the phase, with its outcome and why."""
    hooks = tuple(run.hooks.values())
    if inputs.stop and inputs.stop_outcome is PhaseOutcome.INTERRUPTED:
        return Action(Do.END, inputs.stop, outcome=PhaseOutcome.INTERRUPTED)
    stops = [reason for reason in (inputs.stop, inputs.stop_undos) if reason]
    if any(hook.reason in stops for hook in hooks):
        return Action(Do.END, stops[0], outcome=inputs.stop_outcome)
    if run.phase is Phase.PRE:
        failed = why_pre_failed(operation, run, inputs)
        if failed:
            return Action(Do.END, failed, outcome=_pre_outcome(hooks))
    bad = [hook for hook in hooks if hook.required and is_bad(hook)]
    if bad:
        return Action(Do.END, f"{bad[0].name} {how(bad[0])}", outcome=PhaseOutcome.FAILED)
    return Action(Do.END, "all hooks done", outcome=PhaseOutcome.PASSED)


def _pre_outcome(hooks: Tuple[HookRun, ...]) -> PhaseOutcome:
    cut = any(was_cut(hook) for hook in hooks)
    return PhaseOutcome.INTERRUPTED if cut else PhaseOutcome.FAILED
