"""How a rehearsal is shown: what SSM did, what its console has of it, and hookd's answer."""

from __future__ import annotations

from typing import Any, Iterator

from hookd.core.codec import encode
from hookd.rehearsal.ground import Ground
from hookd.rehearsal.performance import Happening, Performance
from hookd.rehearsal.rules import REBOOT, Status, StepResult, shown
from hookd.rehearsal.scenario import Scenario
from hookd.rehearsal.scenarios import SCENARIOS


def opening(scenario: Scenario, ground: Ground) -> Iterator[str]:
    yield f"{scenario.name}: {scenario.title}"
    yield f"  to see: {scenario.teaches}"
    made = ", a made-up machine with copies of this one's hooks" if ground.is_ours else ""
    yield f"  played in {ground.root}{made}; the hooks really run"
    yield from (f"  {note}" for note in ground.notes)


def line_of(happening: Happening) -> Iterator[str]:
    """Yield what is told while it happens: a step with its status, and what the console has."""
    if happening.result is None:
        yield f"  * {happening.text}"
        return
    yield f"  [{happening.step}] {_status(happening.result)}"
    if happening.result.status is Status.SKIPPED:
        return
    for line in shown(happening.result)["output"].splitlines():
        yield f"      | {line}".rstrip()


def _status(result: StepResult) -> str:
    if result.status is Status.SUCCESS_AND_REBOOT:
        return f"{result.status} (exit {REBOOT})"
    return f"{result.status} (exit {result.code})" if result.code else str(result.status)


def closing(performance: Performance) -> Iterator[str]:
    """Yield how it ended."""
    for run_id, status in performance.statuses.items():
        which = "" if run_id == performance.main.id else f" of {run_id}"
        yield f"  SSM: command status{which} {status}"
    found = performance.found()
    if performance.result is None:
        yield "  hookd: was not called"
    else:
        so_far = f", so far {found['path_so_far']}" if found["path_so_far"] else ""
        yield f"  hookd: path {found['path']}{so_far}, verdict {found['verdict']}"
    problems = performance.problems()
    for problem in problems:
        yield f"  not as foretold: {problem}"
    if not problems:
        yield "  as foretold"


def as_json(performance: Performance) -> dict[str, Any]:
    """Return everything that is known of it as a JSON value."""
    return {
        "scenario": performance.scenario.name,
        "title": performance.scenario.title,
        "teaches": performance.scenario.teaches,
        "root": performance.root,
        "run_id": performance.main.id,
        "statuses": {run: status.value for run, status in performance.statuses.items()},
        "happenings": [_happening(one) for one in performance.happenings],
        "expected": performance.expected(),
        "found": performance.found(),
        "problems": performance.problems(),
        "results": performance.results,
    }


def _happening(one: Happening) -> dict[str, Any]:
    if one.result is None:
        return {"text": one.text}
    said = {"run_id": one.run, "step": one.step, "status": one.result.status.value}
    return {**said, "code": one.result.code, **shown(one.result)}


def catalogue() -> Iterator[str]:
    """Yield the scenarios, each with what it is for."""
    for scenario in SCENARIOS.values():
        yield scenario.name
        yield f"    {scenario.title}"
        yield f"    to see: {scenario.teaches}"


def catalogue_json() -> list[dict[str, Any]]:
    return [
        {
            "scenario": one.name,
            "title": one.title,
            "teaches": one.teaches,
            "expected": encode(one.expected),
        }
        for one in SCENARIOS.values()
    ]
