"""How a phase ends: the last judging, the exit code, the operation closed, the results written."""

from __future__ import annotations

import resource
from typing import TYPE_CHECKING, Any

from hookd.core.answer import as_ended, exit_codes, final_outcome
from hookd.core.belong import Again
from hookd.core.budget import Budget
from hookd.core.due import Act, due
from hookd.core.journal import Body, Checked, OperationClosed, PhaseEnded
from hookd.core.judge import Judgement
from hookd.core.model import CallerKind, Liveness, Phase, PhaseOutcome
from hookd.core.operation import Operation, PhaseRun
from hookd.core.plan import Action
from hookd.core.undo import outstanding
from hookd.engine.publishing import publish
from hookd.system import clock
from hookd.system.process.memory import peak_rss_kb
from hookd.system.record import Record

if TYPE_CHECKING:
    from hookd.engine.phase import Engine


def end_phase(engine: Engine, action: Action) -> PhaseRun:
    """Judge for the last time, record how the phase ended, close, publish; return the attempt."""
    found = engine.judge()
    veto = engine.shop.machine.loaded.config.post.veto
    planned = action.outcome or PhaseOutcome.PASSED
    outcome, reason = final_outcome(engine.phase, planned, action.reason, found.checks, veto)
    ended, run = as_ended(engine.operation, engine.phase, outcome, reason)
    judgement = engine.judge(ended)  # the verdict must know how the phase ends
    own = tuple(check for check in judgement.checks if check.phase == engine.phase.value)
    bodies: list[Body] = [Checked(engine.phase, own, judgement.health)]
    bodies.append(_ended(engine, run, judgement))
    if engine.phase is Phase.ON_EXIT and _may_close(engine, ended, outcome):
        way = judgement.way
        bodies.append(OperationClosed(way.path, judgement.verdict, way.reason))
    engine.record.add(*bodies)
    publish(engine.shop.machine, engine.record, judgement, engine.hooks)
    return engine.current


def _ended(engine: Engine, run: PhaseRun, judgement: Judgement) -> PhaseEnded:
    deserved, given = exit_codes(
        run,
        judgement,
        by_ssm=engine.caller.is_ssm,
        cancelled=bool(engine.shop.signals.reason),
    )
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return PhaseEnded(
        engine.phase,
        run.attempt,
        run.outcome,
        int(deserved),
        int(given),
        run.reason,
        round(clock.up_s() - run.started_up_s, 3),
        round(sum(one.ru_utime + one.ru_stime for one in used), 3),
        peak_rss_kb(),
    )


def _may_close(engine: Engine, ended: Operation, outcome: PhaseOutcome) -> bool:
    """Whether on-exit closes the operation: not if it was cancelled, nor while undos are retried.

    An operation that is ended for the next one closes with what it owes, unless time ran out.
    """
    if not ended.had_on_exit:
        return False
    machine, patience = engine.shop.machine, engine.shop.machine.patience()
    if not outstanding(ended, engine.hooks) or not patience.enabled or not ended.is_open:
        return True
    if engine.closes:
        return outcome is not PhaseOutcome.TIMED_OUT
    return due(ended, Liveness.UNKNOWN, machine.moment(), patience).act is Act.CLOSE


def run_older(engine: Engine, operation_id: str) -> dict[str, Any]:
    """Run what an older operation still owes, in its own journal; return what became of it."""
    from hookd.engine.phase import Engine as OtherEngine  # noqa: PLC0415 - they need each other

    machine = engine.shop.machine
    lock = machine.state.operation_lock(operation_id)
    if not lock.take():
        return {"operation": operation_id, "outcome": "busy"}
    record = Record(machine.state, operation_id, machine.boot.boot_id)
    record.may_spill = True
    try:
        record.open()
        before = [undo.hook for undo in outstanding(record.operation)]
        now = clock.up_s()
        budget = Budget(now, max(now, engine.budget.undos_until), engine.budget.ruled_by)
        other = OtherEngine(
            engine.shop,
            record,
            Phase.ON_EXIT,
            CallerKind.RECOVERY,
            budget,
            only_undos=True,
            closes=True,
        )
        other.run(Again.RESUME)
        left = [undo.hook for undo in outstanding(record.operation)]
    finally:
        record.listener = None
        record.close()
        lock.release()
    return {
        "operation": operation_id,
        "outcome": "outstanding" if left else "done",
        "hooks": before,
        "left": left,
    }
