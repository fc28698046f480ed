"""The lines of results.jsonl: one per finished phase and operation, each below 200 kB."""

from __future__ import annotations

import json
from typing import Any

from hookd.core.operation import PhaseRun
from hookd.report.document import Document

MOST_BYTES = 200_000
_MOST_LISTED = 200


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
    """Return `body` as one line; long lists are cut, and how many were cut is said."""
    line = _encode(body)
    if len(line) <= MOST_BYTES:
        return line
    changes = body.get("changes")
    if changes:
        cut = {**changes, "packages": changes["packages"][:_MOST_LISTED]}
        body = {**body, "changes": cut, "packages_total": len(changes["packages"])}
    if "hooks" in body:
        total = len(body["hooks"])
        body = {**body, "hooks": body["hooks"][:_MOST_LISTED], "hooks_total": total}
    return _encode(body)


def _encode(body: dict[str, Any]) -> bytes:
    return json.dumps(body, separators=(",", ":")).encode("ascii") + b"\n"
