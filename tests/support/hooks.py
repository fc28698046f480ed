"""Starts small shell scripts as hooks, and ends whatever they leave behind."""

from __future__ import annotations

import contextlib
import itertools
import os
import signal
import time
from dataclasses import replace

from hookd.system.process.children import Children
from hookd.system.process.family import end_leftovers, leftover
from hookd.system.process.spawn import Start
from hookd.system.process.table import Table, read_process

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_numbers = itertools.count(1)


class Bench:
    """A folder, a `Children`, and a record of everything that was spawned."""

    def __init__(self, folder, children: Children):
        self.folder = folder
        self.children = children
        self.spawned = []

    def start(self, script: str, **more) -> Start:
        """Return a Start of shell text `script`; `more` are fields of Start to replace."""
        token = f"test-{os.getpid()}/{next(_numbers)}"
        start = Start(
            argv=("/bin/sh", "-c", script),
            cwd=str(self.folder),
            environment={},
            token=token,
            timeout_s=20.0,
            grace_s=5.0,
            stdout_path=str(self.folder / "hook.out"),
            stderr_path=str(self.folder / "hook.err"),
            output_cap=1 << 20,
        )
        start = replace(start, **more)
        return replace(start, environment={"PATH": PATH, "HOOKD_HOOK": start.token})

    def group(self, starts, **more):
        """Run `starts` and return what became of them."""
        told = more.pop("on_spawned", None)

        def on_spawned(index, pid, started, cgroup):
            self.spawned.append((starts[index].token, pid, started, cgroup))
            if told:
                told(index, pid, started, cgroup)

        return self.children.run(starts, on_spawned=on_spawned, **more)

    def run(self, script: str, **more):
        """Run one script and return its Ended."""
        return self.group([self.start(script, **more)])[0]

    def clean(self):
        """End what is left of all that was spawned."""
        for token, pid, started, cgroup in self.spawned:
            end_leftovers(token, pid, started, pid, 0.0, cgroup)


def until_is(program: str, pid: str) -> str:
    """Return shell text that waits until process `pid`, a shell word, has executed `program`."""
    return f" until grep -qx {program} /proc/{pid}/comm; do sleep 0.01; done 2>/dev/null; "


def is_alive(pid: int) -> bool:
    process = read_process(pid)
    return process is not None and not process.is_dead


def wait_for(what, patience_s: float = 5.0):
    """Wait until `what()` is true and return it; fail after `patience_s`."""
    give_up_at = time.monotonic() + patience_s
    while True:
        found = what()
        if found:
            return found
        assert time.monotonic() < give_up_at, "it did not happen in time"
        time.sleep(0.01)


def collect_children(patience_s: float = 5.0):
    """Reap our children until none is left; end those without a token that a hook left to us."""
    give_up_at = time.monotonic() + patience_s
    with contextlib.suppress(ChildProcessError):
        while time.monotonic() < give_up_at:
            if os.waitpid(-1, os.WNOHANG)[0] == 0:
                time.sleep(0.005)
                for process in Table(0.0).processes.values():
                    if process.parent == os.getpid() and command(process.pid) != "cat":
                        os.kill(process.pid, signal.SIGKILL)


def command(pid: int) -> str:
    """Return the command line of `pid` with blanks between its words."""
    return leftover(pid).command
