"""`hookd run PHASE`: execute a phase, or print what it would do."""

from __future__ import annotations

import os
import sys

from hookd.commands.context import Context, print_json, say
from hookd.core.codec import encode
from hookd.core.model import Phase
from hookd.engine.call import run_phase
from hookd.engine.calling import Request
from hookd.engine.forecast import forecast
from hookd.engine.reply import reply
from hookd.errors import Exit, HookdError
from hookd.system import streams


def run(
    context: Context,
    phase: str,
    operation_id: str,
    deadline: float | None,
    *,
    dry_run: bool,
    joined: tuple[tuple[str, int], ...] = (),
) -> int:
    """Return the exit code of the phase. `deadline` is in seconds.

    `joined` are attempts that the service had begun for this call before it was lost.
    """
    if os.environ.get("HOOKD_HOOK"):
        message = "hookd run cannot be called by a hook of hookd"
        raise HookdError(message, hint="`hookd show` and `hookd status` can", code=Exit.USAGE)
    request = Request(
        Phase(phase), context.began, operation_id, deadline, pid=os.getpid(), joined=joined
    )
    if dry_run:
        return _dry_run(context, request)
    machine = context.machine()
    for problem in machine.loaded.problems:
        if problem.is_warning:
            print(f"warning: {problem}", file=sys.stderr)
    with context.observing(machine) as observer:
        answer = run_phase(machine, request, observer)
    with streams.unfailing():
        sys.stdout.write(reply(machine, answer, as_json=context.as_json))
    return answer.exit_code


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
