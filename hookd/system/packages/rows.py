"""The values of a history database's columns, which SQLite lets be of any type."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Sequence

from hookd.core.nevra import join_evr
from hookd.core.readings import LogAction, LogEntry

_UNSET = 4294967295
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - UTC throughout


def text(value: Any) -> str:
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    return "" if value is None else str(value)


def integer(value: Any) -> int:
    """Return the number, 0 where there is none."""
    if isinstance(value, int):
        return value
    try:
        return int(text(value)[:19])
    except ValueError:
        return 0


def utc(value: Any) -> str:
    """Return epoch seconds as `2026-11-05T04:18:07Z`; empty for 0, NULL and what is no time."""
    seconds = integer(value)
    if seconds <= 0:
        return ""
    try:
        return (_EPOCH + timedelta(seconds=seconds)).isoformat() + "Z"
    except OverflowError:
        return ""


def user_id(value: Any) -> int | None:
    """Return a login uid; -1, which the kernel prints as 4294967295, is nobody's."""
    if value is None or integer(value) in (-1, _UNSET):
        return None
    return integer(value)


def entry(action: LogAction, package: Sequence[Any]) -> LogEntry:
    """Return the entry of (name, epoch, version, release, arch)."""
    name, epoch, version, release, arch = package
    evr = join_evr(integer(epoch), text(version), text(release))
    return LogEntry(action, text(name), evr, text(arch))
