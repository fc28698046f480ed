"""Hooks that scenarios put into a machine, and what a machine tells of having run them."""

from __future__ import annotations

import json

RAN = "/srv/ran"

# Takes the node out, as long as somebody waits for it: the moment for a fault.
HANGS = "touch /srv/hanging; sleep 600"


def install(machine, name, *lines, **metadata):
    """Put hook `name` (like pre/10-check) into the machine; it notes each of its starts."""
    block = [f"# {key} = {json.dumps(value)}" for key, value in metadata.items()]
    text = ["#!/bin/sh", "# /// hookd", *block, "# ///", f"echo {name} >>{RAN}", *lines]
    machine.write(f"/etc/hookd/hooks.d/{name}", "\n".join(text) + "\n", 0o755)


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
