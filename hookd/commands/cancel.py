"""`hookd cancel`: end the running phase; its hook gets TERM, grace, KILL; on-exit stays owed."""

from __future__ import annotations

import os
import sys

from hookd.commands.context import Context
from hookd.engine.cancel import cancel as cancel_running
from hookd.errors import Exit, HookdError


def cancel(context: Context) -> int:
    """Ask the engine of the running phase to end. Does not wait for it."""
    if os.environ.get("HOOKD_HOOK"):
        raise HookdError("hookd cancel cannot be called by a hook of hookd", code=Exit.USAGE)
    sys.stdout.write(cancel_running(context.machine(), as_json=context.as_json))
    return Exit.OK
