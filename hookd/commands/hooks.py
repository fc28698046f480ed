"""`hookd hooks`: what would run in a phase, in which order, and why something would not."""

from __future__ import annotations

from hookd.commands.context import Context, print_json, say
from hookd.core.codec import encode
from hookd.core.model import Hook, Phase
from hookd.errors import Exit
from hookd.system.hooks import discovery
from hookd.system.hooks.pairs import paired


def hooks(context: Context, phase: str | None) -> int:
    """List the hooks of one phase, or of all; files left out stand there with the reason."""
    machine = context.machine()
    config = machine.loaded.config
    everything = [h for p in Phase for h in discovery.discover(machine.root, p, config).hooks]
    found = [hook for hook in paired(everything) if phase in (None, hook.phase.value)]
    if context.as_json:
        print_json([encode(hook) for hook in found])
        return Exit.OK
    for hook in found:
        say(_line(hook))
    if not found:
        say("no hooks; they go to /etc/hookd/hooks.d/PHASE/")
    return Exit.OK


def _line(hook: Hook) -> str:
    need = "required" if hook.spec.required else "wanted"
    told = hook.reason or hook.spec.description
    undoes = f", undoes {hook.spec.undoes}" if hook.spec.undoes else ""
    facts = f"{need}, {hook.spec.timeout_s:g} s{undoes}"
    return f"{hook.state:<8}  {hook.id}  ({facts})  {told}".rstrip()
