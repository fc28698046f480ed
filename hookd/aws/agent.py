"""The SSM agent's own files and processes: whether it still has a run, and how often it began it.

amazon-ssm-agent 3.3 keeps one file for each document in work below
/var/lib/amazon/ssm/NODE/document/state, in `pending` and then in `current`, over reboots too, and
moves it to `completed` when the document has ended (agent/framework/docmanager). The file's name is
the document's id, which is the run id, as is argv[1] of its process `ssm-document-worker`. All of
that is internal to the agent: what is not as described makes the run unknown, never gone.
"""

from __future__ import annotations

import json
import os
from typing import Callable, FrozenSet

from hookd.core.liveness import Look, Seen, Sight, is_resumed, weigh
from hookd.core.model import Liveness
from hookd.core.operation import Operation
from hookd.core.runid import canonical, parts
from hookd.system import clock
from hookd.system.process.table import read_entry
from hookd.system.root import Root
from hookd.system.textfile import names_in, read_text

NODES = "/var/lib/amazon/ssm"
WORKER = "ssm-document-worker"

_STATES = ("pending", "current")  # in the order in which a file moves
LONGEST_STATE = 16 << 20
_LONGEST_COMMAND = 4096

Workers = Callable[[], FrozenSet[str]]


def workers() -> frozenset[str]:
    """Return the run ids of the `ssm-document-worker` processes of the host."""
    try:
        names = os.listdir("/proc")
    except OSError:
        return frozenset()
    commands = (_command(int(name)) for name in names if name.isdigit())
    return frozenset(canonical(c[1]) for c in commands if os.path.basename(c[0]) == WORKER)


def _command(pid: int) -> tuple[str, str]:
    words = read_entry(pid, "cmdline", _LONGEST_COMMAND).split(b"\0")
    return os.fsdecode(words[0]), os.fsdecode(words[1]) if len(words) > 1 else ""


class Agent:
    """The agent's files below `root`; processes are always the host's."""

    def __init__(self, root: Root, workers: Workers = workers) -> None:
        self._root = root
        self._workers = workers

    def look(self, run_id: str) -> Look:
        """Look once for the run. Never raises: what cannot be read is unknown, with the reason."""
        name = canonical(run_id)
        if not parts(name)[0]:
            return Look(Sight.UNKNOWN, f"{run_id!r} is no run id of SSM")
        path, unread = self.state_file(name)
        if name in self._workers():
            return Look(Sight.ALIVE, f"a {WORKER} has it", True, self._run_count(path))
        if path:
            return Look(Sight.ALIVE, f"{path} is there", False, self._run_count(path))
        if unread:
            return Look(Sight.UNKNOWN, unread)
        return Look(Sight.GONE, "the agent has neither a file nor a process of it")

    def state_file(self, name: str) -> tuple[str, str]:
        """Return the path of the file of run `name`, else "" and why it may be there all the same.

        `name` is a canonical run id.
        """
        unread, has_agent = "", False
        for folder in self._folders():
            try:
                if name in os.listdir(self._root.join(folder)):
                    return f"{folder}/{name}", ""
            except OSError as error:
                unread = unread or f"{folder}: {error.strerror}"
            else:
                has_agent = True
        return "", unread if has_agent or unread else f"no SSM agent has left files in {NODES}"

    def _folders(self) -> list[str]:
        """Return the folders that may hold the run's file, of every node id this machine had."""
        try:
            nodes = names_in(self._root, NODES)
        except OSError:
            return [NODES]
        states = (f"{NODES}/{node}/document/state" for node in nodes)
        here = [state for state in states if os.path.lexists(self._root.join(state))]
        return [f"{state}/{name}" for state in here for name in _STATES]

    def _run_count(self, path: str) -> int | None:
        if not path:
            return None
        try:
            state = json.loads(read_text(self._root, path, at_most=LONGEST_STATE).text or "null")
            count = state["DocumentInformation"]["RunCount"]
        except (ValueError, TypeError, LookupError, RecursionError):
            return None
        return count if isinstance(count, int) and not isinstance(count, bool) else None


def watch(root: Root, boot_id: str) -> Watch:
    """Return a watch over the runs of the machine below `root`, in boot `boot_id`."""
    return Watch(Agent(root), boot_id)


class Watch:
    """Looks at runs again and again: gone at two looks 60 s apart, and at none between, is dead.

    When a run was first found gone is all that it remembers.
    """

    def __init__(self, agent: Agent, boot_id: str, now: Callable[[], float] = clock.up_s) -> None:
        self._agent = agent
        self._boot_id = boot_id
        self._now = now
        self._gone_since: dict[str, float] = {}

    def see(self, operation: Operation) -> tuple[Liveness, Seen]:
        """Look at the operation's run and return what is known of it by now."""
        run_id = operation.opened.run_id
        if not run_id:
            return Liveness.NONE, Seen()
        look, now = self._agent.look(run_id), self._now()
        if look.sight is not Sight.GONE:
            self._gone_since.pop(run_id, None)
        since = self._gone_since.setdefault(run_id, now) if look.sight is Sight.GONE else now
        liveness, second_look_in_s = weigh(look, now - since)
        resumed = is_resumed(operation, look, self._boot_id)
        return liveness, Seen(resumed, second_look_in_s, look.reason)
