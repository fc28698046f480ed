"""Executes the plan of one phase of one operation, its first action first.

Nothing is remembered here that the journal does not say: an action is planned, done, recorded and
folded, and then everything is planned anew. Read it from `Engine.run` down.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, field, replace
from typing import Callable, Iterable, Iterator

from hookd.core.belong import Again
from hookd.core.budget import DEADLINE_REACHED, Budget
from hookd.core.checking import hook_digests
from hookd.core.fates import Fate, Inputs, retry_delay_s, settled_of
from hookd.core.journal import Checked, HookSpawned, Observed, PhaseStarted
from hookd.core.judge import Judgement, judge
from hookd.core.model import CallerKind, Health, Hook, HookOutcome, HookState, Phase, PhaseOutcome
from hookd.core.operation import Operation, PhaseRun
from hookd.core.plan import Action, Do, steps
from hookd.core.undo import outstanding, time_owed
from hookd.engine import calling, ending, looking, precheck, publishing, settling
from hookd.engine.calling import Request
from hookd.engine.surroundings import surroundings_of
from hookd.report.observer import Observer
from hookd.system import clock
from hookd.system.hooks import copies, tries
from hookd.system.hooks.discovery import inspect, is_unchanged
from hookd.system.hooks.execution import Surroundings
from hookd.system.machine import Machine
from hookd.system.process.children import Children
from hookd.system.process.table import read_process
from hookd.system.record import Record
from hookd.system.signals import Signals


@dataclass(frozen=True)
class Workshop:
    """What every phase that this process executes has in common."""

    machine: Machine
    children: Children
    signals: Signals
    observer: Observer


@dataclass
class Engine:
    """One phase of `record`'s operation, for `request` or, without one, for recovery.

    `only_undos`: nothing is run but what is still owed. `closes`: the operation closes with this
    on-exit even when undos stay outstanding; with both it is part of another one, which has
    settled. `owing` are older operations whose undos this on-exit runs as well, newest first.
    """

    shop: Workshop
    record: Record
    phase: Phase
    caller: CallerKind
    budget: Budget
    request: Request | None = None
    only_undos: bool = False
    closes: bool = False
    hooks: tuple[Hook, ...] = ()
    all_hooks: tuple[Hook, ...] = ()
    undo_hooks: tuple[Hook, ...] = ()
    settled: int = 0
    judgement: Judgement | None = None
    around: Surroundings | None = None
    owing: list[str] = field(default_factory=list)
    unsynced: bool = False
    forecast: Iterator[Action] = iter(())
    ahead: tries.Ahead = field(default_factory=tries.Ahead)

    def run(self, again: Again) -> PhaseRun:
        """Execute the phase to its end and return how it ended.

        Raises JournalUnwritable when pre or post may not go on because nothing can be recorded.
        """
        self.record.listener = self.shop.observer.event
        self.record.may_spill = self.phase is Phase.ON_EXIT
        self._start(again)
        while True:
            self._note_lost_caller()
            self.forecast = steps(self.operation, self._inputs())
            action = next(self.forecast)
            if self.unsynced and action.do not in (Do.RUN, Do.PASS_OVER):
                self.record.sync()
                self.unsynced = False
            if action.do is Do.END:
                self._note_lost_caller(at_once=True)
                return ending.end_phase(self, action)
            self._acts()[action.do](action)

    def _acts(self) -> dict[Do, Callable[[Action], None]]:
        return {
            Do.KEEP_UNDO: self._keep_undo,
            Do.SETTLE: lambda _: settling.settle(self),
            Do.LOOK: lambda action: looking.look(self, action),
            Do.JUDGE: self._judge,
            Do.PASS_OVER: lambda action: self._pass_over(action.fates),
            Do.RUN: self._run,
            Do.INHERIT: self._inherit,
        }

    @property
    def operation(self) -> Operation:
        return self.record.operation

    @property
    def current(self) -> PhaseRun:
        run = self.operation.last(self.phase)
        if run is None:
            raise ValueError("the phase has not started")
        return run

    def _start(self, again: Again) -> None:
        last = self.operation.last(self.phase)
        resumed = again is Again.RESUME and last is not None
        attempt = 1 if last is None else last.attempt + (0 if resumed else 1)
        me = read_process(os.getpid())
        started = PhaseStarted(
            self.phase,
            attempt,
            self.caller,
            os.getpid(),
            me.started if me else 0.0,
            round(self.budget.length_s, 3),
            self.budget.ruled_by,
            resumed,
        )
        machine = self.shop.machine
        noted = (*precheck.reserved(self.record, self.phase), *precheck.held(machine))
        seen = calling.observed(machine, self.operation, self.phase, self.request)
        self.record.add(started, *noted, *seen, *self._discover(), sync=False)
        publishing.announce(machine, self.record)
        if self.phase is not Phase.PRE:
            owed = {undo.hook for undo in outstanding(self.operation, self.hooks)}
            self.undo_hooks = tuple(hook for hook in self.undo_hooks if hook.name in owed)
        if self.phase is Phase.ON_EXIT:
            self.budget = replace(self.budget, undos_s=time_owed(self.operation, self.hooks))
        if self.phase is Phase.ON_EXIT and not self.only_undos:
            older = precheck.older_undos(self.shop.machine, but=self.record.id)
            self.owing = [operation_id for operation_id, _ in older]

    def _discover(self) -> Iterable[Observed]:
        """Find the hooks of all phases; what is overridden counts as wanted from here on."""
        found = self.shop.machine.discover_all()
        overridden = precheck.active_override(self.shop.machine)
        hooks = [hook for one in found.values() for hook in one.hooks]
        self.all_hooks = tuple(_as_wanted(h) if h.id in overridden else h for h in hooks)
        self.hooks = tuple(hook for hook in self.all_hooks if hook.phase is self.phase)
        ready = (h for h in self.all_hooks if h.spec.undoes and h.state is HookState.READY)
        self.undo_hooks = tuple(ready)
        if overridden:
            yield Observed("override.hooks", sorted(overridden))
        if self.phase is Phase.PRE:
            yield Observed("hooks", hook_digests(self.all_hooks))
        unreadable = [str(problem) for problem in found[self.phase].unreadable]
        if unreadable != (self.operation.observed.get("hooks.unreadable") or []):
            yield Observed("hooks.unreadable", unreadable)

    def _inputs(self) -> Inputs:
        now, cancelled = clock.up_s(), self.shop.signals.reason
        late = DEADLINE_REACHED if now >= self.budget.hooks_until else ""
        late_undos = DEADLINE_REACHED if now >= self.budget.undos_until else ""
        on_exit = self.phase is Phase.ON_EXIT
        self.settled = settled_of(self.current, self.hooks, self.settled)
        return Inputs(
            self.phase,
            self.hooks,
            self.undo_hooks,
            self.judgement.way.path if self.judgement and on_exit else None,
            cancelled or late,
            cancelled or late_undos,
            PhaseOutcome.INTERRUPTED if cancelled else PhaseOutcome.TIMED_OUT,
            self.only_undos,
            () if cancelled else tuple(self.owing),
            self.settled,
            self.shop.machine.rests and not (self.only_undos and self.closes),
        )

    def _note_lost_caller(self, *, at_once: bool = False) -> None:
        watch, run = self.shop.signals.watch, self.current
        if not watch.look(at_once=at_once):
            return
        how = "cancel" if watch.cancels else "finish"
        lost = {"phase": self.phase.value, "attempt": run.attempt, "then": how}
        if self.operation.observed.get("caller.lost") != lost:
            self.record.add(Observed("caller.lost", lost))

    def _keep_undo(self, action: Action) -> None:
        kept = [copies.keep(fate.hook, self.record.folder) for fate in action.fates]
        self.record.add(*kept, sync=False)

    def judge(self, operation: Operation | None = None) -> Judgement:
        """Judge the operation as it stands now (or as given), without recording it."""
        config, snapshots = self.shop.machine.loaded.config, self.record.snapshots()
        found, ignore = operation or self.operation, config.verify.ignore
        return judge(found, snapshots, config.checks, self.phase, self.all_hooks, ignore)

    def _judge(self, _action: Action) -> None:
        unreadable = self.operation.observed.get("hooks.unreadable") or ()
        before = precheck.judge_before(self.shop.machine, self.phase, unreadable)
        before += precheck.judge_slot(self.shop.machine, self.phase, self.request)
        self.record.add(Checked(self.phase, tuple(before)), sync=False)
        self.judgement = self.judge()
        own = [check for check in self.judgement.checks if check.phase == self.phase.value]
        self.record.add(Checked(self.phase, tuple(own), self.judgement.health), sync=False)

    def _pass_over(self, fates: Iterable[Fate]) -> None:
        bodies = (tries.passed_over(self.phase, self.current.attempt, fate) for fate in fates)
        self.record.add(*bodies, sync=False)

    def _run(self, action: Action) -> None:
        fates = tuple(self._still_itself(fate) for fate in action.fates)
        refused = [fate for fate in fates if fate.outcome is not None]
        if refused:
            self._pass_over(refused)
            return
        self._wait_to_try_again(fates)
        undoing = any(fate.undo_of for fate in fates)
        until = self.budget.undos_until if undoing else self.budget.hooks_until
        config = self.shop.machine.loaded.config.run
        health = self.current.health if self.phase is Phase.ON_EXIT else Health.UNKNOWN
        cgroup, most = self.shop.children.cgroups.path, config.max_parallel
        around = self._around()
        group = tries.Group(around, fates, health.value, until, most, cgroup, self.ahead)
        self.record.add(*(group.started(fate) for fate in fates))
        self.unsynced = True
        listener = tries.Listener(
            lambda body: self._spawned(body, group),
            lambda body: self.record.add(body, sync=False),
            self.shop.observer.output,
            lambda: self.shop.signals.reason,
        )
        tries.run_group(self.shop.children, group, listener)

    def _spawned(self, body: HookSpawned, group: tries.Group) -> None:
        """While the one hook of `group` runs, make ready what the forecast says comes next."""
        self.record.add(body, sync=False)
        following = next(self.forecast, None) if len(group.fates) == 1 else None
        if following is not None and following.do is Do.RUN and len(following.fates) == 1:
            self.ahead.make(group.around, following.fates[0], group.health)

    def _around(self) -> Surroundings:
        self.around = self.around or surroundings_of(self)
        return self.around

    def _still_itself(self, fate: Fate) -> Fate:
        """Examine a hook again that changed since it was discovered; a copy by its digest."""
        hook = fate.hook
        if fate.from_copy:
            if copies.is_intact(hook.path, hook.sha256):
                return fate
            return replace(fate, outcome=HookOutcome.REFUSED, reason="pre's copy was changed")
        if is_unchanged(hook):
            return fate
        machine = self.shop.machine
        now = inspect(machine.root, hook, machine.loaded.config)
        self.hooks = tuple(now if one.name == hook.name else one for one in self.hooks)
        if now.state is HookState.READY:
            return replace(fate, hook=now)
        return replace(fate, hook=now, outcome=HookOutcome.REFUSED, reason=now.reason)

    def _wait_to_try_again(self, fates: tuple[Fate, ...]) -> None:
        until = min(clock.up_s() + retry_delay_s(self.current, fates), self.budget.hooks_until)
        while clock.up_s() < until and not self.shop.signals.reason:
            time.sleep(min(0.1, max(0.0, until - clock.up_s())))

    def _inherit(self, action: Action) -> None:
        """Run the undos that an older operation still owes, as part of that operation."""
        self.owing.remove(action.operation)
        outcome = ending.run_older(self, action.operation)
        known = self.operation.observed.get("inherited_undos") or []
        self.record.add(Observed("inherited_undos", [*known, outcome]))


def _as_wanted(hook: Hook) -> Hook:
    return replace(hook, spec=replace(hook.spec, required=False))
