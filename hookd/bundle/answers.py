"""What hookd's own commands, systemd and the packages' tools say now, each asked in a process.

So one that hangs (a dead file system) costs its own part, and whatever it needs of memory ends
with it.
"""

from __future__ import annotations

import io
import json
import platform
import sys
from dataclasses import asdict
from typing import Callable, Iterator, Sequence

from hookd import __version__
from hookd.bundle import masking
from hookd.bundle.part import MissingError, Part, Pieces
from hookd.system import clock, host, systemd
from hookd.system.machine import Machine
from hookd.system.process import itself
from hookd.system.process.bounded import run_bounded
from hookd.system.process.command import PATH, Completed
from hookd.system.process.spawn import NotStartedError
from hookd.system.root import NOTHING_RUNS
from hookd.system.textfile import read_text

COMMANDS = ("status", "doctor", "check", "hooks", "history")
UNITS = (
    *("hookd.socket", "hookd.service", "hookd-boot.service"),
    *("amazon-ssm-agent.service", "snap.amazon-ssm-agent.amazon-ssm-agent.service"),
)

_OWN = UNITS[:3]
_PROPERTIES = (
    *("Id", "LoadState", "UnitFileState", "ActiveState", "SubState", "Result", "NRestarts"),
    *("ExecMainStatus", "ActiveEnterTimestamp", "FragmentPath", "DropInPaths", "Delegate"),
)
_LONGEST_S = 30.0
_LARGEST = 4 << 20
_LOG_LINES = 2000
_TOOLS = {
    "systemd": ("systemctl", "--version"),
    "rpm": ("rpm", "--version"),
    "dpkg": ("dpkg-query", "--version"),
}

Ask = Callable[[Sequence[str], float], Completed]
"""Runs a command for at most so many seconds. Raises MissingError when it cannot be started."""


def parts(machine: Machine, config: str | None, ask: Ask | None = None) -> Iterator[Part]:
    """Yield what is asked; `config` is the other file that `--config` names."""
    ask = ask or _asking(machine)
    yield Part("environment.json", "this process and its machine", _environment(machine, ask))
    yield Part("config.json", "the configuration as merged", _configuration(machine))
    for verb in COMMANDS:
        other = ("--config", config) if config else ()
        argv = itself.starts(
            "hookd.cli", "entry", "--root", str(machine.root), *other, verb, "--json"
        )
        yield Part(f"{verb}.json", f"hookd {verb} --json", _answer(argv, verb, ask))
    yield Part("units.json", "systemctl show", _units(machine, ask))
    yield Part("hookd.log", "journalctl, the newest line first", _log(machine, ask))


def _asking(machine: Machine) -> Ask:
    environment = {"PATH": PATH, "LC_ALL": "C.UTF-8", **machine.environment}

    def ask(argv: Sequence[str], left_s: float) -> Completed:
        patience_s = max(0.1, min(left_s, _LONGEST_S))
        try:
            return run_bounded(argv, timeout_s=patience_s, environment=environment, most=_LARGEST)
        except NotStartedError as error:
            raise MissingError(str(error)) from error

    return ask


def _answer(argv: Sequence[str], verb: str, ask: Ask) -> Pieces:
    """Whatever it ends with: 1 is an answer of `doctor`, 75 one of `status`."""

    def pieces(left_s: float) -> Iterator[bytes]:
        said = ask(argv, left_s)
        if len(said.stdout) >= _LARGEST:
            raise MissingError(f"hookd {verb} says more than {_LARGEST} bytes")
        try:
            yield masking.document(json.loads(said.stdout.decode("utf-8")))
        except (ValueError, RecursionError):
            code = "" if said.exit_code is None else f" (exit code {said.exit_code})"
            why = said.error or f"it gave no JSON{code}: {said.why()}"
            raise MissingError(f"hookd {verb}: {why}") from None

    return pieces


def _configuration(machine: Machine) -> Pieces:
    def pieces(_left_s: float) -> Iterator[bytes]:
        loaded = machine.loaded
        yield masking.document(
            {
                "files": [machine.root.shown(path) for path in loaded.files],
                "sha256": loaded.sha256,
                "problems": [asdict(one) for one in loaded.problems],
                "effective": loaded.document,
            }
        )

    return pieces


def _environment(machine: Machine, ask: Ask) -> Pieces:
    """Programs are the host's below another root as well; what runs is not."""

    def pieces(left_s: float) -> Iterator[bytes]:
        release = read_text(machine.root, "/proc/sys/kernel/osrelease")
        tools = {name: _version(argv, left_s, ask) for name, argv in _TOOLS.items()}
        if not machine.root.is_host:
            tools["systemd"] = _told("", NOTHING_RUNS)
        yield masking.document(
            {
                "at": clock.utc_now(),
                "hookd": {"version": __version__, "root": str(machine.root)},
                "python": {"version": platform.python_version(), "executable": sys.executable},
                "host": host.facts(machine.root, machine.environment),
                "kernel": _told(release.text.strip(), release.reason),
                "architecture": platform.machine(),
                "boot": {"boot_id": machine.boot.boot_id, "up_s": round(clock.up_s(), 3)},
                **tools,
            }
        )

    return pieces


def _version(argv: Sequence[str], left_s: float, ask: Ask) -> dict[str, str]:
    try:
        said = ask(argv, left_s)
    except MissingError as error:
        return _told("", str(error))
    lines = said.stdout.decode("utf-8", "replace").splitlines() if said.is_ok else []
    return _told(lines[0] if lines else "", said.why())


def _told(value: str, reason: str) -> dict[str, str]:
    """Return a value, or why it is not known."""
    return {"version": value, "reason": "" if value else reason}


def _units(machine: Machine, ask: Ask) -> Pieces:
    def pieces(left_s: float) -> Iterator[bytes]:
        _must_run(machine)
        try:
            found = systemd.show(
                lambda argv, timeout_s: ask(argv, min(left_s, timeout_s)), UNITS, _PROPERTIES
            )
        except systemd.Silent as error:
            raise MissingError(str(error)) from error
        yield masking.document(found)

    return pieces


def _log(machine: Machine, ask: Ask) -> Pieces:
    """The newest line comes first: what is too long loses the oldest."""

    def pieces(left_s: float) -> Iterator[bytes]:
        _must_run(machine)
        units = (f"--unit={unit}" for unit in _OWN)
        asked = ("journalctl", "-q", "--no-pager", "-r", "-o", "short-iso", "-n", str(_LOG_LINES))
        said = ask((*asked, *units), left_s)
        if not said.is_ok:
            raise MissingError(said.why())
        yield from masking.text(io.BytesIO(said.stdout), len(said.stdout))

    return pieces


def _must_run(machine: Machine) -> None:
    if not machine.root.is_host:
        raise MissingError(NOTHING_RUNS)
    if not systemd.is_running(machine.root):
        raise MissingError("systemd is not running here")
