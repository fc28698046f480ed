"""What a caller of `hookd run` reads: the summary, or the whole document as JSON."""

from __future__ import annotations

import json

from hookd.engine.call import Answer
from hookd.engine.publishing import told
from hookd.report.summary import summary
from hookd.system.machine import Machine
from hookd.system.results import result_path


def reply(machine: Machine, answer: Answer, *, as_json: bool) -> str:
    """Return the text of `answer`, with its last newline; SSM keeps it, so it holds no secrets."""
    found = told(machine, answer.document)
    if as_json:
        return json.dumps(found, indent=1) + "\n"
    phase = next(
        entry
        for entry in reversed(found["phases"])
        if (entry["phase"], entry["attempt"]) == (answer.run.phase.value, answer.run.attempt)
    )
    note = "this is the record of a phase that had ended before" if answer.is_recorded else ""
    return summary(found, phase, result_path(machine.state, answer.operation.id), note)
