"""The processes of one hook: which they are, what they are called, and how they are ended."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from itertools import islice
from typing import Iterator

from hookd.core.model import Leftover
from hookd.system.clock import up_s
from hookd.system.process import cgroup as cgroups
from hookd.system.process.printable import printable_line
from hookd.system.process.table import Process, Table, read_entry, read_process

KILL_PATIENCE_S = 5.0
"""How long the killed may take to vanish before they are left as they are (a dead NFS mount)."""

_YOUNG_S = 0.1
_MOST_DESCRIPTORS = 4096
_COMMAND = 200


class Family:
    """Every process in a hook's cgroup or session, below it, or with its token in the environment.

    `started` is the hook's own start (Process.started); with it a pid that was given out again
    is told from the hook's. `cgroup` is a directory, empty where the hook has none of its own; who
    is in it and is not older than the hook is of the family, whatever token it has. Anywhere else a
    process with another token never is. `is_ours` says that we started the hook, so its orphans
    come back to us; `is_sole` that we had no other child while it ran: then all that is below us is
    its.
    """

    def __init__(
        self,
        token: str,
        pid: int,
        started: float,
        *,
        session: int,
        cgroup: str = "",
        is_ours: bool = False,
    ) -> None:
        self.is_sole = False
        self.started = started
        self._token = token
        self._session = session
        self._cgroup = cgroup
        self._is_ours = is_ours
        self._known = {(pid, started)}
        self._me = os.getpid()

    def members(self, table: Table) -> list[Process]:
        """Return who of `table` lives and belongs here; who was found once always does."""
        below: dict[int, list[Process]] = {}
        for process in table.processes.values():
            below.setdefault(process.parent, []).append(process)
        inside = self._inside(table)
        todo = self._roots(table) + inside
        known = {process.pid for process in inside}
        found: dict[int, Process] = {}
        while todo:
            process = todo.pop()
            if process.pid in found or process.pid in (1, self._me):
                continue
            if process.pid not in known and self._is_foreign(process, table):
                continue
            found[process.pid] = process
            todo += below.get(process.pid, ())
        self._known.update(process.key for process in found.values())
        return sorted(process for process in found.values() if not process.is_dead)

    def signal(self, members: list[Process], number: signal.Signals) -> None:
        """Send `number` to each that is still the process it was; the stopped are woken."""
        for process in members:
            now = read_process(process.pid)
            if now is None or now.started != process.started:
                continue
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(process.pid, number)
                if now.state in "Tt":
                    os.kill(process.pid, signal.SIGCONT)

    def _inside(self, table: Table) -> list[Process]:
        """Return who is in the cgroup, those as well who came after the table was read."""
        pids = cgroups.pids(self._cgroup) if self._cgroup else ()
        found = (table.processes.get(pid) or read_process(pid) for pid in pids)
        return [one for one in found if one is not None and one.started >= self.started]

    def _roots(self, table: Table) -> list[Process]:
        everybody = table.processes.values()
        certain = [
            process
            for process in everybody
            if process.key in self._known or self._has_token(process, table)
        ]
        ours = [one for one in everybody if self._is_ours and one.parent == self._me]
        session = [one for one in everybody if one.session == self._session > 0]
        # the number of a session whose members are all gone may be somebody else's by now
        if not any(process in certain or process in ours for process in session):
            session = []
        return certain + session + (ours if self.is_sole else [])

    def _has_token(self, process: Process, table: Table) -> bool:
        # most processes have no token: an empty one of ours must not make them all our own
        return bool(self._token) and table.token(process.pid) == self._token

    def _is_foreign(self, process: Process, table: Table) -> bool:
        return table.token(process.pid) not in ("", self._token)


def end_leftovers(
    token: str,
    pid: int,
    process_started_at: float,
    session: int,
    grace_s: float,
    cgroup: str = "",
) -> tuple[Leftover, ...]:
    """End what is left of a hook whose engine died, and return what was found.

    Only within the boot in which the hook was started. TERM, `grace_s`, KILL; returns at the
    latest KILL_PATIENCE_S after the KILL. The cgroup is removed when that has emptied it.
    """
    family = Family(token, pid, process_started_at, session=session, cgroup=cgroup)
    found: dict[tuple[int, float], Leftover] = {}
    for members in _until_none(family, grace_s):
        untold = [one for one in members if one.key not in found and is_grown(one, up_s())]
        _note(found, untold)
        family.signal(untold, signal.SIGTERM)
    for members in _until_none(family, KILL_PATIENCE_S):
        _note(found, members)
        family.signal(members, signal.SIGKILL)
    cgroups.remove(cgroup)
    return tuple(found.values())


def is_grown(process: Process, now: float) -> bool:
    """Whether TERM finds `process` as what it is to be, at moment `now` of CLOCK_BOOTTIME.

    What a shell with a trap has just forked takes the signal as the shell would, and forgets it
    when it becomes another program.
    """
    return now - process.started >= _YOUNG_S


def leftover(pid: int, pipes: frozenset[int] = frozenset()) -> Leftover:
    """Name process `pid`; `pipes` are the inodes of the pipes that the hook wrote to."""
    command = read_entry(pid, "cmdline", 16 * _COMMAND).rstrip(b"\0").replace(b"\0", b" ")
    command = command or b"[" + read_entry(pid, "comm", _COMMAND).strip() + b"]"
    return Leftover(pid, printable_line(command, _COMMAND), bool(pipes) and _holds(pid, pipes))


def _until_none(family: Family, patience_s: float) -> Iterator[list[Process]]:
    give_up_at = up_s() + patience_s
    pause = 0.005
    while True:
        members = family.members(Table(family.started))
        if not members:
            return
        yield members
        if up_s() >= give_up_at:
            return
        time.sleep(max(0.0, min(pause, give_up_at - up_s())))
        pause = min(2 * pause, 0.1)


def _note(found: dict[tuple[int, float], Leftover], members: list[Process]) -> None:
    for process in members:
        if process.key not in found:
            found[process.key] = leftover(process.pid)


def _holds(pid: int, pipes: frozenset[int]) -> bool:
    names = {f"pipe:[{inode}]" for inode in pipes}
    with contextlib.suppress(OSError), os.scandir(f"/proc/{pid}/fd") as entries:
        for entry in islice(entries, _MOST_DESCRIPTORS):
            with contextlib.suppress(OSError):
                if os.readlink(entry.path) in names:
                    return True
    return False
