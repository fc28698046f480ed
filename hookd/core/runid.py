"""The ids of SSM's runs, as the agent spells them in its files, its paths and its processes."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Optional, Tuple

_UUID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_RUN = r"\d{4}-\d\d-\d\dT[\d-]{1,20}\.\d{1,9}Z"
_MOST_PATH = 4096  # PATH_MAX
_RUN_ID = re.compile(rf"({_UUID})(?:[./]({_RUN}))?")


def canonical(run_id: str) -> str:
    """Return the id as the agent names its files: `<association id>/<RunID>` with a dot.

    An id that is none of SSM's is returned as it is.
    """
    found = _RUN_ID.fullmatch(run_id)
    return ".".join(filter(None, found.groups())) if found else run_id


def parts(run_id: str) -> Tuple[str, str]:
    """Return (command or association id, RunID) of a run; RunID is empty for a command.

    Both are empty for an id that is none of SSM's.
    """
    found = _RUN_ID.fullmatch(run_id)
    return (found.group(1), found.group(2) or "") if found else ("", "")


def began(run_id: str) -> str:
    """Return when an association's run began (`2026-11-23T04:35:02`, UTC), "" for a command."""
    day, _, time = parts(run_id)[1].partition("T")
    return f"{day}T{time[:8].replace('-', ':')}" if time else ""


@dataclass(frozen=True)
class Place:
    """Where in the agent's files something lies: the run's folder, and the steps below it."""

    run_id: str
    folder: str
    steps: Tuple[str, ...]


def of_script(path: str) -> Optional[Place]:
    """Return the place of the agent's script `path`, None when it is none.

    The agent writes it to `.../document/ORCHESTRATION/ID[/RunID]/STEP[/STEP]/_script.sh`, where
    ORCHESTRATION is Agent.OrchestrationRootDir of its configuration (agent/docmanager, appconfig).
    """
    return _place(path, "_script.sh")


def of_downloads(path: str) -> Optional[Place]:
    """Return the place of `.../STEP/downloads`, where the agent puts and starts what is nested."""
    return _place(path, "downloads")


def _place(path: str, name: str) -> Optional[Place]:
    if not path.endswith("/" + name) or len(path) > _MOST_PATH or not path.isprintable():
        return None
    words = path.split("/")[:-1]
    for at, word in enumerate(words):
        if "document" in words[: at - 1] and re.fullmatch(_UUID, word):
            end = at + 1
            if end < len(words) and re.fullmatch(_RUN, words[end]):
                end += 1
            steps = tuple(words[end:])
            run_id = canonical("/".join(words[at:end]))
            return Place(run_id, "/".join(words[:end]), steps) if all(steps) and steps else None
    return None
