"""TOML text as a table, or one error that knows its line."""

from __future__ import annotations

import re
import sys
from typing import Any

if sys.version_info >= (3, 11):
    import tomllib  # novm
else:
    import tomli as tomllib

_AT_LINE = re.compile(r" \(at line (\d+), column \d+\)\Z")
_AT_END = " (at end of document)"


class TomlError(ValueError):
    """What is wrong with the text, and in which of its lines (from 1)."""

    def __init__(self, reason: str, line: int) -> None:
        super().__init__(reason)
        self.reason = reason
        self.line = line


def parse_toml(data: bytes) -> dict[str, Any]:
    """Return the table that `data` describes. Raise TomlError, whatever is in it."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise TomlError("is not UTF-8 text", line) from None
    try:
        return dict(tomllib.loads(text))
    except RecursionError:
        raise TomlError("is nested too deeply", 1) from None
    except ValueError as error:
        raise _located(str(error), text) from None


def _located(message: str, text: str) -> TomlError:
    match = _AT_LINE.search(message)
    if match:
        return TomlError(message[: match.start()], int(match.group(1)))
    if message.endswith(_AT_END):
        return TomlError(message[: -len(_AT_END)], max(1, len(text.splitlines())))
    return TomlError(message, 1)
