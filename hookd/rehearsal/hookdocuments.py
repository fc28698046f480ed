"""hookd's own hook documents, as the scenario has them at SSM."""

from __future__ import annotations

import json
from typing import Any

from hookd.core.model import Phase
from hookd.rehearsal.scenario import Scenario

_LINES = {
    Phase.PRE: "hookd run pre || exit 1",
    Phase.POST: "hookd run post || [ $? -ne 1 ]",
    Phase.ON_EXIT: "hookd run on-exit || exit 1",
}


def documents(scenario: Scenario) -> dict[str, str]:
    """Return the documents that SSM can find, by name, as JSON."""
    found = {f"hookd-{phase}": _document(scenario, phase) for phase in Phase}
    found.pop(scenario.lost, None)
    return found


def _document(scenario: Scenario, phase: Phase) -> str:
    lines = ["#!/bin/bash", _LINES[phase]]
    document: dict[str, Any] = {
        "schemaVersion": "2.2",
        "description": f"hookd {phase}",
        "mainSteps": [
            {
                "action": "aws:runShellScript",
                "name": "hookd",
                "inputs": {"timeoutSeconds": "3600", "runCommand": lines},
            }
        ],
    }
    inputs = document["mainSteps"][0]["inputs"]
    if phase in dict(scenario.then):
        inputs["runCommand"] = _followed_by(lines, dict(scenario.then)[phase])
    return json.dumps(document)


def _followed_by(commands: list[str], then: str) -> list[str]:
    """Return the script with `then` behind it, wherever it would have ended."""
    shebang, *body = commands
    return [shebang, "(", *body, ")", "code=$?", *then.splitlines()]
