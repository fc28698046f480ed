"""The runs that apt tells of in /var/log/apt/history.log."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Iterable, Sequence

from hookd.core.readings import (
    History,
    LogAction,
    LogEntry,
    Standing,
    Transaction,
    TransactionState,
)
from hookd.system.packages.tail import NOWHERE, back, follow
from hookd.system.root import Root

SOURCE = "apt-history"
PATH = "/var/log/apt/history.log"

_LAST = 4 * 1024 * 1024
"""How far back from its end the last stanza is looked for."""

# apt-pkg/deb/dpkgpm.cc, pkgDPkgPM::OpenLog and CloseLog: all up to the package lists is written
# before dpkg is called, `Disappeared`, `Error` and `End-Date` after it.
_ACTIONS = {
    "Install": LogAction.INSTALLED,
    "Reinstall": LogAction.REINSTALLED,
    "Upgrade": LogAction.UPDATED,
    "Downgrade": LogAction.DOWNGRADED,
    "Remove": LogAction.REMOVED,
    "Purge": LogAction.REMOVED,
    "Disappeared": LogAction.REMOVED,
}
_TWO_VERSIONS = (LogAction.UPDATED, LogAction.DOWNGRADED)
_BEGIN = "Start-Date"
_LINE = re.compile(r"([A-Z][A-Za-z-]{2,30}): ?(.*)", re.DOTALL)
_TIME = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})  ?([0-9]{2}):([0-9]{2}):([0-9]{2})")
_USER = re.compile(r".* \(([0-9]{1,10})\)")
_PACKAGE = re.compile(r"([^\s:,()]+)(?::([^\s:,()]+))?(?: \(([^()]*)\))?")
_MOST_ERRORS = 20


def read(root: Root, since: History | None) -> History:
    """Return the runs behind the place of `since`; without one none.

    A last run without its end still works, or was cut off: it is listed as unfinished once, and
    again when it has ended. apt writes local time without a zone.
    """
    path = root.join(PATH)
    cursor = since.cursor if since else None
    tail = follow(path, cursor)
    if cursor is None and tail.is_ok:
        tail = replace(follow(path, NOWHERE, most=_LAST), gap=False, reason="")
    stanzas = _stanzas(tail.lines)
    runs = [transaction(stanza) for stanza in stanzas]
    known = since.unfinished if since else ()
    unfinished, place = _open(runs[-1:]), tail.cursor
    if unfinished and place:
        place = back(path, place, stanzas[-1])
    new = [run for run in runs if not _open([run]) or _open([run])[0] not in known]
    return History(
        standing=tail.standing,
        reason=tail.reason,
        source=SOURCE,
        last_id=runs[-1].id if runs else (since.last_id if since else 0),
        transactions=tuple(new) if cursor else (),
        unfinished=known if tail.standing is Standing.UNKNOWN else unfinished,
        cursor=place,
        gap=tail.gap,
    )


def _open(runs: Sequence[Transaction]) -> tuple[str, ...]:
    return tuple(f"run {one.id}" for one in runs if one.state is TransactionState.UNFINISHED)


def _stanzas(lines: Iterable[bytes]) -> list[list[bytes]]:
    """Return the lines of each stanza that begins here, up to the next one."""
    found: list[list[bytes]] = []
    for line in lines:
        if line.startswith(_BEGIN.encode() + b":"):
            found.append([])
        if found:
            found[-1].append(line)
    return found


def transaction(stanza: Iterable[bytes]) -> Transaction:
    """Return the run that the lines of a stanza tell of, whatever else stands between them."""
    fields: dict[str, str] = {}
    items: list[LogEntry] = []
    errors: list[str] = []
    for raw in stanza:
        line = _LINE.fullmatch(raw.decode("utf-8", "backslashreplace").rstrip("\r"))
        if line is None:
            continue
        key, value = line.groups()
        if key in _ACTIONS:
            entries, odd = _packages(_ACTIONS[key], value)
            items += entries
            errors += odd
        elif key == "Error":
            errors.append(value)
        else:
            fields[key] = value
    began, user = fields.get(_BEGIN, ""), _USER.fullmatch(fields.get("Requested-By", ""))
    failed = TransactionState.FAILED if errors else TransactionState.OK
    return Transaction(
        id=int("".join(filter(str.isdigit, _time(began))) or 0),
        state=failed if "End-Date" in fields else TransactionState.UNFINISHED,
        began_at=_time(began),
        ended_at=_time(fields.get("End-Date", "")),
        command_line=fields.get("Commandline", ""),
        user_id=int(user.group(1)) if user else None,
        items=tuple(items),
        errors=tuple(errors[:_MOST_ERRORS]),
    )


def _packages(action: LogAction, text: str) -> tuple[list[LogEntry], list[str]]:
    """Return the entries of a list `NAME:ARCH (VERSION[, VERSION][, automatic])` and complaints."""
    entries: list[LogEntry] = []
    matches = list(_PACKAGE.finditer(text))
    for match in matches:
        name, arch, inside = match.groups(default="")
        versions = [word for word in inside.split(", ") if word and word != "automatic"]
        if len(versions) > 1 and action in _TWO_VERSIONS:
            entries.append(LogEntry(action, name, versions[1], arch))
            entries.append(LogEntry(LogAction.REPLACED, name, versions[0], arch))
        else:
            entries.append(LogEntry(action, name, versions[0] if versions else "", arch))
    whole = ", ".join(match.group() for match in matches) == text
    return entries, [] if whole else [f"packages that cannot be read: {text[:100]!r}"]


def _time(text: str) -> str:
    """Return `2026-11-23  04:40:33` as `2026-11-23T04:40:33`; empty for what is no time."""
    match = _TIME.fullmatch(text)
    return "{}-{}-{}T{}:{}:{}".format(*match.groups()) if match else ""
