"""The RPM on machines that boot: the acceptance suite, run over ssh as on a box of Vagrant."""

from __future__ import annotations

import os
import pathlib
import shlex
import subprocess
import sys
import time

import pytest
from support import package

from lab import layers, packages
from lab.ground import Ground
from lab.inside import AGENT
from lab.machine import Machine, entering

OLD = "0.0.9"
EXAMPLES = "/srv/hookd-example/RPMS/noarch"
SUITE = (
    *(sys.executable, "-m", "pytest", "tests/acceptance", "--verbose", "-p", "no:cacheprovider"),
    "--hosts=ssh://default",
)
# Stands for ssh: its last word is a command for the shell of root.
SSH = """\
#!/bin/sh
for command; do :; done
leader=$(cat {leader}) && test -d "/proc/$leader" || exit 255
exec {entering} env -i PATH="{path}" HOME=/root LANG=C.UTF-8 sh -c "$command"
"""


@pytest.fixture(scope="session")
def rpms(tmp_path_factory):
    """Return the RPMs by the paths at which the machines have them.

    An older release is built from this checkout; hookd-example is what Vagrant provisions.
    """
    reason = package.why_not_built()
    if reason:
        pytest.skip(reason)
    place = tmp_path_factory.mktemp("releases")
    older = package.other_release(place / "older", OLD)
    built = [packages.rpm(place, "hookd-example", version) for version in ("1.0", "1.1")]
    return {
        "/srv/system.rpm": package.build_system(place),
        "/srv/hookd/old.rpm": package.build(place / "old", "--arch=x86_64", checkout=older)[
            "x86_64"
        ],
        "/srv/hookd/new.rpm": package.build(place / "new", "--arch=x86_64")["x86_64"],
        **{f"{EXAMPLES}/{path.name}": path for path in built},
    }


@pytest.fixture(params=[("3.7", "v1"), ("3.9", "v2")], ids=["3.7-v1", "3.9-v2"])
def machine(request, rpms):
    """A machine that is up, with the RPM of this checkout and one Python."""
    python, cgroups = request.param
    try:
        stack = [layers.only_python(python), layers.root()]
    except layers.CannotMake as error:
        pytest.skip(str(error))
    made = Machine(Ground(layers.new_directory(), stack, cgroups))
    try:
        made.boot()
        for target, path in rpms.items():
            made.put(target, path.read_bytes())
        made.execute("rpm -i /srv/system.rpm && rpm -i /srv/hookd/new.rpm").check()
        yield made
    finally:
        made.remove()


class Ssh:
    """The program `ssh` in the directory `place`, which reaches the machine while it is up."""

    def __init__(self, place: pathlib.Path, machine: Machine) -> None:
        self.machine = machine
        self.leader = place / "leader"
        program = place / "ssh"
        words = " ".join(map(shlex.quote, entering("LEADER"))).replace("LEADER", '"$leader"')
        script = SSH.format(leader=self.leader, entering=words, path=AGENT["PATH"])
        program.write_text(script, "ascii")
        program.chmod(0o755)
        self.up()

    def up(self) -> None:
        self.leader.write_text(str(self.machine.leader), "ascii")

    def boot_again_until_ended(self, process) -> None:
        """Boot the machine whenever it has asked for a reboot, until `process` has ended."""
        while process.poll() is None:
            if not self.machine.is_on:
                assert self.machine.wait_off() == "reboot"
                self.machine.boot()
                self.up()
            time.sleep(0.1)


def test_what_has_to_be_true_of_a_machine_with_it_is(machine, tmp_path):
    ssh = Ssh(tmp_path, machine)
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTEST")}
    with open(str(tmp_path / "said"), "wb") as said:
        suite = subprocess.Popen(
            SUITE,
            cwd=str(package.CHECKOUT),
            env={**environment, "PATH": f"{tmp_path}:{os.environ['PATH']}"},
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=subprocess.STDOUT,
        )
        try:
            ssh.boot_again_until_ended(suite)
        finally:
            suite.kill()
            suite.wait()

    lines = (tmp_path / "said").read_text("utf-8", "backslashreplace").splitlines()
    # all of it, with its three reboots, and nothing skipped
    assert (suite.returncode, machine.boots) == (0, 4), "\n".join(lines)
    assert [line for line in lines if line.startswith("SKIPPED")] == []
