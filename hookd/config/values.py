"""The values that configuration and metadata may hold: durations, sizes, numbers, names, times."""

from __future__ import annotations

import datetime as dt
import math
import re
from typing import Any, Callable, Collection, Mapping, cast

from hookd.config.problem import Finding

Reader = Callable[[Any], Any]
Readers = Mapping[str, "tuple[str, Reader | Section]"]
"""For each key of a table: the field it fills and what reads its value."""

LONGEST_S = 366 * 86400.0
LARGEST_BYTES = 1 << 50
_SHOWN_CHARACTERS = 60

_UNITS_S = {"d": 86400.0, "h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
_DURATION = re.compile(
    r"\s*".join(rf"(?:(?P<{unit}>[0-9]+(?:\.[0-9]+)?){unit})?" for unit in _UNITS_S) + r"\Z"
)
_UNITS_BYTES = {
    "": 1,
    "B": 1,
    "kB": 1000,
    "KB": 1000,
    "MB": 1000**2,
    "GB": 1000**3,
    "KiB": 1 << 10,
    "MiB": 1 << 20,
    "GiB": 1 << 30,
}
_SIZE = re.compile(r"([0-9]{1,16}) ?([A-Za-z]*)\Z")
_KINDS = (
    (bool, "a boolean"),
    (str, "text"),
    (int, "a number"),
    (float, "a number"),
    (dict, "a table"),
    (list, "a list"),
)


class BadValueError(ValueError):
    """A value that cannot be used: one finding, or one for each part of it."""

    def __init__(self, *findings: Finding) -> None:
        super().__init__("; ".join(finding.reason for finding in findings))
        self.findings = findings


def bad(reason: str) -> BadValueError:
    return BadValueError(Finding((), reason))


class Section:
    """Reads a table within a table; what can be read of it counts, whatever is wrong beside it."""

    def __init__(self, record: Callable[..., Any], readers: Readers) -> None:
        self._record = record
        self._readers = readers

    def __call__(self, value: Any) -> tuple[Any, list[Finding]]:
        fields, findings = read_table(value, self._readers)
        return self._record(**fields), findings


def attempt(
    reader: Reader | Section, value: Any, path: tuple[str, ...] = ()
) -> tuple[Any, list[Finding]]:
    """Return what `reader` makes of `value` (None when it cannot), and what is wrong with it."""
    try:
        read, found = reader(value) if isinstance(reader, Section) else (reader(value), ())
    except BadValueError as error:
        read, found = None, error.findings
    return read, [Finding((*path, *f.path), f.reason, f.is_unknown_key) for f in found]


def kind_of(value: Any) -> str:
    return next((name for kind, name in _KINDS if isinstance(value, kind)), "a date or time")


def shown(value: str) -> str:
    return repr(value if len(value) <= _SHOWN_CHARACTERS else value[:_SHOWN_CHARACTERS] + "...")


def text(value: Any) -> str:
    if not isinstance(value, str):
        raise bad(f"must be text, not {kind_of(value)}")
    if "\0" in value:
        raise bad("must not hold a zero byte")
    return value


def name(value: Any) -> str:
    """Read the name of a user or a group: one word."""
    if not re.match(r"[^\s:/\0-][^\s:/\0]*\Z", text(value)):
        raise bad(f"{shown(value)} is no name")
    return str(value)


def boolean(value: Any) -> bool:
    if not isinstance(value, bool):
        raise bad(f"must be true or false, not {kind_of(value)}")
    return value


def integer(least: int, most: int) -> Reader:
    def read(value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int):
            raise bad(f"must be a whole number, not {kind_of(value)}")
        if not least <= value <= most:
            raise bad(f"must be between {least} and {most}")
        return cast(int, value)

    return read


def duration(value: Any) -> float:
    """Read `"1h30m"`, `"500ms"` or a number of seconds; zero is fine."""
    seconds = _seconds(value)
    if not 0 <= seconds <= LONGEST_S:
        raise bad("must be between 0 and 366d")
    return float(seconds)


def positive_duration(value: Any) -> float:
    seconds = duration(value)
    if seconds == 0:
        raise bad("must be more than 0")
    return seconds


def _seconds(value: Any) -> float:
    if isinstance(value, str):
        match = _DURATION.match(value.strip())
        if not match or not any(match.groups()):
            raise bad(f'{shown(value)} is no duration: write "500ms", "10s", "55m" or "1h30m"')
        return math.fsum(
            float(count) * _UNITS_S[unit] for unit, count in match.groupdict().items() if count
        )
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise bad(f'must be a duration like "10m", not {kind_of(value)}')
    return cast(float, value)


def size(value: Any) -> int:
    """Read `"1MiB"`, `"64kB"` (1000s) or a number of bytes."""
    count = _bytes(value)
    if not 0 <= count <= LARGEST_BYTES:
        raise bad("must be between 0 and 1048576GiB")
    return count


def _bytes(value: Any) -> int:
    if isinstance(value, str):
        match = _SIZE.match(value.strip())
        if not match or match.group(2) not in _UNITS_BYTES:
            raise bad(f'{shown(value)} is no size: write "64kB", "1MiB" or "2GiB"')
        return int(match.group(1)) * _UNITS_BYTES[match.group(2)]
    if isinstance(value, bool) or not isinstance(value, int):
        raise bad(f'must be a size like "1MiB", not {kind_of(value)}')
    return cast(int, value)


def choice(names: Collection[str], convert: Callable[[str], Any] = str) -> Reader:
    def read(value: Any) -> Any:
        if not isinstance(value, str) or value not in names:
            found = shown(value) if isinstance(value, str) else kind_of(value)
            raise bad(f"must be one of {', '.join(names)}, not {found}")
        return convert(value)

    return read


def matching(pattern: str, meaning: str) -> Reader:
    expression = re.compile(pattern + r"\Z", re.DOTALL)

    def read(value: Any) -> str:
        if not expression.match(text(value)):
            raise bad(f"{shown(value)} is no {meaning}")
        return str(value)

    return read


def list_of(reader: Reader, *, least: int = 0) -> Reader:
    """Read a list without repetitions into a tuple, every bad item named at once."""

    def read(value: Any) -> tuple[Any, ...]:
        if not isinstance(value, list):
            raise bad(f"must be a list, not {kind_of(value)}")
        if len(value) < least:
            raise bad("must not be empty")
        items: dict[Any, None] = {}
        findings: list[Finding] = []
        for item in value:
            read_item, found = attempt(reader, item)
            findings += found
            if not found:
                items[read_item] = None
        if findings:
            raise BadValueError(*findings)
        return tuple(items)

    return read


def table_of(reader: Reader, key: Reader) -> Reader:
    """Read a table whose keys `key` accepts, every bad key and value named at once."""

    def read(value: Any) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise bad(f"must be a table, not {kind_of(value)}")
        items: dict[str, Any] = {}
        findings: list[Finding] = []
        for word, item in value.items():
            found = attempt(key, word, (word,))[1]
            if not found:
                items[word], found = attempt(reader, item, (word,))
            findings += found
        if findings:
            raise BadValueError(*findings)
        return items

    return read


def moment(value: Any) -> str:
    """Read a TOML date-time with offset, or its text, into UTC text."""
    if isinstance(value, str):
        try:
            value = dt.datetime.fromisoformat(re.sub(r"[zZ]\Z", "+00:00", value.strip()))
        except ValueError:
            raise bad(f"{shown(value)} is no time: write 2026-12-01T00:00:00Z") from None
    if not isinstance(value, dt.datetime) or value.utcoffset() is None:
        raise bad("must be a time with its offset: 2026-12-01T00:00:00Z")
    try:
        utc = value.astimezone(dt.timezone.utc)
    except OverflowError:
        raise bad("is out of range") from None
    return utc.replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def read_table(value: Any, readers: Readers) -> tuple[dict[str, Any], list[Finding]]:
    """Return the fields of table `value` that could be read, and everything wrong with it."""
    if not isinstance(value, dict):
        return {}, [Finding((), f"must be a table, not {kind_of(value)}")]
    fields: dict[str, Any] = {}
    findings: list[Finding] = []
    for key, item in value.items():
        if key not in readers:
            findings.append(Finding((key,), _unknown(key, readers), is_unknown_key=True))
            continue
        field, reader = readers[key]
        read_item, found = attempt(reader, item, (key,))
        findings += found
        if not found or read_item is not None:
            fields[field] = read_item
    return fields, findings


def _unknown(key: str, readers: Readers) -> str:
    alike = [known for known in readers if _plain(known) == _plain(key)]
    return f"unknown key; is it {alike[0]}?" if alike else "unknown key"


def _plain(key: str) -> str:
    return re.sub(r"[^a-z]", "", key.lower()).rstrip("s")
