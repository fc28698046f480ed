"""`hookd identity`: ask the instance metadata service who this is, and leave it for the others."""

from __future__ import annotations

import sys

from hookd.aws import identity as known
from hookd.aws import imds
from hookd.commands.context import Context, print_json, say
from hookd.errors import Exit


def identity(context: Context) -> int:
    """Print what is known of this machine; ends 0 also where there is no such service."""
    machine = context.machine()
    found: dict[str, str] = {}
    try:
        found = imds.ask(imds.endpoint(machine.environment), v1=machine.loaded.config.aws.imds_v1)
    except imds.MetadataError as error:
        print(f"hookd: instance metadata: {error}", file=sys.stderr)
    known.write_cache(machine.root, machine.boot.boot_id, found)
    facts = known.facts(machine)
    if context.as_json:
        print_json(facts)
    else:
        for name, value in sorted(facts.items()):
            say(f"{name}: {value}")
    return Exit.OK
