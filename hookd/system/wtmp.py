"""How the machine went down before its boot: the boots and shutdowns that wtmp (utmp(5)) tells.

systemd writes a `reboot` when it has come up and a `shutdown` when it goes down in order
(systemd-update-utmp.service(8)); nothing is written when the power goes or the kernel dies.
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass
from typing import Iterator

from hookd.core.readings import Boot, Standing, WentDown
from hookd.system.root import Root
from hookd.system.textfile import names_in, open_regular

FOLDER = "/var/log"
NAME = "wtmp"

_LARGEST = 4 << 20
_KEPT = 16
"""How many boots are told of: more than an operation has, unless it is in a loop of them."""
_RUN_LVL, _BOOT_TIME, _ACCOUNTING = 1, 2, 9
_MICROSECONDS = 1_000_000
_ROTATED = re.compile(r"wtmp(?:\.1|-[0-9]{8})")
_IS_THIS_BOOT_S = 600.0
"""The record has the time at which systemd was started, the clock may be set soon after."""


@dataclass(frozen=True)
class Layout:
    """Where the type, what follows it, the user and the time are in a record of `size` bytes.

    The time is of 32 bits where glibc keeps the form of 32-bit programs (x86_64), else of 64
    (aarch64): sysdeps/*/bits/wordsize.h, __WORDSIZE_TIME64_COMPAT32.
    """

    size: int
    form: struct.Struct


_LAYOUTS = (
    Layout(384, struct.Struct("<hh 40x 32s 264x ii")),
    Layout(400, struct.Struct("<hh 40x 32s 268x qq")),
)


@dataclass(frozen=True)
class Mark:
    """A boot, or a shutdown, at so many epoch seconds."""

    is_boot: bool
    at: float


def read(root: Root, boot: Boot) -> WentDown:
    """Return how the machine below `root` went down before `boot`. Never raises."""
    try:
        names = names_in(root, FOLDER)
        if NAME not in names:
            return WentDown(Standing.ABSENT, f"{FOLDER}/{NAME} does not exist")
        before = max(filter(_ROTATED.fullmatch, names), default="")
        marks = [*(_marks(root, before) if before else ()), *_marks(root, NAME)]
    except OSError as error:
        return WentDown(Standing.UNKNOWN, f"{error.filename or FOLDER}: {error.strerror}")
    return _judged(marks, boot)


def _judged(marks: list[Mark], boot: Boot) -> WentDown:
    boots = [index for index, mark in enumerate(marks) if mark.is_boot]
    if not boots:
        return WentDown(Standing.ABSENT, f"{NAME} tells of no boot: none are recorded here")
    booted, times = marks[boots[-1]], tuple(marks[index].at for index in boots[-_KEPT:])
    if not boot.btime or abs(booted.at - boot.btime) > _IS_THIS_BOOT_S:
        return WentDown(Standing.UNKNOWN, f"the newest boot that {NAME} tells of is not this one")
    if not boots[-1]:
        return WentDown(Standing.UNKNOWN, f"{NAME} begins with this boot", boots=times)
    last = marks[boots[-1] - 1]
    if last.is_boot:
        return WentDown(clean=False, boots=times)
    down_s = booted.at - last.at
    return WentDown(clean=True, down_s=round(down_s, 3) if down_s >= 0 else None, boots=times)


def _marks(root: Root, name: str) -> list[Mark]:
    """Return the boots and shutdowns in the last 4 MiB of the file. Raises OSError."""
    with open_regular(root.join(f"{FOLDER}/{name}")) as file:
        size = file.seek(0, 2)
        found = []
        for layout in _LAYOUTS:
            file.seek(max(0, size - _LARGEST) // layout.size * layout.size)
            found.append(list(_records(file.read(_LARGEST + layout.size), layout)))
    return [mark for mark in max(found, key=len) if mark]


def _records(data: bytes, layout: Layout) -> Iterator[Mark | None]:
    """Yield what each record that can be one says; the layout with most of them is the file's."""
    for offset in range(0, len(data) - layout.size + 1, layout.size):
        kind, padding, user, second, microsecond = layout.form.unpack_from(data, offset)
        is_one = 0 < kind <= _ACCOUNTING and not padding and second > 0
        if not is_one or not 0 <= microsecond < _MICROSECONDS:
            continue
        name = user.rstrip(b"\0")
        is_boot = (kind, name) == (_BOOT_TIME, b"reboot")
        is_mark = is_boot or (kind, name) == (_RUN_LVL, b"shutdown")
        yield Mark(is_boot, second + microsecond / _MICROSECONDS) if is_mark else None
