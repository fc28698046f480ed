"""The package lines of /var/log/yum.log, as yum 3.4.3 and its ancestors write them."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone
from typing import Iterable

from hookd.core.nevra import parse_nevra, split_evr
from hookd.core.readings import LogAction, LogCursor, LogEntry, PackageLog
from hookd.system.packages.tail import as_log, follow
from hookd.system.root import Root

SOURCE = "yum.log"
PATH = "/var/log/yum.log"

_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_LINE = re.compile(
    r"([^\s\d:]{1,12}) +([0-9]{1,2}) ([0-9]{2}):([0-9]{2}):([0-9]{2}) (\S.*)", re.DOTALL
)
_WORD = re.compile(r"([A-Z][A-Za-z -]{2,20}): (\S.*)", re.DOTALL)
_OLD_NAME_ARCH = re.compile(r"(\S+)\.([A-Za-z][A-Za-z0-9_]*) ((?:[0-9]+:)?[^\s:-]+-[^\s:-]+)")
_OLD_DASH = re.compile(r"(\S+) - ((?:[0-9]+:)?[^\s:-]+-[^\s:-]+)\.([A-Za-z][A-Za-z0-9_]*)")
_FAILED = re.compile(r"(\S+): 100")
_BARE = re.compile(r"[^\s:/]+")

# rpmtrans.py fileaction; the last two stand in its table but nothing writes them. yum 2 has "Dep".
_ACTIONS = {
    "Installed": LogAction.INSTALLED,
    "Dep Installed": LogAction.INSTALLED,
    "Updated": LogAction.UPDATED,
    "Erased": LogAction.REMOVED,
    "Obsoleted": LogAction.OBSOLETED,
    "Cleanup": LogAction.REPLACED,
}

# rpmtrans.py _makeHandle/ts_done: a disagreement of yum with itself that loses no package line.
_NOISE = re.compile(r"(?:\S+: )?ts_done (?:state|name) ")

# The clock may be set back, and the log of another root may be of another zone.
_SLACK = timedelta(days=1)


def read(root: Root, cursor: LogCursor | None, now: float) -> PackageLog:
    """Return the lines that yum.log gained since `cursor`; `now` is epoch seconds.

    `at` of an entry is the machine's local time without a zone, as `2021-02-05T01:53:11`: yum
    writes neither zone nor year. The year is the latest that fits, going backwards from the last
    write. A line means that one package was unpacked, not that the transaction ended; removed
    old kernels, the old versions and what plain rpm did are not in this log.
    """
    tail = follow(root.join(PATH), cursor)
    newest = min(tail.mtime, now) if tail.mtime else now
    local = datetime.fromtimestamp(newest, tz=timezone.utc).astimezone().replace(tzinfo=None)
    entries, unread = parse(tail.lines, local)
    return as_log(tail, SOURCE, entries, unread)


def parse(lines: Iterable[bytes], newest: datetime) -> tuple[list[LogEntry], list[str]]:
    """Return the entries of a yum.log and the lines that are neither entries nor known noise.

    `newest` is when the last line was written, in local time.
    """
    found: list[tuple[re.Match[str], LogEntry]] = []
    unread: list[str] = []
    for raw in lines:
        text = raw.decode("utf-8", "backslashreplace").rstrip("\r")
        line = _LINE.fullmatch(text)
        entry = _read_message(line.group(6)) if line else None
        if line and entry:
            found.append((line, entry))
        elif text.strip() and not (line and _NOISE.match(line.group(6))):
            unread.append(text)
    entries: list[LogEntry] = []
    for line, entry in reversed(found):
        at = _latest(line, newest + _SLACK)
        newest = min(newest, at or newest)
        entries.append(_with_time(entry, at))
    return entries[::-1], unread


def parse_line(text: str) -> LogEntry | None:
    """Read one line, without its year: `at` stays empty. None if it is no package line.

    `Erased: NAME` alone is what yum writes when several packages of a transaction share the name
    (and yum 3.2 always): its `evr` and `arch` are empty. `NEVRA: 100` (TS_FAILED) is a failure.
    """
    line = _LINE.fullmatch(text)
    return _read_message(line.group(6)) if line else None


def _read_message(message: str) -> LogEntry | None:
    if not message.isprintable():
        return None
    word = _WORD.fullmatch(message)
    if word is None:
        failed = _FAILED.fullmatch(message)
        return _entry(LogAction.FAILED, failed.group(1)) if failed else None
    action = _ACTIONS.get(word.group(1).replace("-", " "))
    return _entry(action, word.group(2)) if action else None


def _entry(action: LogAction, package: str) -> LogEntry | None:
    nevra = parse_nevra(package)
    if nevra is not None:
        return LogEntry(action, nevra.name, nevra.evr, nevra.arch)
    if action in (LogAction.REMOVED, LogAction.FAILED) and _BARE.fullmatch(package):
        return LogEntry(action, package)
    old = _OLD_NAME_ARCH.fullmatch(package)
    if old is not None:
        return LogEntry(action, old.group(1), _evr(old.group(3)), old.group(2))
    old = _OLD_DASH.fullmatch(package)
    if old is not None:
        return LogEntry(action, old.group(1), _evr(old.group(2)), old.group(3))
    return None


def _evr(text: str) -> str:
    """Yum 2 writes `0:` where later ones leave it out."""
    return text if split_evr(text)[0] else text.rpartition(":")[2]


def _latest(line: re.Match[str], limit: datetime) -> datetime | None:
    """Return the latest time up to `limit` that the line's stamp can mean; None for no date."""
    month = line.group(1)[:3].lower()
    if month not in _MONTHS:
        return None
    day, hour, minute, second = (int(line.group(n)) for n in (2, 3, 4, 5))
    for year in range(limit.year, limit.year - 9, -1):  # Feb 29: 1896 to 1904 is the longest way
        try:
            at = datetime(year, _MONTHS.index(month) + 1, day, hour, minute, second)  # noqa: DTZ001
        except ValueError:
            continue
        if at <= limit:
            return at
    return None


def _with_time(entry: LogEntry, at: datetime | None) -> LogEntry:
    if at is None:
        return entry
    return LogEntry(entry.action, entry.name, entry.evr, entry.arch, at.isoformat())
