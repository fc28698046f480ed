"""Judges whether processes still run what was replaced."""

from __future__ import annotations

from typing import Tuple

from hookd.core.checks.ends import Ends
from hookd.core.checks.table import listed
from hookd.core.ignore import matches
from hookd.core.model import Check
from hookd.core.node import Processes, StaleProcess
from hookd.core.snapshot import Snapshot

STALE = "processes.stale"

_ENDS_WITH_THE_RUN = "ssm-document-worker"
"""The SSM agent's worker for this very run: an update of the agent lets it go on, then it ends."""


def processes_of(look: Snapshot) -> Processes:
    return look.node.processes


def stale(ends: Ends) -> Check:
    """Judge whether a process runs or maps replaced files, and did not before the operation."""
    judge, expected = ends.judge(STALE), "no process runs replaced files"
    cannot = ends.incomparable(judge, processes_of, expected)
    if cannot:
        return cannot
    first = processes_of(ends.first).stale if ends.is_one_boot else ()
    known = {(one.pid, one.started) for one in first}
    found = [
        _said(one, files)
        for one in processes_of(ends.last).stale
        for files in (_replaced(ends, one),)
        if files and (one.pid, one.started) not in known and not _is_ignored(ends, one)
    ]
    were = [one for one in processes_of(ends.first).stale if not _is_ignored(ends, one)]
    had = _counted(len(were))
    if found:
        return judge.not_met(expected=expected, found=listed(found), before=had)
    return judge.passed(expected=expected, found="none that did not before", before=had)


def _counted(number: int) -> str:
    if number == 1:
        return "1 process"
    return f"{number} processes" if number else "none"


def _is_ignored(ends: Ends, one: StaleProcess) -> bool:
    if one.program.rpartition("/")[2] == _ENDS_WITH_THE_RUN:
        return True
    patterns = ends.ignore.processes
    return any(matches(name, patterns) for name in (one.program, one.unit) if name)


def _replaced(ends: Ends, one: StaleProcess) -> Tuple[str, ...]:
    """Return its files that packages replaced. Who owns what no unit uses was not asked."""
    if not one.unit or not ends.blame.knows_all:
        return one.files
    return tuple(file for file in one.files if ends.blame.has(file))


def _said(one: StaleProcess, files: Tuple[str, ...]) -> str:
    program = one.program.rpartition("/")[2] or "a program without a name"
    of = f" of {one.unit}" if one.unit else ""
    more = f" and {len(files) - 1} more" if len(files) > 1 else ""
    return f"{program}{of} (pid {one.pid}: {files[0]}{more})"
