"""The whole examination, subject by subject; one that breaks is unknown and costs no other."""

from __future__ import annotations

from typing import Callable, Iterable, Iterator

from hookd.core.model import Check
from hookd.doctor import agent, disks, grounds, packages, service
from hookd.doctor.patient import Patient
from hookd.doctor.table import QUESTIONS, unknown
from hookd.system.machine import Machine

Examine = Callable[[Patient], Iterator[Check]]
SUBJECTS: tuple[Examine, ...] = (
    agent.examine,
    disks.examine,
    packages.examine,
    grounds.examine,
    service.examine,
)


def examine(machine: Machine, subjects: Iterable[Examine] = SUBJECTS) -> list[Check]:
    """Return what was found, in the order of the table. Changes nothing, never raises."""
    patient = Patient(machine, machine.look("doctor", None))
    found: dict[str, Check] = {}
    broke = ""
    for subject in subjects:
        try:
            found.update((check.id, check) for check in subject(patient))
        except Exception as error:  # noqa: BLE001 - the examination of one subject must not cost the others
            broke = f"the examination broke: {type(error).__name__}: {error}"
    return [found.get(name) or unknown(name, broke) for name in QUESTIONS]
