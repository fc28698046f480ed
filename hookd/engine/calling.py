"""A call as it comes in: its phase, who calls, and what the SSM agent's files tell of its run."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Callable, Iterator

from hookd.aws import caller, patchstate, runfiles
from hookd.core import patch, runid, steptime
from hookd.core.belong import Call
from hookd.core.called import CALLS, NOBODY, NOTHING, SUBJECT, Called, Facts, count, folder, merged
from hookd.core.host import HOST, agent_version
from hookd.core.journal import Body, Noted, Observed
from hookd.core.model import CallerKind, Phase
from hookd.core.operation import Operation
from hookd.core.slot import INSTALL, Slot, expected_phases
from hookd.core.snapshot import Snapshot
from hookd.errors import Exit, HookdError
from hookd.system.caller import Caller
from hookd.system.machine import Machine
from hookd.system.state import is_operation_id


@dataclass(frozen=True)
class Request:
    """What the caller wants. `identity` is an operation's id, else a run id, else empty.

    `began` is when the calling script began (CLOCK_BOOTTIME seconds). `joined` are attempts that
    the caller had begun elsewhere; `turn` is told which operation and attempt became its own.
    `pid` is the process that calls, 0 when it cannot be seen. `caller_processes` are watched: when
    one of them is gone the phase ends by `[run] on_caller_lost`.
    """

    phase: Phase
    began: float
    identity: str = ""
    deadline_s: float | None = None
    pid: int = 0
    caller_processes: tuple[Caller, ...] = ()
    joined: tuple[tuple[str, int], ...] = ()
    turn: Callable[[str, int], None] = lambda _operation, _attempt: None
    due: Callable[[float, Exit], None] = lambda _at, _late: None
    called: Called = NOBODY
    facts: Facts = NOTHING

    @property
    def caller(self) -> CallerKind:
        return self.called.kind

    @property
    def call(self) -> Call:
        slot = self.called.slot.value if self.called.slot else ""
        if is_operation_id(self.identity):
            return Call(self.phase, operation_id=self.identity, slot=slot)
        run_id = runid.canonical(self.identity) if self.identity else self.called.run_id
        return Call(self.phase, run_id=run_id, slot=slot)

    @property
    def step_s(self) -> float | None:
        """What hookd may take of the calling step's time, None when no step of SSM calls."""
        seconds = count(self.facts.known, "timeout_s")
        return None if seconds is None else steptime.allowed_s(seconds)


def understood(machine: Machine, request: Request) -> Request:
    """Return `request` with who called, what its run's files tell, and the phase of its slot.

    Raises HookdError for what a pre slot must not call, and when the caller is gone already.
    """
    called = caller.identify(request.pid) if request.pid else NOBODY
    if any(process.is_gone for process in request.caller_processes):
        raise HookdError("the caller is gone, nothing was done", code=Exit.INTERRUPTED)
    found = _of_its_run(replace(request, called=called))
    if called.began is not None:
        found = replace(found, began=called.began)
    if called.process is not None and called.process[0] != request.pid:
        script = Caller(*called.process)
        found = replace(found, caller_processes=(*found.caller_processes, script))
    facts = runfiles.look(machine.root, found.call.run_id or called.run_id, called)
    if called.slot is None or called.slot.phase is request.phase:
        return replace(found, facts=facts)
    if called.slot is Slot.PRE:
        message = f"the document in the slot {called.slot} calls `hookd run {request.phase}`"
        hint = "nothing was run: there it has to call `hookd run pre`"
        raise HookdError(message, hint=hint, code=Exit.FAILED)
    asked = Facts({**facts.known, "called": request.phase.value}, facts.sources, facts.unknown)
    return replace(found, phase=called.slot.phase, facts=asked)


def _of_its_run(request: Request) -> Request:
    """Return `request` without an id that is its association's: every run of it would be one."""
    association, run = runid.parts(request.called.run_id)
    if not run or runid.canonical(request.identity) != association:
        return request
    doubt = f"--operation-id {association} is the association's on each of its runs: not taken"
    called = replace(request.called, problems=(*request.called.problems, doubt))
    return replace(request, identity="", called=called)


def expected(machine: Machine, request: Request) -> tuple[Phase, ...]:
    """Return the phases that will be called: those configured, less the slots that are empty."""
    noop = request.facts.known.get("noop_slots") or ()
    slot = request.called.slot.value if request.called.slot else ""
    return expected_phases(machine.loaded.config.run.phases, noop, slot)


def observed(
    machine: Machine, operation: Operation, phase: Phase, request: Request | None
) -> Iterator[Body]:
    """Yield what is to be journalled of `request`, or of a look that recovery takes by itself.

    A call from another run (a scheduled reboot, or by an operation's id) tells of itself only:
    what is known of the operation's run stays, and is looked at anew.
    """
    run_id = operation.opened.run_id
    facts = request.facts if request else NOTHING
    if run_id and facts.known.get("run_id") != run_id:
        own = runfiles.look(machine.root, run_id)
        known = {name: facts.known[name] for name in CALLS if name in facts.known}
        sources = {name: facts.sources[name] for name in known if name in facts.sources}
        facts = Facts({**own.known, **known}, {**own.sources, **sources}, own.unknown)
    known = merged(operation.observed.get(SUBJECT), facts)
    if facts.known:
        yield Observed(SUBJECT, known)
    if runid.parts(run_id)[0]:
        state = patchstate.read(machine.root)
        entered = folder(known, INSTALL)
        yield Observed(patch.SUBJECT, patch.looked(operation, phase, state, entered))
    doubts = (Noted("caller.doubt", one) for one in (request.called.problems if request else ()))
    yield from (doubt for doubt in doubts if doubt not in operation.notes)


def agent_of(look: Snapshot) -> Iterator[Body]:
    """Yield what `look` tells of the SSM agent itself."""
    version = agent_version(look)
    if version:
        yield Observed(HOST, {"agent_version": version})
