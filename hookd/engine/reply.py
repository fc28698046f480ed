"""What a caller of `hookd run` reads: the summary, or the whole document as JSON."""

from __future__ import annotations

import json

from hookd.engine.call import Answer
from hookd.report.summary import summary
from hookd.system.machine import Machine
from hookd.system.results import result_path


def reply(machine: Machine, answer: Answer, *, as_json: bool) -> str:
    """Return the text of `answer`, with its last newline."""
    if as_json:
        return json.dumps(answer.document, indent=1) + "\n"
    phase = next(
        entry
        for entry in reversed(answer.document["phases"])
        if (entry["phase"], entry["attempt"]) == (answer.run.phase.value, answer.run.attempt)
    )
    note = "this is the record of a phase that had ended before" if answer.is_recorded else ""
    return summary(answer.document, phase, result_path(machine.state, answer.operation.id), note)
