"""`hookd hold`: until it ends, pre fails and recovery starts no hook."""

from __future__ import annotations

from hookd.commands.context import Context, print_json, say
from hookd.errors import Exit, HookdError
from hookd.system import hold as holding


def hold(context: Context, reason: str, for_s: float, *, release: bool) -> int:
    """Begin a hold with REASON, or end it."""
    machine = context.machine()
    if release:
        was_held = holding.remove(machine.state)
        say("the hold has ended" if was_held else "there was no hold")
        return Exit.OK
    if not reason:
        hint = "example: hookd hold --for 6h 'release of the week'"
        raise HookdError("a hold needs a reason", hint=hint, code=Exit.USAGE)
    try:
        machine.state.prepare()
        found = holding.write(machine.state, reason, for_s)
    except OSError as error:
        raise HookdError(f"the hold could not be written: {error}") from error
    if context.as_json:
        print_json({"reason": found.reason, "since": found.since, "until": found.until})
    else:
        say(f"held: {found}")
    return Exit.OK
