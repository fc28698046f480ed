"""One thing wrong with a configuration or hook file, and where it stands."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Sequence

_BARE = re.compile(r"[A-Za-z0-9_-]+\Z")


@dataclass(frozen=True)
class Problem:
    """What is wrong: in which file, under which key (dotted, empty: the file itself), and why.

    `line` counts from 1; 0 is "not known". A warning stops nothing. An unknown key is a warning to
    `hookd run` and an error to `hookd check`.
    """

    file: str
    key: str
    reason: str
    line: int = 0
    is_warning: bool = False
    is_unknown_key: bool = False

    @property
    def fails_check(self) -> bool:
        return self.is_unknown_key or not self.is_warning

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}" if self.line else self.file
        return ": ".join(part for part in (where, self.key, self.reason) if part)


@dataclass(frozen=True)
class Finding:
    """Something wrong at `path`, the keys from the top of the table that was read."""

    path: tuple[str, ...]
    reason: str
    is_unknown_key: bool = False

    def problem(self, file: str, line: int = 0) -> Problem:
        unknown = self.is_unknown_key
        return Problem(file, dotted(self.path), self.reason, line, unknown, unknown)


def dotted(path: Sequence[str]) -> str:
    """Return `path` as TOML writes it: `hooks."pre/10-x".timeout`."""
    return ".".join(part if _BARE.match(part) else _quoted(part) for part in path)


def _quoted(part: str) -> str:
    return '"' + part.replace("\\", "\\\\").replace('"', '\\"') + '"'
