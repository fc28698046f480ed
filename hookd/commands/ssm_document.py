"""`hookd ssm-document`: the documents that SSM is given, to be created in an account."""

from __future__ import annotations

import json

from hookd.aws import documents
from hookd.commands.context import Context, print_json, say
from hookd.errors import Exit


def ssm_document(context: Context, phase: str | None) -> int:
    """Print the document of `phase` as it is shipped; without one, what there is and for what."""
    if phase is not None:
        print(documents.read(phase), end="")
        return Exit.OK
    listed = [
        {
            "phase": one,
            "name": documents.name_of(one),
            "description": json.loads(documents.read(one))["description"],
        }
        for one in documents.PHASES
    ]
    if context.as_json:
        print_json(listed)
        return Exit.OK
    for row in listed:
        say(f"{row['phase']:<8} {row['name']:<14} {row['description']}")
    return Exit.OK
