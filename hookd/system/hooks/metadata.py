"""The metadata block of a hook file, in the grammar of Python's inline script metadata.

The block starts with the line `# /// hookd`, ends with `# ///`, and each line between is `#` or
`# ` and TOML (packaging.python.org, "Inline script metadata").
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from hookd.config.hook_table import NOTHING, read_hook
from hookd.config.problem import Problem
from hookd.system.toml import TomlError, parse_toml

if TYPE_CHECKING:
    from hookd.config.model import HookOverride
    from hookd.core.model import Phase

MOST_LINES = 200
_START = b"# /// hookd"
_END = b"# ///"
_LIKE_START = re.compile(rb"#\s*///\s*hookd\s*\Z", re.IGNORECASE)


@dataclass(frozen=True)
class Metadata:
    """What the block says, and everything wrong with it, each with its line of the file."""

    override: HookOverride = NOTHING
    problems: tuple[Problem, ...] = ()

    @property
    def errors(self) -> tuple[Problem, ...]:
        return tuple(p for p in self.problems if not p.is_warning)


@dataclass(frozen=True)
class _Block:
    """The lines between start and end; `line` is that of the start, counted from 1."""

    line: int
    lines: tuple[bytes, ...]

    def line_of(self, key: str) -> int:
        pattern = re.compile(rb"""\s*["']?%s["']?\s*[=.]""" % re.escape(key.encode()))
        for number, text in enumerate(self.lines, self.line + 1):
            if pattern.match(text):
                return number
        return self.line


def read_metadata(head: bytes, phase: Phase, file: str) -> Metadata:
    """Return the metadata that `head`, the first 64 KiB of `file`, holds; none in a binary."""
    if b"///" not in head or b"\0" in head:
        return Metadata()
    lines = [line.rstrip() for line in head.split(b"\n")]
    starts = [n for n, line in enumerate(lines) if line[:1] == b"#" and _LIKE_START.match(line)]
    near = [n for n in starts if n < MOST_LINES]
    if not near:
        return Metadata(problems=tuple(_too_late(file, n) for n in starts[:1]))
    problem = _fault(file, lines, near)
    if problem:
        return Metadata(problems=(problem,))
    return _parsed(_block(lines, near[0]), phase, file)


def _too_late(file: str, number: int) -> Problem:
    reason = f"a hookd block that starts after line {MOST_LINES} is not read"
    return Problem(file, "", reason, number + 1, is_warning=True)


def _fault(file: str, lines: list[bytes], starts: list[int]) -> Problem | None:
    first = starts[0]
    if len(starts) > 1:
        reason = f"a second hookd block; the first is at line {first + 1}"
        return Problem(file, "", reason, starts[1] + 1)
    if lines[first] != _START:
        return Problem(file, "", 'the first line of the block must be "# /// hookd"', first + 1)
    end = next((n for n in range(first + 1, len(lines)) if not _is_inside(lines[n])), len(lines))
    if end == len(lines) or lines[end] != _END:
        at = min(end, len(lines) - 1)
        return Problem(file, "", f'the block of line {first + 1} lacks its "# ///"', at + 1)
    return None


def _is_inside(line: bytes) -> bool:
    return line != _END and (line == b"#" or line.startswith(b"# "))


def _block(lines: list[bytes], start: int) -> _Block:
    end = lines.index(_END, start)
    return _Block(start + 1, tuple(line[2:] for line in lines[start + 1 : end]))


def _parsed(block: _Block, phase: Phase, file: str) -> Metadata:
    try:
        table = parse_toml(b"\n".join(block.lines))
    except TomlError as error:
        return Metadata(problems=(Problem(file, "", error.reason, block.line + error.line),))
    override, findings = read_hook(table, phase, source=file, inline=True)
    problems = (f.problem(file, block.line_of(f.path[0])) for f in findings)
    return Metadata(override, tuple(replace(p, is_warning=False) for p in problems))
