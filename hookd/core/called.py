"""Who called, as far as its processes tell, and what is gathered of its run, each with its source.

Annotations use `Optional`, `Tuple` and `Dict` because core/codec.py evaluates them on Python 3.7.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Dict, Mapping, Optional, Tuple

from hookd.core.model import CallerKind, Json
from hookd.core.operation import Operation
from hookd.core.slot import Slot

SUBJECT = "ssm"
"""The subject under which what is known of the run is journalled: the result's `ssm` block."""

CALLS = ("slot", "step", "called", "document", "document_version", "timeout_s")
"""What is known of one call; all else is of its run."""


@dataclass(frozen=True)
class Called:
    """What the processes of a caller tell.

    `script` is the agent's script as its command line has it, `folder` the step's downloads folder
    where a working directory tells of it; `began` is when the script began (CLOCK_BOOTTIME seconds,
    None: no script), `process` its (pid, start time). `problems` are for a person to see.
    """

    kind: CallerKind = CallerKind.PERSON
    run_id: str = ""
    slot: Optional[Slot] = None
    step: str = ""
    script: str = ""
    folder: str = ""
    began: Optional[float] = None
    process: Optional[Tuple[int, float]] = None
    sources: Dict[str, str] = field(default_factory=dict)
    problems: Tuple[str, ...] = ()


NOBODY = Called()


@dataclass(frozen=True)
class Facts:
    """What one look told of a run: `known` by name, with its source or else why it is `unknown`."""

    known: Dict[str, Json] = field(default_factory=dict)
    sources: Dict[str, str] = field(default_factory=dict)
    unknown: Dict[str, str] = field(default_factory=dict)


NOTHING = Facts()


def merged(before: Json, now: Facts) -> Dict[str, Any]:
    """Return what is known after the look `now`, which replaces what it knows itself.

    The agent removes its files when a run has ended: what they told before stays known. A folder
    of the run that was there once had been made, whatever became of it.
    """
    old = {n: v for n, v in before.items() if n not in CALLS} if isinstance(before, dict) else {}
    found = {**old, **now.known}
    if isinstance(old.get("folders"), dict):
        seen = {name: True for name, was in old["folders"].items() if was is True}
        found["folders"] = {**now.known.get("folders", {}), **seen}
    unknown = {name: why for name, why in now.unknown.items() if name not in found}
    found["sources"] = {**_texts(old.get("sources")), **now.sources}
    found["unknown"] = unknown
    return found


def _texts(value: Json) -> Dict[str, str]:
    return value if isinstance(value, dict) else {}


def known_of(operation: Operation) -> Dict[str, Json]:
    """Return what was journalled of the run of `operation`."""
    known = operation.observed.get(SUBJECT)
    return known if isinstance(known, dict) else {}


def text(known: Mapping[str, Json], name: str) -> str:
    """Return what is known of `name`, "" when nothing, or nothing usable, is."""
    value = known.get(name)
    return value if isinstance(value, str) else ""


def count(known: Mapping[str, Json], name: str) -> Optional[int]:
    """Return the number that is known of `name`, None when there is none."""
    value = known.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def folder(known: Mapping[str, Json], name: str) -> Optional[bool]:
    """Return whether the run's folder of step `name` is, or was, there; None is not known."""
    folders = known.get("folders")
    value = folders.get(name) if isinstance(folders, dict) else None
    return value if isinstance(value, bool) else None
