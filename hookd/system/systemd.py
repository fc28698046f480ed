"""What systemd says of its units and jobs, in the forms that systemctl(1) has had since 219."""

from __future__ import annotations

import os
import re
import time
from typing import TYPE_CHECKING, Iterable, Iterator, Mapping, Sequence

from hookd.core.due import Reached
from hookd.core.rest import Bustle

if TYPE_CHECKING:
    from hookd.system.process.command import Completed, Run
    from hookd.system.root import Root

_ANSWERS_WITHIN_S = 5.0
_COLUMNS = 4
_OWN = ("hookd.service", "hookd-boot.service", "hookd.socket")
_MOVING = ("activating", "deactivating", "reloading")
_RUNS = ("active", *_MOVING)
_ONLINE = "network-online.target"
_CLOUD_FINAL = "cloud-final.service"
_SINCE_ACTIVE = "ActiveEnterTimestampMonotonic"
_SINCE = (
    "InactiveExitTimestampMonotonic",
    _SINCE_ACTIVE,
    "ActiveExitTimestampMonotonic",
    "InactiveEnterTimestampMonotonic",
)
_RESTARTS = ("NRestarts", "ExecMainStartTimestampMonotonic", "MainPID")
_UNIT = re.compile(r"[^/]+\.(?:service|scope)")


class Silent(Exception):
    """systemctl gave no answer; the message says why."""


def is_running(root: Root) -> bool:
    """Whether systemd runs what is below `root` (sd_booted(3)); another root is not running."""
    return root.is_host and os.path.isdir("/run/systemd/system")


def look(run: Run, bound_s: float) -> Bustle:
    """Look once whether units are at rest. Never raises: no answer is unrest as well.

    Jobs that are only waiting wait for others that run, or for hookd's own.
    """
    try:
        jobs = {unit: kind for unit, kind in _running_jobs(run) if unit not in _own_units()}
        services = {unit: state for unit, state in _services(run) if unit not in _own_units()}
        asked = sorted({*jobs, *(unit for unit, (state, _) in services.items() if state in _RUNS)})
        found = {one.get("Id", ""): one for one in show(run, asked, ("Id", *_SINCE, *_RESTARTS))}
    except Silent as error:
        return Bustle((str(error),))
    moving = {unit: sub for unit, (state, sub) in services.items() if state in _MOVING}
    busy = {**moving, **jobs}
    return Bustle(
        tuple(
            f"{unit} ({what})"
            for unit, what in sorted(busy.items())
            if not _is_older(found.get(unit, {}), bound_s)
        ),
        tuple((unit, _mark(one)) for unit, one in sorted(found.items())),
    )


def reached(run: Run) -> Reached:
    """Return how far this boot has come for hooks of recovery. Never raises: no answer waits.

    cloud-init's final stage is waited for while it is to come: it has a job, or runs.
    """
    try:
        found = show(run, (_ONLINE, _CLOUD_FINAL), ("Id", "ActiveState", "Job", _SINCE_ACTIVE))
    except Silent as error:
        return Reached((f"systemd ({error})",), None)
    units = {one.get("Id", ""): one for one in found}
    online, cloud = units.get(_ONLINE, {}), units.get(_CLOUD_FINAL, {})
    since, waits_for = online.get(_SINCE_ACTIVE, ""), []
    is_online = online.get("ActiveState") == "active"
    if not is_online:
        waits_for.append(_ONLINE)
    if cloud.get("ActiveState") in _MOVING or cloud.get("Job", "0") not in ("", "0"):
        waits_for.append(_CLOUD_FINAL)
    online_s = int(since) / 1e6 if is_online and since.isdigit() else None
    return Reached(tuple(waits_for), online_s)


def show(
    run: Run,
    units: Sequence[str],
    properties: Iterable[str],
    *,
    timeout_s: float = _ANSWERS_WITHIN_S,
) -> list[dict[str, str]]:
    """Return the properties of each of `units`; one that has no value may be missing.

    Raises Silent.
    """
    found = said_of(run, units, properties, timeout_s=timeout_s)
    return [dict(lines) for lines in found]


def said_of(
    run: Run,
    units: Sequence[str],
    properties: Iterable[str],
    *,
    timeout_s: float = _ANSWERS_WITHIN_S,
) -> list[list[tuple[str, str]]]:
    """Return the lines of each of `units` as (name, value): what has several values has several.

    Listen is called ListenStream, ListenDatagram and so on by 219. Where Id is asked for, a blank
    line in a value ends no unit. Raises Silent.
    """
    if not units:
        return []
    names, until = tuple(properties), time.monotonic() + timeout_s
    wanted = (word for name in names for word in ("-p", name))
    said = _said(run, "show", *wanted, "--", *units, timeout_s=timeout_s)
    if said.exit_code == 1 and not said.stderr.strip():
        # systemd 231, 232 and the 219 of RHEL 7 and Amazon Linux 2 end so, at the first unit that
        # is not of a kind that has every property (systemd/systemd#5201)
        left_s = max(0.1, until - time.monotonic())
        said = _said(run, "show", "--", *units, timeout_s=left_s)
    return list(_blocks(_text(said), names))


def _blocks(text: str, names: Sequence[str]) -> Iterator[list[tuple[str, str]]]:
    lines: list[tuple[str, str]] = []
    for block in text.split("\n\n"):
        parts = (line.partition("=") for line in block.splitlines() if "=" in line)
        lines += [(name, value) for name, _, value in parts if _is_one_of(name, names)]
        if "Id" not in names or any(name == "Id" for name, _ in lines):
            yield lines
            lines = []
    if lines:
        yield lines


def _is_one_of(name: str, names: Sequence[str]) -> bool:
    return name in names or ("Listen" in names and name.startswith("Listen"))


def _running_jobs(run: Run) -> Iterator[tuple[str, str]]:
    """Yield (unit, kind) of the jobs that run. A line is `JOB UNIT TYPE STATE`."""
    for _, unit, kind, state in _table(run, "list-jobs"):
        if state == "running":
            yield unit, kind


def loaded(run: Run, *options: str, timeout_s: float = _ANSWERS_WITHIN_S) -> Iterator[list[str]]:
    """Return unit, load, active and sub of each loaded unit. Raises Silent.

    A line is `UNIT LOAD ACTIVE SUB [JOB] DESCRIPTION`.
    """
    return _table(run, "list-units", "--all", "--plain", *options, timeout_s=timeout_s)


def _services(run: Run) -> Iterator[tuple[str, tuple[str, str]]]:
    """Yield (unit, (active, sub))."""
    for unit, _, active, sub in loaded(run, "--type=service"):
        yield unit, (active, sub)


def _table(
    run: Run, verb: str, *options: str, timeout_s: float = _ANSWERS_WITHIN_S
) -> Iterator[list[str]]:
    """Return the first four words of each line that has so many."""
    text = _ask(run, verb, "--no-legend", "--full", *options, timeout_s=timeout_s)
    rows = (line.split()[:_COLUMNS] for line in text.splitlines())
    return (row for row in rows if len(row) == _COLUMNS)


def _ask(run: Run, verb: str, *words: str, timeout_s: float) -> str:
    return _text(_said(run, verb, *words, timeout_s=timeout_s))


def _said(run: Run, verb: str, *words: str, timeout_s: float) -> Completed:
    said: Completed = run(("systemctl", verb, "--no-pager", *words), timeout_s=timeout_s)
    return said


def _text(said: Completed) -> str:
    if not said.is_ok:
        raise Silent(said.why())
    return said.stdout.decode("utf-8", "replace")


def _is_older(properties: Mapping[str, str], bound_s: float) -> bool:
    """Whether a unit is in its state for longer than the bound; not known is no.

    Timestamps are microseconds of CLOCK_MONOTONIC, 0 for what has never been.
    """
    stamps = [properties.get(name, "") for name in _SINCE]
    since = max((int(stamp) for stamp in stamps if stamp.isdigit()), default=0)
    return since > 0 and time.monotonic() - since / 1e6 > bound_s


def _mark(properties: Mapping[str, str]) -> str:
    """Return what changes when a service is started again; NRestarts is not known before 235."""
    return "/".join(properties.get(name, "") for name in _RESTARTS)


def _own_units() -> frozenset[str]:
    """Return the units of hookd, and the one that this process is in: it may be a job itself."""
    try:
        with open("/proc/self/cgroup", encoding="utf-8", errors="replace") as file:
            parts = file.read().replace("\n", "/").split("/")
    except OSError:
        parts = []
    mine = map(_UNIT.fullmatch, parts)
    return frozenset((*_OWN, *(found.group() for found in mine if found)))
