"""What is true of a machine, asked by pytest-testinfra: files, services, sockets, processes."""

from __future__ import annotations

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
