"""Reads the loaded units of systemd and their state, as systemctl(1) has shown them since 219."""

from __future__ import annotations

from typing import TYPE_CHECKING, Iterator, Sequence

from hookd.core.node import Unit, Units
from hookd.core.readings import Standing
from hookd.system import systemd, unit_lines
from hookd.system.root import NOTHING_RUNS

if TYPE_CHECKING:
    from hookd.system.process.command import Run
    from hookd.system.root import Root

LIMIT_S = 75.0
"""Both questions at their limits, and something for what stands between."""

_ANSWERS_WITHIN_S = 30.0  # of a machine that updates itself on its last CPU credits
_LEFT_OUT = (".device", ".scope", ".slice")  # of hardware, of sessions, of nothing that runs
_AT_ONCE = 1000  # names in one argv; execve(2) takes 2 MiB
_MOST = 10_000
_PROPERTIES = (
    *("Id", "LoadState", "ActiveState", "SubState", "UnitFileState", "Type", "Result"),
    *("NRestarts", "MainPID", "ExecMainStartTimestampMonotonic", "FragmentPath", "Job"),
    *("ExecStart", "Listen", "Triggers"),
)
_NOT_SET = 2**64 - 1  # how systemctl prints what has no value, as "[not set]" since 240


def read(root: Root, run: Run) -> Units:
    """Return all loaded units but devices, scopes and slices; absent where no systemd runs.

    Of targets, which run nothing, only the state is read.
    """
    if not root.is_host:
        return Units(Standing.ABSENT, NOTHING_RUNS)
    if not systemd.is_running(root):
        return Units(Standing.ABSENT, "no systemd runs here")
    try:
        return listed(run)
    except systemd.Silent as error:
        return Units(Standing.UNKNOWN, str(error))


def listed(run: Run) -> Units:
    """Return what systemctl says of them. Raises Silent."""
    found = systemd.loaded(run, timeout_s=_ANSWERS_WITHIN_S)
    rows = {row[0]: row for row in found if not row[0].endswith(_LEFT_OUT)}
    if len(rows) > _MOST:
        return Units(Standing.UNKNOWN, f"there are {len(rows)} units, more than {_MOST}")
    wanted = sorted(name for name, row in rows.items() if _has_more(row))
    shown = {dict(lines).get("Id", ""): lines for lines in _shown(run, wanted)}
    return Units(
        units=tuple(_unit(rows[name], shown.get(name, ())) for name in sorted(rows)),
        jobs=tuple(n for n in sorted(rows) if _number(dict(shown.get(n, ())).get("Job", ""))),
    )


def _has_more(row: list[str]) -> bool:
    """Whether `show` can tell more than the state: each unit costs PID 1 most of a millisecond."""
    name, load, _, _ = row
    return load != "not-found" and not name.endswith(".target")


def _shown(run: Run, names: list[str]) -> Iterator[list[unit_lines.Line]]:
    for begin in range(0, len(names), _AT_ONCE):
        some = names[begin : begin + _AT_ONCE]
        yield from systemd.said_of(run, some, _PROPERTIES, timeout_s=_ANSWERS_WITHIN_S)


def _unit(row: list[str], lines: Sequence[unit_lines.Line]) -> Unit:
    """Return the unit as `show` has it; the list, which is a moment older, has only its state."""
    name, load, active, sub = row
    shown = dict(lines)
    return Unit(
        name=name,
        load=shown.get("LoadState", load),
        active=shown.get("ActiveState", active),
        sub=shown.get("SubState", sub),
        enabled=shown.get("UnitFileState", ""),
        kind=shown.get("Type", ""),
        result=shown.get("Result", ""),
        restarts=_number(shown.get("NRestarts", "")),
        main_pid=_number(shown.get("MainPID", "")) or 0,
        started_us=_number(shown.get("ExecMainStartTimestampMonotonic", "")) or 0,
        fragment=shown.get("FragmentPath", ""),
        files=unit_lines.files_of(lines),
        listens=unit_lines.sockets_of(lines),
        triggers=tuple(shown.get("Triggers", "").split()) if name.endswith(".socket") else (),
    )


def _number(text: str) -> int | None:
    if not (text.isascii() and text.isdigit()) or len(text) > len(str(_NOT_SET)):
        return None
    number = int(text)
    return number if number != _NOT_SET else None
