"""`hookd hooks`: what would run in a phase, and why something would not; one switched on or off."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from typing import Sequence

from hookd.commands.context import Context, print_json, say
from hookd.config import Config
from hookd.core.codec import encode
from hookd.core.model import Hook, HookState, Phase
from hookd.core.undo import outstanding
from hookd.errors import Exit, HookdError
from hookd.system.hooks import discovery, switches
from hookd.system.hooks.header import read_header
from hookd.system.hooks.pairs import paired
from hookd.system.machine import Machine


def hooks(context: Context, phase: str | None, enable: str | None, disable: str | None) -> int:
    """List the hooks of one phase, or of all; files left out stand there with the reason."""
    if enable is not None:
        return _switch(context, enable, on=True)
    if disable is not None:
        return _switch(context, disable, on=False)
    machine = context.machine()
    everything = _all(machine, machine.loaded.config)
    found = [hook for hook in paired(everything) if phase in (None, hook.phase.value)]
    if context.as_json:
        print_json([encode(hook) for hook in found])
        return Exit.OK
    for hook in found:
        say(_line(hook))
    if not found:
        say("no hooks; they go to /etc/hookd/hooks.d/PHASE/")
    return Exit.OK


def _all(machine: Machine, config: Config) -> list[Hook]:
    return [h for p in Phase for h in discovery.discover(machine.root, p, config).hooks]


def _line(hook: Hook) -> str:
    if hook.state in (HookState.MASKED, HookState.LEFT_OUT):  # its metadata was not read
        return f"{hook.state:<8}  {hook.id}  {hook.reason}"
    need = "required" if hook.spec.required else "wanted"
    told = hook.reason or hook.spec.description
    undoes = f", undoes {hook.spec.undoes}" if hook.spec.undoes else ""
    facts = f"{need}, {hook.spec.timeout_s:g} s{undoes}"
    return f"{hook.state:<8}  {hook.id}  ({facts})  {told}".rstrip()


def _switch(context: Context, name: str, *, on: bool) -> int:
    """Enable or disable a hook, and with it what undoes it or what it undoes."""
    machine = context.machine()
    pair = _with_partner(machine, name)
    ids = tuple(hook.id for hook in pair)
    if not on:
        _refuse_owed(machine, ids)
    try:
        file = switches.switch(machine.root, ids, on=on)
    except OSError as error:
        raise HookdError(f"{error.filename or switches.FILE}: {error.strerror}") from error
    except ValueError as error:
        hint = f"move {switches.FILE} away, or mend it"
        raise HookdError(f"{switches.FILE}: {error}", hint=hint) from error
    machine = context.machine()
    now = [hook for hook in _all(machine, machine.loaded.config) if hook.id in ids]
    if context.as_json:
        print_json({"file": file, "enabled": on, "hooks": [_document(hook) for hook in now]})
    else:
        _tell(now, file, on=on)
    return Exit.OK if all(_is_on(hook) is on for hook in now) else Exit.FAILED


def _with_partner(machine: Machine, name: str) -> list[Hook]:
    """Return the hook of that name and its pair, whether they are enabled or not."""
    config = machine.loaded.config
    said = {id_: replace(one, enabled=None) for id_, one in config.hooks.items()}
    known = _all(machine, replace(config, hooks=said))
    hook = next((one for one in known if one.id == name), None)
    if hook is None or hook.state is HookState.LEFT_OUT:
        hint = "`hookd hooks` lists them as PHASE/NAME"
        raise HookdError(f"there is no hook {name}", hint=hint, code=Exit.USAGE)
    belongs = [one for one in known if name == one.spec.undoes or hook.spec.undoes == one.id]
    return [hook, *belongs]


def _refuse_owed(machine: Machine, ids: Sequence[str]) -> None:
    """An undo that is owed must stay: disabled it would be outstanding for ever."""
    for operation_id in machine.state.marked():
        operation = machine.state.load(operation_id)
        for undo in outstanding(operation) if operation else ():
            if f"on-exit/{undo.hook}" in ids:
                message = f"operation {operation_id} owes on-exit/{undo.hook}"
                raise HookdError(message, hint="first: `hookd recover`", code=Exit.BUSY)


def _is_on(hook: Hook) -> bool:
    return hook.state is not HookState.MASKED


def _document(hook: Hook) -> dict[str, object]:
    return {**encode(hook), "about": _about(hook)}


def _about(hook: Hook) -> str:
    with contextlib.suppress(OSError):
        return read_header(hook.path)
    return ""


def _tell(now: Sequence[Hook], file: str, *, on: bool) -> None:
    for hook in now:
        say(_line(hook))
        if _is_on(hook) is not on:
            say("  still: what else says so wins over the file that was written")
    say(f"written to {file}")
    for hook in now if on else ():
        about = _about(hook)
        say(f'\n{hook.id}, settings in [hooks."{hook.id}".settings]:')
        say("\n".join("  " + line for line in about.splitlines()) or "  it says nothing of itself")
        for key, value in sorted(hook.spec.settings.items()):
            say(f"  now: {key} = {value!r}")
