"""hookd's own hook documents, as the scenario has them at SSM."""

from __future__ import annotations

import json
from typing import Any

from hookd.aws import documents as shipped
from hookd.core.model import Phase
from hookd.rehearsal.scenario import Scenario


def documents(scenario: Scenario) -> dict[str, str]:
    """Return the documents that SSM can find, by name, as JSON."""
    found = {f"hookd-{phase}": _document(scenario, phase) for phase in Phase}
    found.pop(scenario.lost, None)
    return found


def _document(scenario: Scenario, phase: Phase) -> str:
    document: dict[str, Any] = json.loads(shipped.read(phase.value))
    inputs = document["mainSteps"][0]["inputs"]
    if phase in dict(scenario.then):
        inputs["runCommand"] = _followed_by(inputs["runCommand"], dict(scenario.then)[phase])
    return json.dumps(document)


def _followed_by(commands: list[str], then: str) -> list[str]:
    """Return the script with `then` behind it, wherever it would have ended."""
    shebang, *body = commands
    return [shebang, "(", *body, ")", "code=$?", *then.splitlines()]
