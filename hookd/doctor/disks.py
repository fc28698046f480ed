"""Room and writability: what patching and hookd need of the disks."""

from __future__ import annotations

import os
from typing import Iterator

from hookd.core.model import Check
from hookd.core.undo import outstanding
from hookd.doctor.patient import Patient
from hookd.doctor.table import either, failed, passed, skipped, unknown, warned
from hookd.system import hold
from hookd.system.machine import Machine
from hookd.system.turn import known

A_KERNEL = 100 << 20
"""What a new kernel with its initramfs and rescue image may take in /boot, in bytes."""


def examine(patient: Patient) -> Iterator[Check]:
    free, least = patient.machine.free_bytes()
    yield boot(free, least)
    yield state(free, least)
    yield _writable(patient.machine)
    yield _quiet(patient.machine)


def boot(free: dict[str, int | None], least: dict[str, int]) -> Check:
    """Judge free bytes of /boot, None when not known."""
    if "/boot" not in free:
        return skipped("disk.boot", "there is no /boot")
    left = free["/boot"]
    if left is None:
        return unknown("disk.boot", "the free space of /boot is not known")
    if left < least["/boot"]:
        return failed("disk.boot", _mib(left))
    return either(left >= A_KERNEL, "disk.boot", _mib(left), otherwise=warned)


def state(free: dict[str, int | None], least: dict[str, int]) -> Check:
    """Judge free bytes of everything else."""
    places = [path for path in sorted(free) if path != "/boot"]
    unread = [path for path in places if free[path] is None]
    if unread:
        return unknown("disk.state", f"the free space of {', '.join(unread)} is not known")
    told = ", ".join(f"{path} {_mib(free[path])}" for path in places)
    low = [path for path in places if (free[path] or 0) < least[path]]
    return either(not low, "disk.state", told)


def _mib(size: int | None) -> str:
    return f"{(size or 0) >> 20} MiB free"


def _writable(machine: Machine) -> Check:
    """Look only: pre itself tries it, by writing a file."""
    path = machine.state.directory
    while not os.path.exists(path):
        path = os.path.dirname(path)
    shown = machine.root.shown(path)
    if os.statvfs(path).f_flag & os.ST_RDONLY:
        return failed("state.writable", f"{shown} is mounted read-only")
    if not os.access(path, os.W_OK | os.X_OK):
        return failed("state.writable", f"{shown} is not writable for uid {os.geteuid()}")
    return passed("state.writable", shown)


def _quiet(machine: Machine) -> Check:
    held = hold.read(machine.state)
    found = [f"held: {held}"] if held else []
    found += [f"operation {name}: {why}" for name, why in machine.state.unreadable().items()]
    for one in known(machine.state):
        if one.operation.is_open:
            found.append(f"operation {one.operation.id} is open")
        elif outstanding(one.operation):
            found.append(f"operation {one.operation.id} owes an undo")
    if found:
        return warned("state.quiet", "; ".join(found))
    return passed("state.quiet", "nothing is open")
