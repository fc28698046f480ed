"""What is true of a machine, asked by pytest-testinfra: files, services, sockets, processes."""

from __future__ import annotations

import json

from testinfra.backend.base import BaseBackend
from testinfra.host import Host


class _Inside(BaseBackend):
    """Runs what testinfra asks inside the machine."""

    NAME = "lab"

    def __init__(self, machine) -> None:
        super().__init__("lab")
        self._machine = machine

    def run(self, command, *args, **_more):
        line = self.get_command(command, *args)
        done = self._machine.execute(line)
        return self.result(done.returncode, line, done.stdout, done.stderr)


def host(machine) -> Host:
    """Return the machine as testinfra's host."""
    return Host(_Inside(machine))


def of_unit(machine, unit, name) -> str:
    """Return what systemd says of `unit`'s property `name`."""
    asks = ["systemctl", "show", "--value", f"--property={name}", unit]
    return machine.execute(asks).check().stdout.strip()


def is_alive(machine, file) -> bool:
    """Tell whether the process runs whose id is in `file`."""
    return machine.execute(f"kill -0 $(cat {file})").returncode == 0


def next_act(machine) -> dict:
    """Return what hookd says it will do next with the one operation that it still has before it."""
    [found] = json.loads(machine.execute(["hookd", "status", "--json"]).stdout)["operations"]
    return found["next"]
