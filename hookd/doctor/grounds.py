"""hookd's own ground: hooks and configuration, Python, the clock, what boots next, the instance."""

from __future__ import annotations

import platform
import sys
from typing import Iterator

from hookd.aws import identity
from hookd.core.checks.kernel import next_boot_files
from hookd.core.model import Check
from hookd.doctor.packages import told
from hookd.doctor.patient import NOT_RUNNING, Patient
from hookd.doctor.table import either, failed, passed, skipped, unknown, warned
from hookd.system import timekeeping
from hookd.system.hooks.lint import every_problem

LEAST_PYTHON = (3, 7)


def examine(patient: Patient) -> Iterator[Check]:
    yield _clock(patient)
    yield told("boot.next-entry", next_boot_files(patient.look.kernel, {}))
    yield _hooks(patient)
    yield _python()
    yield _instance(patient)


def _clock(patient: Patient) -> Check:
    if not patient.is_host:
        return skipped("clock.synchronised", NOT_RUNNING)
    synchronised = timekeeping.is_synchronised()
    if synchronised is None:
        return unknown("clock.synchronised", "the kernel does not tell (adjtimex)")
    if not synchronised:
        return warned("clock.synchronised", "the kernel's clock is not (STA_UNSYNC)")
    return passed("clock.synchronised", "it is")


def _hooks(patient: Patient) -> Check:
    problems = every_problem(patient.machine.root)
    errors = [str(one) for one in problems if one.fails_check]
    warnings = len(problems) - len(errors)
    told_of = f"{len(errors)} errors, {warnings} warnings"
    if errors:
        return failed("hooks.sound", f"{told_of}; {errors[0]}")
    return either(not warnings, "hooks.sound", told_of, otherwise=warned)


def _python() -> Check:
    found = f"{platform.python_version()} ({sys.executable})"
    return either(sys.version_info >= LEAST_PYTHON, "python.version", found)


def _instance(patient: Patient) -> Check:
    known = identity.facts(patient.machine).get("instance_id", "")
    if known:
        return passed("instance.known", known)
    return unknown(
        "instance.known",
        "neither its firmware nor the environment says, and nobody has asked IMDS in this boot",
    )
