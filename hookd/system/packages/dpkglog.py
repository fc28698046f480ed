"""The package lines of /var/log/dpkg.log: what dpkg did, whoever called it."""

from __future__ import annotations

import re
from typing import Iterable

from hookd.core.debian import compare_debian
from hookd.core.readings import LogAction, LogCursor, LogEntry, PackageLog
from hookd.system.packages.tail import as_log, follow
from hookd.system.root import Root

SOURCE = "dpkg.log"
PATH = "/var/log/dpkg.log"

# dpkg(1) --log: local time, then an action on a package with its installed and its available
# version, `status`, `startup` or `conffile`. A downgrade and a reinstallation are `upgrade` too.
_LINE = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2}) ([0-9]{2}:[0-9]{2}:[0-9]{2}) ([a-z]+)(?: (.*))?", re.DOTALL
)
_NOISE = frozenset(("status", "startup", "conffile", "configure", "trigproc", "purge"))
_PACKAGE = re.compile(r"([^\s:]+):([^\s:]+) (\S+) (\S+)")
_GAINED = frozenset(("install", "upgrade"))
_LOST = frozenset(("remove", "disappear"))
_NONE = "<none>"


def read(root: Root, cursor: LogCursor | None) -> PackageLog:
    """Return the lines that dpkg.log gained since `cursor`; `at` is local time without a zone.

    dpkg writes the line of an action before it acts.
    """
    tail = follow(root.join(PATH), cursor)
    entries, unread = parse(tail.lines)
    return as_log(tail, SOURCE, entries, unread)


def parse(lines: Iterable[bytes]) -> tuple[list[LogEntry], list[str]]:
    """Return the entries of a dpkg.log and the lines that are neither entries nor known noise."""
    entries: list[LogEntry] = []
    unread: list[str] = []
    for raw in lines:
        text = raw.decode("utf-8", "backslashreplace").rstrip("\r")
        line = _LINE.fullmatch(text)
        if line and line.group(3) in _NOISE:
            continue
        entry = _entry(line) if line else None
        if entry is not None:
            entries.append(entry)
        elif text:
            unread.append(text)
    return entries, unread


def _entry(line: re.Match[str]) -> LogEntry | None:
    day, time, word, rest = line.groups(default="")
    package = _PACKAGE.fullmatch(rest)
    if package is None or not rest.isprintable():
        return None
    name, arch, old, new = package.groups()
    at = f"{day}T{time}"
    if word in _GAINED and new != _NONE:
        return LogEntry(_gain(word, old, new), name, new, arch, at)
    if word in _LOST:
        return LogEntry(LogAction.REMOVED, name, old, arch, at)
    return None


def _gain(word: str, old: str, new: str) -> LogAction:
    """`install` over an old version is of a package whose configuration files had been left."""
    if word == "install" or old == _NONE:
        return LogAction.INSTALLED
    order = compare_debian(old, new)
    if order == 0:
        return LogAction.REINSTALLED
    return LogAction.UPDATED if order < 0 else LogAction.DOWNGRADED
