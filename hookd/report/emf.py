"""CloudWatch metrics inside a line of results.jsonl, in the embedded metric format.

CloudWatch Logs makes metrics of a log event that is one JSON object with `_aws` (CloudWatch User
Guide, "Specification: Embedded metric format"). Every combination of dimensions is a metric that is
paid for, so there are two, of few values: `Phase` and `Verdict`. Which machine and which operation
are properties of the line. Counters are dense: what did not happen is told as 0, so that an alarm
has data to look at.
"""

from __future__ import annotations

import calendar
import time
from typing import Any, Dict, Iterable, Mapping

NAMESPACE = "hookd"
OPERATION = "operation"
"""The value of `Phase` in lines that tell of a whole operation."""

_OF_OPERATION = ("Opened", "Closed", "Failed", "Incomplete", "Outstanding", "Recovered", "Packages")
_OF_PHASE = ("Started", "Ended", "Failed", "TimedOut", "Interrupted", "HooksFailed")
_SECONDS = "DurationSeconds"
_BY_VERDICT = ("Closed", "Ended")

Members = Dict[str, Any]


def operation_metrics(ts: str, counts: Mapping[str, int], *, verdict: str = "") -> Members:
    """Return the members of a line about an operation; a counter that is not given is 0."""
    return _members(ts, OPERATION, verdict, {name: counts.get(name, 0) for name in _OF_OPERATION})


def phase_metrics(
    ts: str,
    phase: str,
    counts: Mapping[str, int],
    *,
    verdict: str = "",
    seconds: float | None = None,
) -> Members:
    """Return the members of a line about a phase; `seconds` is how long it took once it ended."""
    values: Members = {name: counts.get(name, 0) for name in _OF_PHASE}
    if seconds is not None:
        values[_SECONDS] = seconds
    return _members(ts, phase, verdict, values)


def _members(ts: str, phase: str, verdict: str, values: Members) -> Members:
    milliseconds = _milliseconds(ts)
    if milliseconds is None:
        return {}
    directives = [_directive(["Phase"], values)]
    if verdict:
        directives.append(_directive(["Phase", "Verdict"], _BY_VERDICT, values))
    return {
        "_aws": {"Timestamp": milliseconds, "CloudWatchMetrics": directives},
        "Phase": phase,
        **({"Verdict": verdict} if verdict else {}),
        **values,
    }


def _directive(
    dimensions: list[str], names: Iterable[str], among: Iterable[str] | None = None
) -> Members:
    chosen = [name for name in names if among is None or name in among]
    return {
        "Namespace": NAMESPACE,
        "Dimensions": [dimensions],
        "Metrics": [
            {"Name": name, "Unit": "Seconds" if name == _SECONDS else "Count"} for name in chosen
        ],
    }


def _milliseconds(ts: str) -> int | None:
    """Return the milliseconds since 1970 of `2026-11-05T04:18:07.123456Z`, None of no time."""
    try:
        second = calendar.timegm(time.strptime(ts[:19], "%Y-%m-%dT%H:%M:%S"))
        return second * 1000 + int(ts[20:23])
    except ValueError:
        return None
