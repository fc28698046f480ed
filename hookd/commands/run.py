"""`hookd run PHASE`: execute a phase, or print what it would do."""

from __future__ import annotations

import os
import sys

from hookd.commands.context import Context, print_json, say
from hookd.core.codec import encode
from hookd.core.model import Phase
from hookd.engine.call import Answer, Request, run_phase
from hookd.engine.forecast import forecast
from hookd.errors import Exit, HookdError
from hookd.report.live import live_observer
from hookd.report.summary import summary
from hookd.system import streams
from hookd.system.results import result_path


def run(
    context: Context, phase: str, operation_id: str, deadline: float | None, *, dry_run: bool
) -> int:
    """Return the exit code of the phase. `deadline` is in seconds."""
    if os.environ.get("HOOKD_HOOK"):
        message = "hookd run cannot be called by a hook of hookd"
        raise HookdError(message, hint="`hookd show` and `hookd status` can", code=Exit.USAGE)
    request = Request(Phase(phase), context.began, operation_id, deadline)
    if dry_run:
        return _dry_run(context, request)
    machine = context.machine()
    for problem in machine.loaded.problems:
        if problem.is_warning:
            print(f"warning: {problem}", file=sys.stderr)
    with live_observer(sys.stderr, verbose=context.verbose > 0) as observer:
        answer = run_phase(machine, request, observer)
    where = result_path(machine.state, answer.operation.id)
    with streams.unfailing():
        if context.as_json:
            print_json(answer.document)
        else:
            sys.stdout.write(_summary(answer, where))
    return answer.exit_code


def _summary(answer: Answer, where: str) -> str:
    phase = next(
        entry
        for entry in reversed(answer.document["phases"])
        if (entry["phase"], entry["attempt"]) == (answer.run.phase.value, answer.run.attempt)
    )
    note = "this is the record of a phase that had ended before" if answer.is_recorded else ""
    return summary(answer.document, phase, where, note)


def _dry_run(context: Context, request: Request) -> int:
    actions = forecast(context.machine(), request)
    if context.as_json:
        print_json([encode(action) for action in actions])
        return Exit.OK
    for action in actions:
        names = ", ".join(fate.hook.name for fate in action.fates)
        what = " ".join(part for part in (action.do.value, names, action.snapshot) if part)
        if action.outcome is not None:
            what += f" {action.outcome}"
        elif action.fates and action.fates[0].outcome is not None:
            what += f" ({action.fates[0].outcome})"
        say(f"{what}: {action.reason}")
    return Exit.OK
