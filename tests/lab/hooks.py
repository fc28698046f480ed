"""Hooks that scenarios put into a machine, the calls that run them, and what is told of that."""

from __future__ import annotations

import json

from lab import agent

RUN = "--operation-id=11111111-2222-3333-4444-555555555555"
RAN = "/srv/ran"

# Says that it has begun, and takes so long that a fault comes in the middle.
HANGS = "echo $$ >/srv/hanging; sleep 600"


def install(machine, name, *lines, **metadata):
    """Put hook `name` (like pre/10-check) into the machine; it notes each of its starts."""
    block = [f"# {key} = {json.dumps(value)}" for key, value in metadata.items()]
    text = ["#!/bin/sh", "# /// hookd", *block, "# ///", f"echo {name} >>{RAN}", *lines]
    machine.write(f"/etc/hookd/hooks.d/{name}", "\n".join(text) + "\n", 0o755)


def hookd(machine, phase):
    """Let the agent run `phase` as part of one patch operation; return how it ended."""
    return agent.call(machine, "hookd", "run", phase, RUN).wait()


def begin(machine, phase):
    """Let the agent start `phase`; return its call when a hook that hangs has begun."""
    call = agent.call(machine, "hookd", "run", phase, RUN)
    machine.wait_until("test -s /srv/hanging")
    return call


def starts(machine):
    """Return the hooks in the order in which they were started, over all boots."""
    return machine.execute(f"cat {RAN} 2>/dev/null").stdout.split()


def shown(machine):
    """Return the result document of the newest operation."""
    return json.loads(machine.execute(["hookd", "show", "--json"]).check().stdout)


def outcomes(document):
    """Return what became of each hook: (phase, attempt, hook, outcome) in their order."""
    return [
        (phase["phase"], phase["attempt"], hook["name"], hook["outcome"])
        for phase in document["phases"]
        for hook in phase["hooks"]
    ]
