"""`hookd show`: the result of one operation."""

from __future__ import annotations

from hookd.commands.context import Context, print_json, say
from hookd.commands.lookup import document_of, find
from hookd.errors import Exit
from hookd.report.details import details


def show(context: Context, id: str) -> int:  # noqa: A002 - the name of the argument
    """Print the result of operation `id`."""
    machine = context.machine()
    found = document_of(machine, find(machine, id))
    if context.as_json:
        print_json(found)
    else:
        for line in details(found):
            say(line)
    return Exit.OK
