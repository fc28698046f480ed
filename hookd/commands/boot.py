"""`hookd boot`: the first look of a boot at every operation that waits for one."""

from __future__ import annotations

import os
import signal
import sys
from types import FrameType

from hookd.aws import identity
from hookd.aws.agent import Agent
from hookd.commands.context import Context
from hookd.engine import baked
from hookd.engine.booted import look_at_boot
from hookd.errors import Exit, HookdError
from hookd.system.machine import Machine

_WITHIN_S = 55


def boot(context: Context) -> int:
    """Return 0 whatever happens, within a minute: the boot of a machine never waits for hookd."""
    old = signal.signal(signal.SIGALRM, _give_up)
    signal.alarm(_WITHIN_S)
    try:
        machine = context.machine()
        agent = Agent(machine.root)
        for operation_id in baked.set_aside(machine, identity.facts(machine)):
            print(f"operation {operation_id}: came with the image, left alone")
        for operation_id in machine.state.marked():
            print(f"operation {operation_id}: {_look(machine, operation_id, agent)}")
    except HookdError as error:
        print(f"hookd: {error.message}", file=sys.stderr)
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, old)
    return Exit.OK


def _look(machine: Machine, operation_id: str, agent: Agent) -> str:
    try:
        return look_at_boot(machine, operation_id, agent)
    except Exception as error:  # noqa: BLE001 - one operation must not cost the others their look
        return f"not looked at: {type(error).__name__}: {error}"


def _give_up(_number: int, _frame: FrameType | None) -> None:
    """Leave at once: every event is durable, and what is left of the look ends with the unit."""
    os.write(2, b"hookd: the first look of this boot took too long, going without\n")
    os._exit(Exit.OK)
