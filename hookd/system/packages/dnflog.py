"""The package lines of /var/log/dnf.rpm.log, as dnf 4 writes them."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Iterable

from hookd.core.nevra import parse_nevra
from hookd.core.readings import LogAction, LogCursor, LogEntry, PackageLog
from hookd.system.packages.tail import as_log, follow
from hookd.system.root import Root

SOURCE = "dnf.rpm.log"
PATH = "/var/log/dnf.rpm.log"

# dnf/logging.py: "%(asctime)s %(levelname)s %(message)s"; up to dnf 4.2 the time is UTC with `Z`,
# since 4.4 local time with its offset.
_LINE = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})T([0-9]{2}):([0-9]{2}):([0-9]{2})"
    r"(?:Z|([+-])([0-9]{2}):?([0-9]{2})) ([A-Z]{2,12}) (.*)",
    re.DOTALL,
)
_WORD = re.compile(r"([A-Z][a-z]+): (\S+)")

# Two of dnf/yum/rpmtrans.py's messages, and rpm's own, say that a package was not processed. A
# failed %post is none of them: rpm only warns and the package is installed.
_FAILED = re.compile(
    r"Error in PRE(?:IN|UN) scriptlet in rpm package (\S+)"
    r"|Error unpacking rpm package (\S+)"
    r"|error: (\S+): (?:install|erase) failed"
)

# dnf/transaction.py FILE_ACTIONS
_ACTIONS = {
    "Installed": LogAction.INSTALLED,
    "Upgrade": LogAction.UPDATED,
    "Upgraded": LogAction.REPLACED,
    "Downgrade": LogAction.DOWNGRADED,
    "Downgraded": LogAction.REPLACED,
    "Reinstall": LogAction.REINSTALLED,
    "Reinstalled": LogAction.REPLACED,
    "Erase": LogAction.REMOVED,
    "Obsoleted": LogAction.OBSOLETED,
    "Obsolete": LogAction.OBSOLETED,
}


def read(root: Root, cursor: LogCursor | None) -> PackageLog:
    """Return the lines that dnf.rpm.log gained since `cursor`; `at` is UTC.

    dnf writes a package's line before rpm processes it: `Upgrade: NEW` stands there even if the
    package then fails, which is an entry of its own (`failed`), sometimes two: one with the name
    from dnf and one with the whole version from rpm.
    """
    tail = follow(root.join(PATH), cursor)
    entries, unread = parse(tail.lines)
    return as_log(tail, SOURCE, entries, unread)


def parse(lines: Iterable[bytes]) -> tuple[list[LogEntry], list[str]]:
    """Return the entries of a dnf.rpm.log and the lines that are neither entries nor known noise.

    What scriptlets print is known noise: messages of other levels than SUBDEBUG, and the lines
    without a time that follow them.
    """
    entries: list[LogEntry] = []
    unread: list[str] = []
    at = ""
    in_message = True
    for raw in lines:
        text = raw.decode("utf-8", "backslashreplace").rstrip("\r")
        line = _LINE.fullmatch(text)
        level, message = line.groups()[9:] if line else ("", text)
        if line:
            at, in_message = _utc(line), level != "SUBDEBUG"
        if in_message:
            entry = _failure(message, at)
        else:
            entry = _package(message, at) if line else None
            if entry is None and text:
                unread.append(text)
        if entry is not None:
            entries.append(entry)
    return entries, unread


def parse_line(text: str) -> LogEntry | None:
    """Read one line by itself; None if it names no package that was or was not processed."""
    entries, _ = parse([text.encode("utf-8", "backslashreplace")])
    return entries[0] if entries else None


def _package(message: str, at: str) -> LogEntry | None:
    word = _WORD.fullmatch(message)
    action = _ACTIONS.get(word.group(1)) if word else None
    nevra = parse_nevra(word.group(2)) if word else None
    if action is None or nevra is None:
        return None
    return LogEntry(action, nevra.name, nevra.evr, nevra.arch, at)


def _failure(message: str, at: str) -> LogEntry | None:
    match = _FAILED.fullmatch(message)
    if match is None or not message.isprintable():
        return None
    package = match.group(1) or match.group(2) or match.group(3)
    nevra = parse_nevra(package)
    if nevra is None:
        return LogEntry(LogAction.FAILED, package, at=at)
    return LogEntry(LogAction.FAILED, nevra.name, nevra.evr, nevra.arch, at)


def _utc(line: re.Match[str]) -> str:
    year, month, day, hour, minute, second = (int(line.group(n)) for n in range(1, 7))
    offset = timedelta(hours=int(line.group(8) or 0), minutes=int(line.group(9) or 0))
    try:
        at = datetime(year, month, day, hour, minute, second)  # noqa: DTZ001 - UTC below
        return (at + offset if line.group(7) == "-" else at - offset).isoformat() + "Z"
    except (ValueError, OverflowError):
        return ""
