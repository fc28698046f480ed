"""The lines of results.jsonl: when a phase or an operation began and ended, below 200 kB each."""

from __future__ import annotations

import json
from typing import Any

from hookd.core.operation import PhaseRun
from hookd.report import emf
from hookd.report.document import Document

MOST_BYTES = 200_000
_MOST_LISTED = 200
_MOST_TEXT = 2000
_LEAST_TEXT = 120  # no id and no time is longer


def opened_line(found: Document, n: int) -> bytes:
    """Return the line of an operation that was opened; `n` is the number of that event."""
    operation = found["operation"]
    ts = operation["started_at"]
    body = {
        "ts": ts,
        "event": "operation-opened",
        "n": n,
        **_operation(found),
        "caller": operation["caller"],
    }
    return _line(body, emf.operation_metrics(ts, {"Opened": 1}))


def started_line(found: Document, run: PhaseRun) -> bytes:
    """Return the line of a phase that has started."""
    phase = run.phase.value
    body = {
        "ts": run.started_at,
        "event": "phase-started",
        "n": run.started_n,
        **_operation(found),
        "phase": phase,
        "attempt": run.attempt,
        "caller": run.caller.value,
        "deadline_s": run.deadline_s,
    }
    return _line(body, emf.phase_metrics(run.started_at, phase, {"Started": 1}))


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
        "verdict": own["verdict"],
        "reason": own["reason"],
        "exit_code": run.exit_code,
        "process_exit": run.process_exit,
        "wall_s": run.wall_s,
        "hooks": [_hook(hook) for hook in own["hooks"]],
        "checks": _checks(found, run.phase.value),
    }
    return _line(body, _phase_metrics(own, run))


def operation_line(found: Document, n: int, *, is_told: bool = False) -> bytes:
    """Return the line that tells of a closed operation; `is_told`: its closing was told before."""
    ts = found["operation"]["ended_at"]
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
    return _line(body, _operation_metrics(found, ts, is_told=is_told))


def follow_up_line(found: Document, follow_up: Document, n: int) -> bytes:
    """Return the line that tells what was seen of an operation after it had closed."""
    ts, verdict = follow_up["at"], follow_up["verdict"]
    metrics = emf.operation_metrics(ts, _by_verdict(verdict))
    return _line(
        {"ts": ts, "event": "follow-up", "n": n, **_operation(found), **follow_up}, metrics
    )


def _phase_metrics(own: Document, run: PhaseRun) -> Document:
    outcome = own["outcome"]
    counts = {
        "Ended": 1,
        "Failed": int(outcome != "passed"),
        "TimedOut": int(outcome == "timed-out"),
        "Interrupted": int(outcome == "interrupted"),
        "HooksFailed": sum(hook["outcome"] not in ("passed", "skipped") for hook in own["hooks"]),
    }
    return emf.phase_metrics(
        run.ended_at, own["phase"], counts, verdict=own["verdict"], seconds=run.wall_s
    )


def _operation_metrics(found: Document, ts: str, *, is_told: bool) -> Document:
    operation = found["operation"]
    counts = {
        "Closed": int(not is_told),
        "Outstanding": len(operation["outstanding_undos"]),
        "Recovered": int(bool(operation["recovered_at"])),
        "Packages": len(found["changes"]["packages"]),
        **_by_verdict(operation["verdict"]),
    }
    return emf.operation_metrics(ts, counts, verdict="" if is_told else operation["verdict"])


def _by_verdict(verdict: str) -> dict[str, int]:
    return {"Failed": int(verdict == "failed"), "Incomplete": int(verdict == "incomplete")}


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


def _line(body: dict[str, Any], metrics: dict[str, Any]) -> bytes:
    """Return `body` as one line; when it is too long, lists and texts are cut until it fits.

    `hooks_total`, `checks_total` and `packages_total` then say how many there were. The metrics
    are never cut: a line without all of them is none to CloudWatch.
    """
    line, most_listed, most_text = _encode({**body, **metrics}), _MOST_LISTED, _MOST_TEXT
    if len(line) < MOST_BYTES:
        return line
    lists = {"packages": body.get("changes", {}).get("packages", ()), **body}
    totals = {f"{n}_total": len(lists[n]) for n in ("hooks", "checks", "packages") if n in lists}
    while len(line) >= MOST_BYTES:
        line = _encode({**_cut(body, most_listed, most_text), **totals, **metrics})
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
