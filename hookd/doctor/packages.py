"""The package databases: readable, nothing unfinished, not locked."""

from __future__ import annotations

from typing import Iterator

from hookd.core.checks import packages
from hookd.core.model import Check, Outcome
from hookd.doctor.patient import NOT_RUNNING, Patient
from hookd.doctor.table import failed, passed, skipped, unknown, warned
from hookd.system.packages import locks


def examine(patient: Patient) -> Iterator[Check]:
    yield told("packages.readable", packages.readable(patient.look, {}))
    yield told("packages.unfinished", packages.unfinished_transaction(patient.look, {}))
    yield _unlocked(patient)


def told(name: str, judged: Check) -> Check:
    """Return a check of operations as the examination `name`."""
    if judged.outcome is Outcome.PASS:
        return passed(name, judged.found)
    if judged.outcome is Outcome.SKIP:
        return skipped(name, judged.reason)
    if judged.outcome is Outcome.UNKNOWN:
        return unknown(name, judged.reason)
    return failed(name, judged.reason or judged.found, remedy=judged.remedy)


def _unlocked(patient: Patient) -> Check:
    if not patient.is_host:
        return skipped("packages.unlocked", NOT_RUNNING)
    try:
        holders = locks.holders()
    except OSError as error:
        return unknown("packages.unlocked", f"{error.filename}: {error.strerror}")
    if holders:
        return warned("packages.unlocked", ", ".join(holders))
    return passed("packages.unlocked", "nobody")
