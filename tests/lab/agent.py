"""The SSM agent's part: calls a script in the machine as the agent does, and kills it so."""

from __future__ import annotations

import shlex
from dataclasses import dataclass

from support.agenttree import AgentTree

from lab.inside import AGENT, Completed, Inside

RUN_ID = AGENT["SSM_COMMAND_ID"]

# Beside what is lost with the power (/run) and what a scenario may fill (/var).
PLACE = "/srv/ssm"

# The document worker, whose first argument is the run id. A script gets a process group of its own
# in the agent's session and stdin from /dev/null; a worker that is told to end leaves its script
# alone (amazon-ssm-agent, executers.go).
WORKER = """\
import os, subprocess, sys
name, argv = sys.argv[1], sys.argv[2:]
with open(name + ".out", "wb") as out, open(name + ".err", "wb") as err:
    script = subprocess.Popen(
        argv,
        stdin=subprocess.DEVNULL,
        stdout=out,
        stderr=err,
        cwd="/usr/bin",
        preexec_fn=os.setpgrp,
    )
with open(name + ".pid", "w") as file:
    file.write(str(script.pid))
code = script.wait()
with open(name + ".new", "w") as file:
    file.write(str(code))
os.rename(name + ".new", name + ".code")
"""


@dataclass(frozen=True)
class Call:
    """A script that the agent runs in the machine."""

    machine: Inside
    argv: tuple[str, ...]
    name: str

    def wait(self, timeout: float = 60) -> Completed:
        """Wait until the script has ended, and return how."""
        self.machine.wait_until(f"test -e {self.name}.code", timeout)
        read = self.machine.read
        code = int(read(f"{self.name}.code"))
        return Completed(self.argv, code, read(f"{self.name}.out"), read(f"{self.name}.err"))

    def kill(self) -> None:
        """Kill it as the agent does at a timeout or cancel: SIGKILL to its process group."""
        self.machine.execute(f'kill -KILL "-$(cat {self.name}.pid)"').check()


def call(machine: Inside, *argv: str, env=None, run_id: str = RUN_ID) -> Call:
    """Start `argv` as a script of the agent and return at once.

    It runs below a unit with the agent's own directive KillMode=process, in the agent's
    environment, in /usr/bin, and below a process whose argv is `ssm-document-worker RUN-ID`.
    """
    machine.agent_calls += 1
    unit = f"amazon-ssm-agent-{machine.boots}-{machine.agent_calls}"
    name = f"{PLACE}/{unit}"
    # Python takes its first argument for the program, which so is named like the run
    machine.write(f"{PLACE}/{run_id}", WORKER)
    machine.execute(["ln", "-sf", "/usr/bin/python3", f"{PLACE}/ssm-document-worker"]).check()
    environment = {**AGENT, "SSM_COMMAND_ID": run_id, **(env or {})}
    machine.execute(
        [
            *("systemd-run", f"--unit={unit}", "--property=KillMode=process"),
            *(f"--setenv={key}={value}" for key, value in environment.items()),
            # that of systemd 219 may take no WorkingDirectory=
            *("/bin/sh", "-c", 'cd "$0" && exec env -u PWD -u OLDPWD "$@"', PLACE),
            *(f"{PLACE}/ssm-document-worker", run_id, name, *argv),
        ]
    ).check()
    machine.wait_until(f"test -s {shlex.quote(name)}.pid")
    return Call(machine, argv, name)


def files(machine: Inside) -> AgentTree:
    """Return the agent's files in the machine, none of them there yet; they outlive its boots."""
    return AgentTree(machine.ground.seen, AGENT["AWS_SSM_INSTANCE_ID"])
