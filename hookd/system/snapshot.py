"""Runs the probes: what the machine is at one moment. A probe that breaks is a reading, too."""

from __future__ import annotations

import shlex
import time
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Callable, Iterable

from hookd.core.node import Aftermath, Node
from hookd.core.readings import (
    Boot,
    History,
    Kernel,
    LogCursor,
    PackageLog,
    PackageSet,
    Standing,
    WentDown,
)
from hookd.core.snapshot import Snapshot
from hookd.system import boot, clock, kernel, node, went_down
from hookd.system.packages import (
    aftermath,
    apthistory,
    dnflog,
    dpkg,
    dpkglog,
    history,
    rpmdb,
    yumlog,
)
from hookd.system.process import aside
from hookd.system.process.aside import guarded
from hookd.system.textfile import read_text

if TYPE_CHECKING:
    from hookd.system.process.aside import Ask
    from hookd.system.process.command import Run
    from hookd.system.root import Root

_AT_BOOT_S = 20.0  # systemd and the SSM agent wait meanwhile
_OS_RELEASE = ("/etc/os-release", "/usr/lib/os-release")


def take(
    root: Root,
    run: Run,
    *,
    name: str,
    at: str,
    previous: Snapshot | None,
    ask: Ask = aside.ask,
) -> Snapshot:
    """Look at the machine below `root`, at `at` (UTC text), and call it `name`.

    The logs and histories hold what they gained since `previous`; without one only where they
    end. `packages` has the databases that exist. What runs is asked by `ask`, while this process
    reads the rest. Never raises.
    """
    began = clock.up_s()
    collect = node.start(root, run, ask)
    packages = _packages(root, run)
    taken = Snapshot(
        name=name,
        taken_at=at,
        boot=_boot(root, run, previous),
        kernel=guarded(lambda: kernel.read(root, packages), Kernel()),
        packages=packages,
        logs=_logs(root, previous),
        histories=_histories(root, previous),
        os=os_name(root),
    )
    found = collect()
    return replace(
        taken,
        node=found,
        aftermath=_aftermath(root, run, previous, packages, found),
        took_s=round(clock.up_s() - began, 3),
    )


def take_at_boot(
    root: Root, run: Run, *, name: str, at: str, previous: Snapshot | None
) -> Snapshot:
    """Look at boot, kernel and packages alone: little else is up when a machine has just booted.

    Logs and histories stand where `previous` left them, so that the next look misses no line, and
    asks about the packages that changed before this one. Never raises.
    """
    began = clock.up_s()
    packages = _packages(root, run, timeout_s=_AT_BOOT_S)
    return Snapshot(
        name=name,
        taken_at=at,
        boot=_boot(root, run, previous),
        kernel=guarded(lambda: kernel.read(root, packages), Kernel()),
        packages=packages,
        logs=tuple(_where(log) for log in previous.logs) if previous else (),
        histories=tuple(_place(one.source, one) for one in previous.histories) if previous else (),
        os=os_name(root),
        took_s=round(clock.up_s() - began, 3),
        aftermath=guarded(lambda: aftermath.owed(previous, packages), Aftermath()),
    )


def _boot(root: Root, run: Run, previous: Snapshot | None) -> Boot:
    found, last = guarded(lambda: boot.read(root), Boot()), previous.boot if previous else None
    down = guarded(lambda: went_down.read(root, run, found, last), WentDown())
    return replace(found, before=down)


def _where(log: PackageLog) -> PackageLog:
    return PackageLog(log.standing, log.reason, source=log.source, cursor=log.cursor)


def _packages(root: Root, run: Run, *, timeout_s: float = 60) -> tuple[PackageSet, ...]:
    rpm, deb = PackageSet(source=rpmdb.SOURCE), PackageSet(source=dpkg.SOURCE)
    read = (
        guarded(lambda: rpmdb.read(root, run, timeout_s=timeout_s), rpm),
        guarded(lambda: dpkg.read(root, run, timeout_s=timeout_s), deb),
    )
    return tuple(one for one in read if one.standing is not Standing.ABSENT)


def _aftermath(
    root: Root,
    run: Run,
    previous: Snapshot | None,
    packages: tuple[PackageSet, ...],
    now: Node,
) -> Aftermath:
    used = used_by((now, previous.node if previous else Node()))
    return guarded(lambda: aftermath.read(root, run, previous, packages, used), Aftermath())


def used_by(nodes: Iterable[Node]) -> set[str]:
    """Return the files that units stand on: unit files, what they execute, what they map."""
    used: set[str] = set()
    for one in nodes:
        used.update(one.processes.files)
        for unit in one.units.units:
            used.update((unit.fragment, *unit.files))
    return used - {""}


def _logs(root: Root, previous: Snapshot | None) -> tuple[PackageLog, ...]:
    cursors = {log.source: log.cursor for log in previous.logs} if previous else {}
    now = time.time()
    readers: dict[str, Callable[[LogCursor | None], PackageLog]] = {
        yumlog.SOURCE: lambda cursor: yumlog.read(root, cursor, now),
        dnflog.SOURCE: lambda cursor: dnflog.read(root, cursor),
        dpkglog.SOURCE: lambda cursor: dpkglog.read(root, cursor),
    }
    return tuple(
        guarded(partial(read, cursors.get(source)), _at(source, cursors.get(source)))
        for source, read in readers.items()
    )


def _at(source: str, cursor: LogCursor | None) -> PackageLog:
    return PackageLog(source=source, cursor=cursor)


def _histories(root: Root, previous: Snapshot | None) -> tuple[History, ...]:
    since = {one.source: one for one in previous.histories} if previous else {}
    readers: dict[str, Callable[[Root, History | None], History]] = {
        history.YUM: history.read_yum,
        history.DNF: history.read_dnf,
        apthistory.SOURCE: apthistory.read,
    }
    return tuple(
        guarded(partial(read, root, since.get(source)), _place(source, since.get(source)))
        for source, read in readers.items()
    )


def _place(source: str, since: History | None) -> History:
    kept = since or History()
    return History(source=source, database=kept.database, last_id=kept.last_id, cursor=kept.cursor)


def os_name(root: Root) -> str:
    """Return ID and VERSION_ID of os-release(5) as `amzn 2`; empty when neither is there."""
    for path in _OS_RELEASE:
        file = read_text(root, path, at_most=64 << 10)
        if file.is_ok:
            fields = _fields(file.text)
            return " ".join(filter(None, (fields.get("ID"), fields.get("VERSION_ID"))))
    return ""


def _fields(text: str) -> dict[str, str]:
    found = {}
    for line in text.splitlines():
        name, equals, value = line.strip().partition("=")
        if equals and not name.startswith("#"):
            try:
                found[name] = "".join(shlex.split(value))
            except ValueError:
                continue
    return found
