"""Hooks that scenarios put into a machine, the calls that run them, and what is told of that."""

from __future__ import annotations

import json

from lab import agent

RAN = "/srv/ran"

# Says that it has begun, and takes so long that a fault comes in the middle.
HANGS = "echo $$ >/srv/hanging; sleep 600"
TRAPS = "trap 'echo TERM >>/srv/trapped; exit 1' TERM; echo $$ >/srv/hanging; sleep 600 & wait"
# Says that it has begun and goes on when it is let.
WAITS = "echo $$ >/srv/hanging; until test -e /srv/go; do sleep 0.1; done; echo went on"


def install(machine, name, *lines, **metadata):
    """Put hook `name` (like pre/10-check) into the machine; it notes each of its starts."""
    block = [f"# {key} = {json.dumps(value)}" for key, value in metadata.items()]
    text = ["#!/bin/sh", "# /// hookd", *block, "# ///", f"echo {name} >>{RAN}", *lines]
    machine.write(f"/etc/hookd/hooks.d/{name}", "\n".join(text) + "\n", 0o755)


def hookd(machine, phase):
    """Let the agent run `phase` as part of one patch operation; return how it ended."""
    return agent.call(machine, "hookd", "run", phase).wait()


def begin(machine, phase):
    """Let the agent start `phase`; return its call when a hook that hangs has begun."""
    call = agent.call(machine, "hookd", "run", phase)
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


def hook_of(document, name):
    """Return the result of the hook `name`, run once."""
    [found] = [hook for run in document["phases"] for hook in run["hooks"] if hook["name"] == name]
    return found


def check_of(document, name):
    """Return the check `name`."""
    [found] = [check for check in document["checks"] if check["id"] == name]
    return found


def events(machine, *kinds):
    """Return the events of these kinds in the journal of the newest operation, in their order."""
    script = "cat $(ls -d /var/lib/hookd/operations/* | tail -n 1)/journal.jsonl"
    lines = machine.execute(script).check().stdout.splitlines()
    found = map(json.loads, lines)
    return [event for event in found if event["event"] in kinds]
