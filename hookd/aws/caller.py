"""Who calls: a Run Command, an association's run, a rehearsal or a person, by the processes alone.

What the SSM agent starts is `ssm-document-worker <run id>` and below it `sh -c .../_script.sh`
(amazon-ssm-agent 3.3, agent/framework/processor and agent/plugins/runscript). Its environment tells
no run: SSM_COMMAND_ID is the association's id on every run of an association.
"""

from __future__ import annotations

import os
from typing import Callable, Mapping, NamedTuple, Sequence

from hookd.aws import ancestry
from hookd.aws.agent import WORKER
from hookd.aws.ancestry import Ancestor
from hookd.core import runid
from hookd.core.called import Called
from hookd.core.model import CallerKind
from hookd.core.runid import Place
from hookd.core.slot import Slot

REHEARSAL = "HOOKD_REHEARSAL"
_MOST_WORDS = 4  # `/bin/bash -e PATH`: a script's own arguments come later
_BY_WORKER, _BY_SCRIPT, _BY_FOLDER = f"argv of {WORKER}", "path of the script", "working directory"

Environment = Callable[[int], Mapping[str, str]]


class _Script(NamedTuple):
    """`path` is empty where only the working directory tells of it."""

    path: str
    place: Place

    @property
    def source(self) -> str:
        return _BY_SCRIPT if self.path else _BY_FOLDER


def identify(
    pid: int,
    lineage: Callable[[int], Sequence[Ancestor]] = ancestry.lineage,
    environment: Environment = ancestry.environment,
) -> Called:
    """Return who called process `pid`. Never raises: what cannot be seen is a person's call."""
    line = lineage(pid)
    worker = next((n for n, one in enumerate(line) if _is_worker(one)), None)
    ours = line if worker is None else line[:worker]
    by_worker = _run_id(line[worker]) if worker is not None else ""
    script = _script(ours, has_worker=worker is not None)
    run_id = by_worker or (script.place.run_id if script else "")
    if not run_id:
        return Called(problems=_unseen(line, environment))
    began = _first_of(ours, script, has_worker=worker is not None)
    return Called(
        _kind(run_id, began, environment),
        run_id,
        _slot(script),
        script.place.steps[-1] if script and script.path else "",
        script.path if script else "",
        script.place.folder if script else "",
        began.started if began else None,
        (began.pid, began.started) if began else None,
        _sources(by_worker, script),
        _disagreement(by_worker, script),
    )


def _is_worker(one: Ancestor) -> bool:
    return bool(one.argv) and os.path.basename(one.argv[0]) == WORKER


def _run_id(worker: Ancestor) -> str:
    found = runid.canonical(worker.argv[1]) if len(worker.argv) > 1 else ""
    return found if runid.parts(found)[0] else ""


def _script(line: Sequence[Ancestor], *, has_worker: bool) -> _Script | None:
    """Return the nearest script of the agent.

    One that replaced itself (`exec hookd`) is known by its working directory, which tells nothing
    without a worker: a person may stand there, too.
    """
    for one in line:
        for word in one.argv[:_MOST_WORDS]:
            found = runid.of_script(word)
            if found:
                return _Script(word, found)
    for one in line if has_worker else ():
        found = runid.of_downloads(one.cwd)
        if found:
            return _Script("", found)
    return None


def _first_of(
    line: Sequence[Ancestor], script: _Script | None, *, has_worker: bool
) -> Ancestor | None:
    """Return the process that the agent started: the worker's child, else the script's first."""
    if has_worker:
        return line[-1] if line else None
    path = script.path if script else ""
    return next((one for one in reversed(line) if path and path in one.argv), None)


def _kind(run_id: str, began: Ancestor | None, environment: Environment) -> CallerKind:
    if began and environment(began.pid).get(REHEARSAL) == "1":
        return CallerKind.REHEARSAL
    _, run = runid.parts(run_id)
    return CallerKind.SSM_ASSOCIATION if run else CallerKind.SSM_COMMAND


def _slot(script: _Script | None) -> Slot | None:
    if script is None:
        return None
    return next((slot for slot in Slot if slot.value == script.place.steps[0]), None)


def _sources(by_worker: str, script: _Script | None) -> dict[str, str]:
    found = {"run_id": _BY_WORKER if by_worker else script.source if script else ""}
    if script and _slot(script):
        found["slot"] = script.source
    if script and script.path:
        found["step"] = script.source
    return found


def _disagreement(by_worker: str, script: _Script | None) -> tuple[str, ...]:
    if not script or not by_worker or script.place.run_id == by_worker:
        return ()
    told = f"{WORKER} has run {by_worker}, its script lies in the folder of {script.place.run_id}"
    return (f"{told}: the first is taken",)


def _unseen(line: Sequence[Ancestor], environment: Environment) -> tuple[str, ...]:
    """Say that SSM may have called all the same, by somebody who is no child of its agent."""
    if not line or "SSM_COMMAND_ID" not in environment(line[0].pid):
        return ()
    seen = (
        f"SSM_COMMAND_ID is set, but no {WORKER} is among the callers (systemd-run, a container?)"
    )
    return (f"{seen}: taken for a person's call; --operation-id names the run",)
