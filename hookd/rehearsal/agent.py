"""The agent: takes documents over, starts a worker for each, and takes up again what it finds."""

from __future__ import annotations

import json
import os
import select
import shlex
import signal
import sys
from dataclasses import asdict, dataclass
from typing import Any, Callable, Dict, Iterator, Mapping

import hookd
from hookd.aws.agent import WORKER
from hookd.rehearsal.documents import steps_of
from hookd.rehearsal.files import AgentFiles, Known, Run
from hookd.rehearsal.rules import Status
from hookd.rehearsal.worker import Assignment
from hookd.system.process import group
from hookd.system.process.command import PATH

PRIVATE = ".rehearsal"
"""The folder below the root in which a rehearsal keeps what is its own."""

_SHELL_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin"
_BLOCK = 1 << 16
_LOOK_S = 0.01

Message = Dict[str, Any]


@dataclass(frozen=True)
class Worker:
    """A worker that runs: its process, and both ends of the talk with it."""

    run: Run
    pid: int
    agent: int
    orders: int
    messages: int

    def tell(self, order: str) -> None:
        os.write(self.orders, order.encode() + b"\n")

    def listen(self, meanwhile: Callable[[], None]) -> Iterator[Message]:
        """Yield what the worker says until it ends; `meanwhile` is called while it is silent.

        That may take as long as the documents allow: the worker itself ends what takes longer.
        """
        unread = b""
        while True:
            if not select.select([self.messages], [], [], _LOOK_S)[0]:
                meanwhile()
                continue
            data = os.read(self.messages, _BLOCK)
            if not data:
                return
            *lines, unread = (unread + data).split(b"\n")
            yield from (json.loads(line) for line in lines)

    def close(self) -> None:
        os.close(self.orders)
        os.close(self.messages)


class Agent:
    """The agent of the machine below `root`, which is node `instance` in `region`."""

    def __init__(self, root: str, instance: str, region: str) -> None:
        self._root = root
        self._instance = instance
        self._region = region
        self.files = AgentFiles(root, instance)
        self._private = os.path.join(root, PRIVATE)

    def install(self) -> None:
        """Make its folders and its program: the interpreter under the name of the worker."""
        self.files.make()
        os.symlink(os.path.realpath(sys.executable), os.path.join(self._private, "bin", WORKER))

    def submit(self, run: Run) -> None:
        """Take a document over from the service, and begin it: its file moves."""
        steps = steps_of(run.document, run.parameters, self._root)
        self.files.write("pending", run, steps, Known(Status.NOT_STARTED, 0, 0, {}))
        self.files.move(run, "pending", "current")

    def start(self, run: Run, documents: Mapping[str, str], fails: Mapping[str, str]) -> Worker:
        """Start a worker for the run, below a process that stands for the agent itself.

        `documents` are those that SSM hands out, by name; `fails` is as in Assignment.
        """
        given = Assignment(
            self._root,
            self._instance,
            run,
            self._environment(run),
            dict(documents),
            dict(fails),
        )
        assignment = os.path.join(self._private, f"{run.id}.json")
        with open(assignment, "w", encoding="utf-8") as file:
            json.dump(asdict(given), file)
        # argv[1] has to be the run id: to Python that is the program, in the working directory
        with open(os.path.join(self._private, run.id), "w", encoding="utf-8") as file:
            path = [_place(), *filter(None, sys.path)]
            file.write(_PROGRAM.format(path=path, assignment=assignment))
        return self._fork(run)

    def _fork(self, run: Run) -> Worker:
        orders, messages, pids = os.pipe(), os.pipe(), os.pipe()
        agent = os.fork()
        if not agent:
            try:
                os.setpgrp()
                argv = (os.path.join(self._private, "bin", WORKER), run.id)
                process = group.start(
                    argv,
                    cwd=self._private,
                    environment={"PATH": PATH, "LC_ALL": "C.UTF-8"},
                    stdin=orders[0],
                    stdout=messages[1],
                    stderr=group.NOTHING,
                )
                for descriptor in (*orders, *messages):
                    os.close(descriptor)
                os.write(pids[1], b"%d" % process.pid)
                process.wait()
            finally:
                os._exit(0)
        for descriptor in (orders[0], messages[1], pids[1]):
            os.close(descriptor)
        pid = int(os.read(pids[0], 64))
        os.close(pids[0])
        return Worker(run, pid, agent, orders[1], messages[0])

    def resume(self, run: Run) -> None:
        """Take up again what stands in `current` after a boot: its count rises (processor.go)."""
        path = self.files.path("current", run)
        state = self.files.read("current", run)
        state["DocumentInformation"]["RunCount"] += 1
        with open(path, "w", encoding="ascii") as file:
            json.dump(state, file)

    def end(self, run: Run) -> None:
        """Be done with a document: its file moves to `completed`."""
        self.files.move(run, "current", "completed")

    def _environment(self, run: Run) -> dict[str, str]:
        """Return what the agent's scripts get; nothing of a login (no HOME, USER, TERM, ...)."""
        return {
            "AWS_SSM_INSTANCE_ID": self._instance,
            "AWS_SSM_PLATFORM_NAME": "Amazon Linux",
            "AWS_SSM_PLATFORM_VERSION": "2",
            "AWS_SSM_REGION_NAME": self._region,
            "INVOCATION_ID": "0123456789abcdef0123456789abcdef",
            "JOURNAL_STREAM": "9:12345",
            "LANG": "en_US.UTF-8",
            "PATH": f"{self._private}/bin:{_SHELL_PATH}",
            "PWD": "/usr/bin",
            "SSM_COMMAND_ID": run.command,
            "HOOKD_ROOT": self._root,
            "HOOKD_REHEARSAL": "1",
        }


_PROGRAM = """\
import sys
sys.path[:] = {path!r}
from hookd.rehearsal.worker import main
main({assignment!r})
"""


def _place() -> str:
    """Return the directory that this hookd is imported from."""
    return os.path.dirname(os.path.dirname(os.path.realpath(hookd.__file__)))


def install_hookd(folder: str) -> None:
    """Put a program `hookd` into `folder` that starts this very hookd."""
    path = os.path.join(folder, "hookd")
    python, place = shlex.quote(sys.executable), shlex.quote(_place())
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o755), "w") as file:
        file.write(f'#!/bin/sh\nPYTHONPATH={place} exec {python} -m hookd "$@"\n')


def kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)
