"""What admins expect of the running node (`[expect.KIND."NAME"]`), and what of it holds.

Annotations use `Optional`, `Tuple` and `Dict` because core/codec.py evaluates them on Python 3.7.
Times are seconds.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any, Dict, FrozenSet, Iterator, Mapping, Optional, Tuple

from hookd.core.node import Expectations, Expected
from hookd.core.snapshot import Snapshot

LARGEST_BYTES = 1 << 20
"""How much of an answer, a file or an output is searched for a text."""

_SHOWN_CHARACTERS = 60
# What `systemctl is-active` and `systemctl is-enabled` call so by ending with 0 (systemctl(1)).
_ACTIVE = ("active", "reloading")
_ENABLED = ("enabled", "enabled-runtime", "static", "indirect", "generated", "alias")


@dataclass(frozen=True)
class UnitExpectation:
    """What is None is not looked at."""

    active: Optional[bool] = None
    enabled: Optional[bool] = None

    @property
    def wanted(self) -> str:
        asked = (("active", self.active), ("enabled", self.enabled))
        return ", ".join(name if so else f"not {name}" for name, so in asked if so is not None)


@dataclass(frozen=True)
class HttpExpectation:
    """`insecure`: the certificate is not verified. Without a text in `contains` no body is read."""

    status: int = 200
    contains: str = ""
    timeout_s: float = 5.0
    insecure: bool = False
    follow_redirects: bool = False

    @property
    def wanted(self) -> str:
        return f"status {self.status}" + _with(self.contains)


@dataclass(frozen=True)
class TcpExpectation:
    reachable: bool = True
    timeout_s: float = 5.0

    @property
    def wanted(self) -> str:
        return "reachable" if self.reachable else "not reachable"


@dataclass(frozen=True)
class CommandExpectation:
    """`stdout` is contained in what it prints; empty `user` is the one hookd runs as."""

    exit_code: int = 0
    stdout: str = ""
    timeout_s: float = 10.0
    user: str = ""

    @property
    def wanted(self) -> str:
        return f"exit {self.exit_code}" + _with(self.stdout)


@dataclass(frozen=True)
class FileExpectation:
    """`mode` is octal text of four digits, `owner` a user's name or number; empty is any."""

    exists: bool = True
    contains: str = ""
    mode: str = ""
    owner: str = ""

    @property
    def wanted(self) -> str:
        if not self.exists:
            return "not there"
        asked = (("mode", self.mode), ("owner", self.owner))
        return "there" + "".join(f", {n} {v}" for n, v in asked if v) + _with(self.contains)


@dataclass(frozen=True)
class Expect:
    """All that is expected, by name: of a unit, a URL, HOST:PORT, a command line, a path."""

    units: Dict[str, UnitExpectation] = field(default_factory=dict)
    http: Dict[str, HttpExpectation] = field(default_factory=dict)
    tcp: Dict[str, TcpExpectation] = field(default_factory=dict)
    command: Dict[str, CommandExpectation] = field(default_factory=dict)
    file: Dict[str, FileExpectation] = field(default_factory=dict)

    def each(self) -> Iterator[Tuple[str, str, Any]]:
        """Yield (kind, name, expectation) in the order of the configuration, kind by kind."""
        for kind in KINDS:
            for name, expectation in getattr(self, kind).items():
                yield kind, name, expectation


KINDS = tuple(one.name for one in fields(Expect))


def by_unit(name: str, expected: UnitExpectation, properties: Mapping[str, str]) -> Expected:
    """Judge a unit by what `systemctl show` says of it."""
    active, sub = properties.get("ActiveState", ""), properties.get("SubState", "")
    enabled = properties.get("UnitFileState", "")
    if properties.get("LoadState") == "not-found":
        found = "there is no such unit"
    else:
        found = f"{active} ({sub})" + (f", {enabled}" if enabled else "")
    is_met = expected.active in (None, active in _ACTIVE)
    is_met = is_met and expected.enabled in (None, enabled in _ENABLED)
    return Expected("units", name, is_met, expected.wanted, found)


def by_answer(
    url: str, expected: HttpExpectation, status: int, body: bytes, *, is_whole: bool = True
) -> Expected:
    """Judge an address by the status and the beginning of the body of its answer."""
    has, told = _search(expected.contains, body, is_whole=is_whole)
    is_met = status == expected.status and has
    return Expected("http", url, is_met, expected.wanted, f"status {status}{told}")


def by_end(
    command: str, expected: CommandExpectation, exit_code: int, stdout: bytes, stderr: bytes = b""
) -> Expected:
    """Judge a command by how it ended and the beginning of what it printed."""
    whole = len(stdout) < LARGEST_BYTES
    has, told = _search(expected.stdout, stdout, is_whole=whole)
    is_met = exit_code == expected.exit_code and has
    found = f"exit {exit_code}{told}"
    said = (stderr or stdout).decode("utf-8", "replace").strip().splitlines()
    if not is_met and said:
        found += f": {_shown(_printable(said[0]))}"
    return Expected("command", command, is_met, expected.wanted, found)


def by_file(
    path: str, expected: FileExpectation, mode: str, owners: Tuple[str, ...], contents: bytes
) -> Expected:
    """Judge a file that is there. `owners` are the name and the number of whose it is."""
    if not expected.exists:
        return Expected("file", path, is_met=False, expected=expected.wanted, found="there")
    has, told = _search(expected.contains, contents, is_whole=len(contents) < LARGEST_BYTES)
    is_met = (
        has and expected.mode in ("", mode) and (not expected.owner or expected.owner in owners)
    )
    found = "there" + (f", mode {mode}" if expected.mode else "")
    found += f", owner {owners[0]}" if expected.owner else ""
    return Expected("file", path, is_met, expected.wanted, found + told)


def met(found: Optional[Snapshot]) -> Dict[Tuple[str, str], Optional[bool]]:
    """Return by (kind, name) what of the expectations held in a look."""
    results = found.expectations.results if found else ()
    return {(one.kind, one.name): one.is_met for one in results}


def stopped_by_pre(looks: Mapping[str, Snapshot]) -> FrozenSet[Tuple[str, str]]:
    """Return (kind, name) of what held before pre's hooks and no more after them.

    Only on-exit's hooks are to bring it back: before they have run it says nothing of the patches.
    """
    before, ready = met(looks.get("before")), met(looks.get("ready"))
    return frozenset(key for key, so in ready.items() if not so and before.get(key))


def left_open(found: Expectations, but: FrozenSet[Tuple[str, str]]) -> Tuple[Expected, ...]:
    """Return what does not hold, or is not known to, without those of `but`."""
    return tuple(
        one
        for one in found.results
        if not one.is_met and not one.is_skipped and (one.kind, one.name) not in but
    )


def _with(text: str) -> str:
    return f", {_shown(text)!r} in it" if text else ""


def _shown(text: str) -> str:
    return text if len(text) <= _SHOWN_CHARACTERS else text[:_SHOWN_CHARACTERS] + "..."


def _printable(text: str) -> str:
    return "".join(char if char.isprintable() else "?" for char in text)


def _search(text: str, within: bytes, *, is_whole: bool) -> Tuple[bool, str]:
    """Return whether `text` is in it, and what to say of that."""
    if not text:
        return True, ""
    if text.encode("utf-8", "surrogateescape") in within:
        return True, _with(text)
    where = "it" if is_whole else "its first MiB"
    return False, f", {_shown(text)!r} not in {where}"
