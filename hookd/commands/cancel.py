"""`hookd cancel`: end the running phase; its hook gets TERM, grace, KILL; on-exit stays owed."""

from __future__ import annotations

import os
import signal

from hookd.commands.context import Context, print_json, say
from hookd.errors import Exit, HookdError
from hookd.system.lock import holder


def cancel(context: Context) -> int:
    """Ask the engine of the running phase to end. Does not wait for it."""
    if os.environ.get("HOOKD_HOOK"):
        raise HookdError("hookd cancel cannot be called by a hook of hookd", code=Exit.USAGE)
    machine = context.machine()
    who = holder(machine.state.path("phase.lock"))
    if who is None:
        raise HookdError("no phase is running", hint="`hookd status` says what is open")
    try:
        os.kill(who.pid, signal.SIGTERM)
    except OSError as error:
        raise HookdError(f"{who} could not be ended: {error.strerror}") from error
    if context.as_json:
        print_json({"operation": who.operation, "phase": who.phase, "pid": who.pid})
    else:
        say(f"ending {who}")
    return Exit.OK
