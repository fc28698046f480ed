"""The lines of results.jsonl: one per finished phase and operation, each below 200 kB."""

from __future__ import annotations

import json
from typing import Any

from hookd.core.operation import PhaseRun
from hookd.report.document import Document

MOST_BYTES = 200_000
_MOST_LISTED = 200
_MOST_TEXT = 2000
_LEAST_TEXT = 120  # no id and no time is longer


def phase_line(found: Document, run: PhaseRun, n: int) -> bytes:
    """Return the line of a finished phase; `n` is the number of the event that ended it."""
    key = (run.phase.value, run.attempt)
    own = [phase for phase in found["phases"] if (phase["phase"], phase["attempt"]) == key][-1]
    body = {
        "ts": run.ended_at,
        "event": "phase-ended",
        "n": n,
        **_operation(found),
        "phase": run.phase.value,
        "attempt": run.attempt,
        "outcome": run.outcome.value,
        "reason": run.reason,
        "exit_code": run.exit_code,
        "process_exit": run.process_exit,
        "wall_s": run.wall_s,
        "hooks": [_hook(hook) for hook in own["hooks"]],
        "checks": _checks(found, run.phase.value),
    }
    return _line(body)


def operation_line(found: Document, n: int, ts: str) -> bytes:
    """Return the line that tells of a closed operation."""
    body = {
        "ts": ts,
        "event": "operation-closed",
        "n": n,
        **_operation(found),
        "path": found["operation"]["path"],
        "verdict": found["operation"]["verdict"],
        "changes": found["changes"],
        "checks": _checks(found, ""),
        "cost": found["cost"],
    }
    return _line(body)


def follow_up_line(found: Document, follow_up: Document, n: int) -> bytes:
    """Return the line that tells what was seen of an operation after it had closed."""
    return _line(
        {"ts": follow_up["at"], "event": "follow-up", "n": n, **_operation(found), **follow_up}
    )


def _operation(found: Document) -> dict[str, Any]:
    operation = found["operation"]
    return {
        "operation": operation["id"],
        "run_id": operation["run_id"],
        "instance_id": found["host"]["instance_id"],
    }


def _hook(hook: Document) -> Document:
    names = ("name", "outcome", "required", "exit_code", "signal", "duration_s", "reason")
    return {name: hook[name] for name in names}


def _checks(found: Document, phase: str) -> list[Document]:
    return [
        {name: check[name] for name in ("id", "outcome", "severity", "found", "reason")}
        for check in found["checks"]
        if check["outcome"] not in ("pass", "skip") and phase in ("", check["phase"])
    ]


def _line(body: dict[str, Any]) -> bytes:
    """Return `body` as one line; when it is too long, lists and texts are cut until it fits.

    `hooks_total`, `checks_total` and `packages_total` then say how many there were.
    """
    line, most_listed, most_text = _encode(body), _MOST_LISTED, _MOST_TEXT
    if len(line) < MOST_BYTES:
        return line
    lists = {"packages": body.get("changes", {}).get("packages", ()), **body}
    totals = {f"{n}_total": len(lists[n]) for n in ("hooks", "checks", "packages") if n in lists}
    while len(line) >= MOST_BYTES:
        line = _encode({**_cut(body, most_listed, most_text), **totals})
        most_listed, most_text = most_listed // 2, max(_LEAST_TEXT, most_text // 2)
    return line


def _cut(value: Any, most_listed: int, most_text: int) -> Any:
    if isinstance(value, str):
        return value[:most_text]
    if isinstance(value, (list, tuple)):
        return [_cut(item, most_listed, most_text) for item in value[:most_listed]]
    if isinstance(value, dict):
        return {key: _cut(item, most_listed, most_text) for key, item in value.items()}
    return value


def _encode(body: dict[str, Any]) -> bytes:
    return json.dumps(body, separators=(",", ":")).encode("ascii") + b"\n"
