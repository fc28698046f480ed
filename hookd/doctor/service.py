"""hookd's own units: enabled, listening, with a delegated control group."""

from __future__ import annotations

import os
from typing import Iterator

from hookd.core.model import Check
from hookd.doctor.patient import NOT_RUNNING, Patient
from hookd.doctor.table import either, failed, passed, skipped, unknown, warned

SOCKET, BOOT, SERVICE = "hookd.socket", "hookd-boot.service", "hookd.service"

_BOOTED = "/run/systemd/system"  # sd_booted(3)
_NAMES = ("service.socket", "service.boot", "service.cgroup")
_ENABLED = ("enabled", "enabled-runtime", "static", "linked")


def examine(patient: Patient) -> Iterator[Check]:
    why_not = "" if patient.is_host else NOT_RUNNING
    if not why_not and not os.path.isdir(_BOOTED):
        why_not = "systemd is not running here"
    if why_not:
        yield from (skipped(name, why_not) for name in _NAMES)
        return
    yield from units(patient)


def units(patient: Patient) -> Iterator[Check]:
    """Judge what systemctl shows of the units."""
    yield _unit(patient, "service.socket", SOCKET, listens=True)
    yield _unit(patient, "service.boot", BOOT, listens=False)
    yield _cgroup(patient)


def _unit(patient: Patient, name: str, unit: str, *, listens: bool) -> Check:
    shown = _show(patient, unit, "LoadState", "UnitFileState", "ActiveState")
    if not shown:
        return unknown(name, f"systemctl does not tell of {unit}")
    if shown["LoadState"] != "loaded":
        return failed(name, f"{unit} is {shown['LoadState']}")
    told = f"{unit} is {shown['UnitFileState']} and {shown['ActiveState']}"
    if shown["UnitFileState"] not in _ENABLED or (listens and shown["ActiveState"] != "active"):
        return failed(name, told)
    return passed(name, told)


def _cgroup(patient: Patient) -> Check:
    shown = _show(patient, SERVICE, "LoadState", "Delegate")
    if not shown:
        return unknown("service.cgroup", f"systemctl does not tell of {SERVICE}")
    if shown["LoadState"] != "loaded":
        return warned("service.cgroup", f"{SERVICE} is {shown['LoadState']}")
    told = f"Delegate={shown['Delegate']}"
    return either(shown["Delegate"] == "yes", "service.cgroup", told, otherwise=warned)


def _show(patient: Patient, unit: str, *properties: str) -> dict[str, str]:
    """Return properties of a unit by name; none when systemctl tells not all of them."""
    answer = patient.ask("systemctl", "show", unit, *(f"--property={one}" for one in properties))
    lines = answer.stdout.decode("utf-8", "replace").splitlines() if answer.is_ok else []
    found = dict(line.split("=", 1) for line in lines if "=" in line)
    return found if set(properties) <= set(found) else {}
