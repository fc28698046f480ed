"""Ends the running phase, whoever executes it: its hook gets TERM, grace, KILL."""

from __future__ import annotations

import json
import os
import signal

from hookd.errors import HookdError
from hookd.system.machine import Machine


def cancel(machine: Machine, *, as_json: bool) -> str:
    """Ask the engine of the running phase to end, without waiting for it; return what to print.

    Raises HookdError when no phase is running, or its engine cannot be asked.
    """
    who = machine.state.executor()
    # one that has just got the lock may not have said so yet: what stands there is of the last one
    if who is None or who.process.is_gone:
        raise HookdError("no phase is running", hint="`hookd status` says what is open")
    try:
        os.kill(who.pid, signal.SIGTERM)
    except OSError as error:
        raise HookdError(f"{who} could not be ended: {error.strerror}") from error
    if as_json:
        told = {"operation": who.operation, "phase": who.phase, "pid": who.pid}
        return json.dumps(told, indent=1) + "\n"
    return f"ending {who}\n"
