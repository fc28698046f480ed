"""A program: looks TIMES times at the machine that node.py has made, and tells what that took.

Prints milliseconds of the whole look and of each probe alone (the least of all), and how much
memory this process and all below it had at most.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
import time
from typing import Callable, Sequence

from measure import call, fastest

from hookd.core.snapshot import Snapshot
from hookd.system import node, snapshot
from hookd.system.packages import rpmdb
from hookd.system.process import aside, command
from hookd.system.process.reap import Reaper
from hookd.system.process.table import descendants
from hookd.system.root import Root

_AT = "2026-11-25T04:18:07.123456Z"
_HOST = Root("/")
_TRIES = 3


def main(times: int) -> None:
    """Measure with nobody looking, then look at the memory."""
    asked: list[aside.Question] = []

    def note(questions: Sequence[aside.Question]) -> aside.Collect:
        asked.extend(questions)
        return lambda: tuple(one.failed for one in questions)

    node.start(_HOST, command.run, note)
    probes = {type(one.failed).__name__.lower(): _alone(one) for one in asked}
    actions = {
        "packages": lambda: call(lambda: rpmdb.read(_HOST, command.run)),
        **probes,
        "look": lambda: call(look),
    }
    with Reaper():
        least = fastest(times, **actions)
        taken = look()
        peak = max(_peak_bytes() for _ in range(_TRIES))
    found = {
        "packages": sum(len(one.installed) for one in taken.packages),
        "units": len(taken.node.units.units),
        "sockets": len(taken.node.sockets.listening),
        "files": len(taken.node.processes.files),
    }
    print(json.dumps({"ms": least, "peak": peak, "found": found}))


def look() -> Snapshot:
    return snapshot.take(_HOST, command.run, name="before", at=_AT, previous=None)


def _alone(question: aside.Question) -> Callable[[], float]:
    def ask() -> None:
        aside.ask([question])()

    return lambda: call(ask)


def _peak_bytes() -> int:
    """Return the most that this process and all below it had while it looked once.

    By the proportional set size: what several share counts once. What looks is not counted.
    """
    looking = os.getpid()
    reading, writing = os.pipe()
    watcher = os.fork()
    if watcher == 0:
        try:
            os.write(writing, b"%d" % _watch(looking))
        finally:
            os._exit(0)
    time.sleep(0.05)
    look()
    os.kill(watcher, signal.SIGTERM)
    os.close(writing)
    peak = int(os.read(reading, 100))
    os.close(reading)
    os.waitpid(watcher, 0)
    return peak


def _watch(pid: int) -> int:
    over: list[int] = []
    signal.signal(signal.SIGTERM, lambda *_: over.append(1))
    peak = 0
    while not over:
        below = [one for one in descendants(pid) if one != os.getpid()]
        peak = max(peak, sum(map(_pss_bytes, [pid, *below])))
    return peak


def _pss_bytes(pid: int) -> int:
    with contextlib.suppress(OSError), open(f"/proc/{pid}/smaps_rollup", "rb") as file:
        for line in file:
            if line.startswith(b"Pss:"):
                return int(line.split()[1]) * 1024
    return 0


main(int(sys.argv[1]))
