"""Asks what the machine runs and stands on: a process aside for each probe that may hang."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Callable, Iterable

from hookd.core.node import (
    Clock,
    Crashes,
    Disks,
    Leavings,
    Mounts,
    Network,
    Node,
    Processes,
    RebootRequired,
    Selinux,
    Sockets,
    Units,
)
from hookd.core.sockets import attributed
from hookd.system import (
    crashes,
    disks,
    leavings,
    mounts,
    network,
    processes,
    rebootrequired,
    selinux,
    sockets,
    timekeeping,
    units,
)
from hookd.system.process.aside import Ask, Question, at_once, guarded

if TYPE_CHECKING:
    from hookd.core.readings import Reading
    from hookd.system.process.command import Run
    from hookd.system.root import Root

_LIMIT_S = 30.0
_WALK_S = 60.0  # all of /etc, on a disk that the update keeps busy


def start(root: Root, run: Run, ask: Ask) -> Callable[[], Node]:
    """Ask the probes by `ask`, and return what waits for them and has it all. Never raises.

    Below another root nothing runs and nothing hangs: files are read, at once.
    """
    questions = _questions(root, run)
    collect = (ask if root.is_host else at_once)(list(questions.values()))

    def whole() -> Node:
        found = Node(
            **_named(questions, collect()),
            clock=guarded(lambda: timekeeping.read(root), Clock()),
            selinux=guarded(lambda: selinux.read(root), Selinux()),
            reboot_required=guarded(lambda: rebootrequired.read(root), RebootRequired()),
        )
        return replace(found, sockets=attributed(found.sockets, found.units))

    return whole


def _named(questions: Iterable[str], readings: Iterable[Reading]) -> dict[str, Any]:
    return dict(zip(questions, readings))


def _questions(root: Root, run: Run) -> dict[str, Question]:
    """Return what is asked, by field of Node; what takes longest begins first.

    What is left out here lies in memory where the machine runs.
    """
    return {
        "units": Question(lambda: units.read(root, run), Units(), units.LIMIT_S),
        "processes": Question(lambda: processes.read(root), Processes(), _LIMIT_S),
        "sockets": Question(lambda: sockets.read(root), Sockets(), _LIMIT_S),
        "leavings": Question(lambda: leavings.read(root), Leavings(), _WALK_S),
        "mounts": Question(lambda: mounts.read(root), Mounts(), _LIMIT_S),
        "network": Question(lambda: network.read(root), Network(), _LIMIT_S),
        "disks": Question(lambda: disks.read(root), Disks(), _LIMIT_S),
        "crashes": Question(lambda: crashes.read(root), Crashes(), _LIMIT_S),
    }
