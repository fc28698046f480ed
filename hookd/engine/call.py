"""One call of `hookd run PHASE`: which operation it belongs to, its turn, and its answer."""

from __future__ import annotations

from dataclasses import dataclass, replace

from hookd import __version__
from hookd.aws import agent, identity
from hookd.config import CallerLost, from_json
from hookd.core.belong import REBOOT_RUN, Again, Call, is_new_reboot
from hookd.core.budget import Budget, budget
from hookd.core.codec import CodecError
from hookd.core.journal import Observed, OperationOpened
from hookd.core.judge import Judgement, judge_recorded
from hookd.core.model import Phase, PhaseOutcome
from hookd.core.operation import Operation, PhaseRun
from hookd.core.verdict import deserved_exit, given_exit
from hookd.engine import baked
from hookd.engine.booted import follow_scheduled
from hookd.engine.calling import Request, expected, understood
from hookd.engine.cutoff import end_what_was_cut_off
from hookd.engine.phase import Engine, Workshop
from hookd.engine.publishing import publish
from hookd.engine.recovery import finish, run_owed, say
from hookd.errors import Exit, HookdError
from hookd.report.document import Document, document
from hookd.report.observer import Observer
from hookd.system import hold
from hookd.system.hooks.execution import to_replay
from hookd.system.journal import JournalUnwritable
from hookd.system.machine import Machine
from hookd.system.process.children import Children
from hookd.system.record import Record, merge_spilled
from hookd.system.signals import CallerWatch, Signals
from hookd.system.turn import Turn, Waiting, take


@dataclass(frozen=True)
class Answer:
    """What the caller gets. `is_recorded`: the phase had ended before, this is its record."""

    exit_code: int
    operation: Operation
    run: PhaseRun
    judgement: Judgement
    document: Document
    is_recorded: bool = False


def run_phase(machine: Machine, request: Request, observer: Observer) -> Answer:
    """Execute the phase, or wait for the one that does, and return its answer.

    Raises HookdError: busy, bad configuration, state that cannot be used.
    """
    request = understood(machine, request)
    try:
        return _run(machine, request, observer)
    except HookdError as error:
        error.code = _given(request, error.code)
        raise


def _given(request: Request, deserved: Exit) -> Exit:
    """Return what ends the call: to SSM a post is fine, it must not cost the reboot."""
    by_ssm = request.caller.is_ssm
    return given_exit(request.phase, deserved, by_ssm=by_ssm, failed=False)


def _run(machine: Machine, request: Request, observer: Observer) -> Answer:
    lost = machine.loaded.config.run.on_caller_lost[request.phase.value]
    cancels = lost is CallerLost.CANCEL
    watch = CallerWatch(request.caller_processes, cancels=cancels)
    with Signals(watch) as signals, Children() as children:
        shop = Workshop(machine, children, signals, observer)
        while True:
            turn = _take(shop, request)
            try:
                if not turn.end_first:
                    return _answer(_in_force(shop, turn), request, turn)
                _end_first(shop, request, turn)
            except JournalUnwritable as error:
                raise _unwritable(request, str(error)) from error
            finally:
                turn.give_back()


def _take(shop: Workshop, request: Request) -> Turn:
    machine = shop.machine
    if request.phase is Phase.PRE and machine.loaded.errors:
        problems = "\n".join(str(problem) for problem in machine.loaded.errors)
        message = f"the configuration does not load:\n{problems}"
        raise HookdError(message, hint="`hookd check` shows all problems", code=Exit.CONFIG)
    allowed = _budget(machine, request)
    request.due(allowed.ends_at, _given(request, Exit.DEADLINE))
    waiting = Waiting(allowed.ends_at, shop.observer.waiting, lambda: shop.signals.reason)
    try:
        machine.state.prepare()
        here = identity.settled(machine)
        for foreign in baked.set_aside(machine, here):
            shop.observer.waiting(f"operation {foreign} came with the image and is left alone")
        merge_spilled(machine.state, machine.boot.boot_id)
        return take(
            machine.state,
            request.call,
            machine.moment(),
            machine.patience(),
            lambda name, number: _opened(machine, request, here, name, number),
            waiting,
            request.joined,
            agent.watch(machine.root, machine.boot.boot_id).see,
        )
    except (OSError, JournalUnwritable) as error:
        more = _owed_all_the_same(shop, allowed) if request.phase is Phase.ON_EXIT else ""
        raise _unwritable(request, str(error) + more) from error


def _owed_all_the_same(shop: Workshop, allowed: Budget) -> str:
    """Run what older operations owe although this on-exit gets none of its own; say so."""
    done = run_owed(shop, allowed)
    return "".join(f"\nthe undos that operation {name} owed: {end}" for name, end in done)


def _budget(machine: Machine, request: Request) -> Budget:
    configured = machine.loaded.config.run.deadline_s
    return budget(
        request.began, asked_s=request.deadline_s, configured_s=configured, step_s=request.step_s
    )


def _unwritable(request: Request, why: str) -> HookdError:
    hint = "see `df -h` and `findmnt -T /var/lib/hookd`: full, or mounted read-only?"
    return HookdError(f"{request.phase} failed: state cannot be written: {why}", hint=hint)


def _opened(
    machine: Machine, request: Request, here: dict[str, str], name: str, number: int
) -> OperationOpened:
    return OperationOpened(
        name,
        number,
        request.call.run_id,
        request.caller,
        __version__,
        machine.loaded.document,
        machine.loaded.sha256,
        expected(machine, request),
        to_replay(machine.environment),
        here,
        str(machine.root),
    )


def _in_force(shop: Workshop, turn: Turn) -> Workshop:
    """When today's configuration does not load, the one that pre journalled stays in force."""
    machine = shop.machine
    if not machine.loaded.errors:
        return shop
    try:
        config = from_json(turn.record.operation.opened.config)
    except CodecError:
        return shop
    return replace(shop, machine=replace(machine, loaded=replace(machine.loaded, config=config)))


def _answer(shop: Workshop, request: Request, turn: Turn) -> Answer:
    record = turn.record
    if turn.again is Again.FOLLOW_UP:
        who = agent.Agent(shop.machine.root)
        follow_scheduled(shop.machine, record, who, request.call.run_id)
    if turn.again in (Again.RECORDED, Again.FOLLOW_UP) and turn.run is not None:
        return _recorded(shop, record, turn.run, request.call)
    request.turn(record.id, say(turn, request.phase))
    if is_new_reboot(record.operation, request.call):
        record.add(Observed(REBOOT_RUN, request.call.run_id), sync=False)
    end_what_was_cut_off(record, shop.machine.boot.boot_id, request.phase, turn.again)
    allowed = _budget(shop.machine, request)
    engine = Engine(shop, record, request.phase, request.caller, allowed, request)
    run = engine.run(turn.again)
    found = engine.judge()
    code = run.process_exit if run.process_exit is not None else int(Exit.BUG)
    result = document(record.operation, found, __version__)
    return Answer(code, record.operation, run, found, result)


def _recorded(shop: Workshop, record: Record, run: PhaseRun, call: Call) -> Answer:
    found = judge_recorded(record.operation, record.snapshots())
    publish(shop.machine, record, found)
    code = run.process_exit if run.process_exit is not None else int(Exit.BUG)
    if record.operation.observed.get(REBOOT_RUN) == call.run_id and call.is_after_reboot:
        code = int(deserved_exit(Phase.ON_EXIT, PhaseOutcome.PASSED, found.verdict))
    result = document(record.operation, found, __version__)
    return Answer(code, record.operation, run, found, result, is_recorded=True)


def _end_first(shop: Workshop, request: Request, turn: Turn) -> None:
    """A pre that finds a dead operation runs its on-exit first, with what its deadline leaves.

    A hold fails pre without that: while it is in force no hook is started that SSM did not ask for.
    """
    held = hold.read(shop.machine.state)
    if held:
        hint = f"operation {turn.record.id} is to be ended first; `hookd hold --release`"
        raise HookdError(f"pre failed: held: {held}", hint=hint)
    shop.observer.waiting(f"ending operation {turn.record.id} first: {turn.reason}")
    allowed = _budget(shop.machine, request)
    ended = finish(_in_force(shop, turn), turn, allowed, closes=True, asked_by="pre")
    if ended.outcome in (PhaseOutcome.TIMED_OUT, PhaseOutcome.INTERRUPTED):
        message = f"operation {turn.record.id} could not be ended within the deadline"
        hint = "`hookd status` says what is left; `hookd recover` goes on"
        is_late = ended.outcome is PhaseOutcome.TIMED_OUT
        raise HookdError(message, hint=hint, code=Exit.DEADLINE if is_late else Exit.INTERRUPTED)
