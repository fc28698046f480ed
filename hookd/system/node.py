"""Asks what the machine runs and stands on: a process aside for each probe that may hang."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Callable

from hookd.core.node import (
    Clock,
    Crashes,
    Disks,
    Mounts,
    Network,
    Node,
    Processes,
    RebootRequired,
    Selinux,
    Sockets,
    Units,
)
from hookd.core.readings import Standing
from hookd.system import crashes, disks, rebootrequired, selinux, timekeeping, units
from hookd.system.process.aside import Ask, Question, at_once, guarded

if TYPE_CHECKING:
    from hookd.system.process.command import Run
    from hookd.system.root import Root

_LIMIT_S = 10.0
_ELSEWHERE = "nothing runs below another root"
_ELSEWHERE_ABSENT = Node(
    units=Units(Standing.ABSENT, _ELSEWHERE),
    sockets=Sockets(Standing.ABSENT, _ELSEWHERE),
    mounts=Mounts(Standing.ABSENT, _ELSEWHERE),
    network=Network(Standing.ABSENT, _ELSEWHERE),
    clock=Clock(Standing.ABSENT, _ELSEWHERE),
    processes=Processes(Standing.ABSENT, _ELSEWHERE),
    selinux=Selinux(Standing.ABSENT, _ELSEWHERE),
)


def start(root: Root, run: Run, ask: Ask) -> Callable[[], Node]:
    """Ask the probes by `ask`, and return what waits for them and has it all. Never raises.

    Below another root only files are read, and at once.
    """
    if not root.is_host:
        collect = _asked(_lying(root), at_once)
        return lambda: replace(_ELSEWHERE_ABSENT, **collect(), **_at_hand(root))
    collect = _asked({**_running(root, run), **_lying(root)}, ask)
    return lambda: replace(Node(), **collect(), **_at_hand(root), **_by_the_kernel(root))


def _asked(questions: dict[str, Question], ask: Ask) -> Callable[[], dict[str, Any]]:
    collect = ask(list(questions.values()))
    return lambda: dict(zip(questions, collect()))


def _running(root: Root, run: Run) -> dict[str, Question]:
    """Return what is asked of the running node by field of Node; what takes longest first."""
    return {
        "units": Question(lambda: units.read(root, run), Units(), units.LIMIT_S),
    }


def _lying(root: Root) -> dict[str, Question]:
    """Return what is read from file systems that may be anybody's: a directory of dumps on NFS."""
    return {
        "crashes": Question(lambda: crashes.read(root), Crashes(), _LIMIT_S),
        "disks": Question(lambda: disks.read(root), Disks(), _LIMIT_S),
    }


def _at_hand(root: Root) -> dict[str, Any]:
    """Read what lies in memory where the machine runs."""
    return {"reboot_required": guarded(lambda: rebootrequired.read(root), RebootRequired())}


def _by_the_kernel(root: Root) -> dict[str, Any]:
    return {
        "clock": guarded(timekeeping.read, Clock()),
        "selinux": guarded(lambda: selinux.read(root), Selinux()),
    }
