"""The `[expect.KIND."NAME"]` tables: what admins expect of the running node."""

from __future__ import annotations

import re
import shlex
from typing import Any, Callable, Mapping, Sequence, Tuple
from urllib.parse import urlsplit

from hookd.config import values
from hookd.config.problem import Finding
from hookd.core.expect import (
    CommandExpectation,
    Expect,
    FileExpectation,
    HttpExpectation,
    TcpExpectation,
    UnitExpectation,
)

LONGEST_TRY_S = 60.0
_MOST_PORT = 65535
_OCTAL = values.matching(r"[0-7]{3,4}", 'mode: write "0640"')
# systemd.unit(5), "Description": the characters of a name, and the types that have a state to ask
_UNIT = re.compile(
    r"[A-Za-z0-9:_.\\-]+(?:@[A-Za-z0-9:_.\\@-]+)?"
    r"\.(?:service|socket|target|timer|mount|automount|path|swap|slice|scope|device)\Z"
)
_ADDRESS = re.compile(r"(?:\[([0-9A-Fa-f:.%\w]+)\]|([^\s:/\[\]@]+)):([0-9]{1,5})\Z")


def address(text: str) -> tuple[str, int]:
    """Return host and port of `HOST:PORT` or `[IPV6]:PORT`. Raise ValueError."""
    found = _ADDRESS.match(text)
    if not found or not 0 < int(found.group(3)) <= _MOST_PORT:
        raise ValueError(f"{text} is no HOST:PORT")
    return found.group(1) or found.group(2), int(found.group(3))


def _unit(name: str) -> None:
    if not _UNIT.match(name):
        is_bare = "." not in name and _UNIT.match(name + ".service")
        hint = f'; write "{name}.service"' if is_bare else ""
        raise values.bad(f"is no unit: its name has a type{hint}")


def _url(text: str) -> None:
    wrong = values.bad("is no address: write http://HOST[:PORT]/PATH or https://...")
    if not text.isprintable() or " " in text:
        raise wrong
    try:
        parts = urlsplit(text)
        is_good = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        raise wrong from None
    if not is_good:
        raise wrong


def _host_and_port(text: str) -> None:
    try:
        address(text)
    except ValueError:
        raise values.bad("is no address: write HOST:PORT or [IPV6]:PORT") from None


def _command(text: str) -> None:
    try:
        words = shlex.split(values.text(text))
    except ValueError as error:
        reason = str(error)[:1].lower() + str(error)[1:]
        raise values.bad(f"cannot be split into words: {reason}") from None
    if not words or not words[0].startswith("/") or not text.isprintable():
        raise values.bad("is no command: write its path from / on; no shell reads it")


def _path(text: str) -> None:
    if not values.text(text).startswith("/") or not text.isprintable():
        raise values.bad("is no path: write it from / on")


def _timeout(value: Any) -> float:
    seconds = values.positive_duration(value)
    if seconds > LONGEST_TRY_S:
        raise values.bad("must be at most 1m: it is tried again, within [verify] settle")
    return seconds


def _mode(value: Any) -> str:
    mode: str = _OCTAL(value)
    return mode.rjust(4, "0")


_UNITS: values.Readers = {
    "active": ("active", values.boolean),
    "enabled": ("enabled", values.boolean),
}
_HTTP: values.Readers = {
    "status": ("status", values.integer(100, 599)),
    "contains": ("contains", values.text),
    "timeout": ("timeout_s", _timeout),
    "insecure": ("insecure", values.boolean),
    "follow_redirects": ("follow_redirects", values.boolean),
}
_TCP: values.Readers = {
    "reachable": ("reachable", values.boolean),
    "timeout": ("timeout_s", _timeout),
}
_COMMANDS: values.Readers = {
    "exit_code": ("exit_code", values.integer(0, 255)),
    "stdout": ("stdout", values.text),
    "timeout": ("timeout_s", _timeout),
    "user": ("user", values.name),
}
_FILE: values.Readers = {
    "exists": ("exists", values.boolean),
    "contains": ("contains", values.text),
    "mode": ("mode", _mode),
    "owner": ("owner", values.name),
}
Kind = Tuple[Any, values.Readers, Callable[[str], None]]
KINDS: Mapping[str, Kind] = {
    "units": (UnitExpectation, _UNITS, _unit),
    "http": (HttpExpectation, _HTTP, _url),
    "tcp": (TcpExpectation, _TCP, _host_and_port),
    "command": (CommandExpectation, _COMMANDS, _command),
    "file": (FileExpectation, _FILE, _path),
}
"""For each kind: its record, its keys, and what refuses a name that is none of its kind."""


def read_expect(table: Any) -> tuple[Expect, list[Finding]]:
    """Return what `table` expects, and everything wrong with it.

    An expectation of which a part cannot be read is left out: half of it would hold too easily.
    """
    if not isinstance(table, dict):
        return Expect(), [Finding((), f"must be a table, not {values.kind_of(table)}")]
    found: dict[str, dict[str, Any]] = {}
    findings: list[Finding] = []
    for kind, names in table.items():
        if kind not in KINDS:
            reason = f"is none of {', '.join(KINDS)}"
            findings.append(Finding((kind,), reason, is_unknown_key=True))
            continue
        found[kind], wrong = _of_kind(names, KINDS[kind])
        findings += (Finding((kind, *f.path), f.reason, f.is_unknown_key) for f in wrong)
    return Expect(**found), findings


def _of_kind(names: Any, kind: Kind) -> tuple[dict[str, Any], list[Finding]]:
    if not isinstance(names, dict):
        return {}, [Finding((), f"must be a table, not {values.kind_of(names)}")]
    found: dict[str, Any] = {}
    findings: list[Finding] = []
    for name, table in names.items():
        expectation, wrong = _one(name, table, kind)
        if not _are_errors(wrong):
            found[name] = expectation
        findings += (Finding((name, *f.path), f.reason, f.is_unknown_key) for f in wrong)
    return found, findings


def _one(name: str, table: Any, kind: Kind) -> tuple[Any, list[Finding]]:
    record, readers, refuse = kind
    findings = values.attempt(refuse, name)[1]
    fields, wrong = values.read_table(table, readers)
    findings += wrong
    expectation = record(**fields)
    if not _are_errors(findings) and not expectation.wanted:
        findings.append(Finding((), "expects nothing: write active or enabled"))
    if isinstance(expectation, FileExpectation) and not expectation.exists:
        more = [key for key in ("contains", "mode", "owner") if fields.get(key)]
        findings += (Finding((key,), "cannot be of a file that is not to exist") for key in more)
    return expectation, findings


def _are_errors(findings: Sequence[Finding]) -> bool:
    return any(not finding.is_unknown_key for finding in findings)
