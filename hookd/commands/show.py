"""`hookd show`: the result of one operation."""

from __future__ import annotations

from hookd.commands.context import Context, print_json, say
from hookd.commands.lookup import document_of, find
from hookd.errors import Exit
from hookd.report.details import details


def show(context: Context, id: str, *, junit: bool = False) -> int:  # noqa: A002 - the argument's
    """Print the result of operation `id`, without secrets: result.json has all of it."""
    machine = context.machine()
    found = document_of(machine, find(machine, id))
    if junit:
        from hookd.report.junit import junit as as_junit  # noqa: PLC0415 - few want XML

        say(as_junit(found))
    elif context.as_json:
        print_json(found)
    else:
        for line in details(found):
            say(line)
    return Exit.OK
