"""The SSM agent: is it there, new enough, readable, and can it start hookd."""

from __future__ import annotations

import os
import re
from typing import Iterator

from hookd import __version__
from hookd.aws.agent import NODES
from hookd.core.model import Check
from hookd.doctor.patient import NOT_RUNNING, Patient
from hookd.doctor.table import either, failed, passed, skipped, unknown, warned
from hookd.system.hooks.discovery import ADMIN, VENDOR
from hookd.system.textfile import names_in

LEAST = (3, 0, 502)
"""The first that knows onFailure, onSuccess and finallyStep (its RELEASENOTES.md)."""

PROGRAMS = (
    "/usr/bin/amazon-ssm-agent",
    "/snap/bin/amazon-ssm-agent",
    "/snap/amazon-ssm-agent/current/amazon-ssm-agent",
)
PACKAGE = "amazon-ssm-agent"
# what its unit gives its scripts (agent/executers): systemd's PATH, and nothing of a login
ENVIRONMENT = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin", "LANG": "en_US.UTF-8"}

_EMPTY = "no system is installed there: it has no /usr/bin"
_VERSION = re.compile(r"(\d+)\.(\d+)\.(\d+)(?:\.\d+)?")
_EXECUTING = ("/var/lib/amazon/ssm", "/var/lib/hookd", ADMIN, VENDOR)


def examine(patient: Patient) -> Iterator[Check]:
    yield from _program(patient)
    yield _files(patient)
    yield _environment(patient)
    yield _executes(patient)


def _program(patient: Patient) -> Iterator[Check]:
    root = patient.machine.root
    path = next((one for one in PROGRAMS if os.path.isfile(root.join(one))), "")
    of_package = _of_package(patient)
    if not path and not of_package:
        none = f"none of {', '.join(PROGRAMS)}"
        is_installed = os.path.isdir(root.join("/usr/bin"))
        yield failed("agent.present", none) if is_installed else unknown("agent.present", _EMPTY)
        yield skipped("agent.version", "there is no agent")
        return
    yield passed("agent.present", path or f"package {PACKAGE}")
    said, why = of_package, "no package database names it"
    if path and patient.is_host:
        answer = patient.ask(path, "-version")
        said, why = answer.stdout.decode("utf-8", "replace").strip() or of_package, answer.why()
    yield version(said, why)


def version(said: str, why: str) -> Check:
    """Judge what the agent, or its package, says of its version; `why` when it says nothing."""
    found = _VERSION.search(said)
    if not found:
        return unknown("agent.version", f"it does not say: {said[:80]!r}" if said else why)
    numbers = tuple(int(part) for part in found.groups())
    return either(numbers >= LEAST, "agent.version", found.group())


def _of_package(patient: Patient) -> str:
    """Return the version of the agent's package, "" when no database has it."""
    for packages in patient.packages():
        for name, instances in packages.installed.items():
            if name.rpartition(".")[0] == PACKAGE and instances:
                return instances[-1][0]
    return ""


def _files(patient: Patient) -> Check:
    root = patient.machine.root
    try:
        nodes = names_in(root, NODES)
        states = [f"{NODES}/{node}/document/state" for node in nodes]
        there = [path for path in states if os.path.isdir(root.join(path))]
        for path in there:
            os.listdir(root.join(path))
    except OSError as error:
        return unknown("agent.files", f"{NODES}: {error.strerror}")
    if not there:
        return warned("agent.files", f"no agent has left files of runs in {NODES}")
    return passed("agent.files", ", ".join(there))


def _environment(patient: Patient) -> Check:
    if not patient.is_host:
        return skipped("agent.environment", NOT_RUNNING)
    answer = patient.ask("env", "-i", *_assignments(), "hookd", "--version")
    said = answer.stdout.decode("utf-8", "replace").strip()
    if not answer.is_ok:
        return failed("agent.environment", answer.why())
    if said != f"hookd {__version__}":
        return failed("agent.environment", f"another one: {said[:80]!r}, this is {__version__}")
    return passed("agent.environment", said)


def _assignments() -> list[str]:
    return [f"{name}={value}" for name, value in ENVIRONMENT.items()]


def _executes(patient: Patient) -> Check:
    if not patient.is_host:
        return skipped("agent.executes", NOT_RUNNING)
    there = [_existing(path) for path in _EXECUTING]
    bad = sorted({path for path in there if os.statvfs(path).f_flag & os.ST_NOEXEC})
    if bad:
        return failed("agent.executes", f"mounted noexec: {', '.join(bad)}")
    return passed("agent.executes", ", ".join(_EXECUTING))


def _existing(path: str) -> str:
    while not os.path.exists(path):
        path = os.path.dirname(path)
    return path
