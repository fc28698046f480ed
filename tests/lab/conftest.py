"""Fixtures of the lab: new machines, removed with all they left however a scenario ends."""

from __future__ import annotations

import os
import shutil
from itertools import zip_longest

import pytest

from lab import images, layers
from lab.ground import Ground
from lab.machine import Machine
from lab.virtual import VirtualMachine

PROGRAMS = (
    "systemd-nspawn",
    "debootstrap",
    "dpkg-deb",
    "rpmbuild",
    "mkfs.ext4",
    "nsenter",
    "unshare",
)
VIRTUAL = (*PROGRAMS, "qemu-system-x86_64", "createrepo_c", "debugfs", "lz4", "setpriv")
# The first machine waits for its root to be made.
LONGEST_S = 900


def pytest_configure(config):
    config.addinivalue_line("markers", "waits: really waits for a minute or longer")
    config.addinivalue_line("markers", "together: two that share what takes minutes to make")


def pytest_collection_modifyitems(items):
    """Begin with the two that share a machine and the scenarios that wait.

    A worker of pytest-xdist takes two to begin with (`make lab`): the two together, and never two
    that wait.
    """
    for item in items:
        item.add_marker(pytest.mark.timeout(LONGEST_S))
    together = [item for item in items if item.get_closest_marker("together")]
    waiting = [item for item in items if item.get_closest_marker("waits")]
    others = [item for item in items if item not in together and item not in waiting]
    pairs = zip_longest(waiting, others[: len(waiting)])
    first = [item for pair in pairs for item in pair if item is not None]
    items[:] = [*together, *first, *others[len(waiting) :]]


def _why_not(programs=PROGRAMS):
    if os.geteuid() != 0:
        return "machines are booted by root"
    missing = [program for program in programs if not shutil.which(program)]
    return "not installed: " + ", ".join(missing) if missing else ""


@pytest.fixture(scope="session")
def this_hookd(tmp_path_factory):
    """Return the hookd of this checkout, as a layer."""
    return layers.hookd(tmp_path_factory.mktemp("hookd"))


@pytest.fixture(scope="session")
def this_service(tmp_path_factory):
    """Return the units of this checkout, as a layer."""
    return layers.service(tmp_path_factory.mktemp("service"))


@pytest.fixture
def new_machine(this_hookd, this_service):
    """Return a function that makes a machine with hookd installed, switched off.

    `python`: the only Python 3 it has. `cgroups` and `var`: see Ground. `service`: its systemd has
    the units; else every call executes in its own process.
    """
    if _why_not():
        pytest.fail(_why_not(), pytrace=False)  # who asks for the lab wants it
    machines = []

    def make(*, python=layers.DEBIANS_PYTHON, cgroups="v2", var="0", service=False):
        stack = [*([this_service] if service else []), this_hookd, layers.libraries(python)]
        if python != layers.DEBIANS_PYTHON:
            stack.append(_only_python(python))
        stack.append(layers.root())
        machine = Machine(Ground(layers.new_directory(), stack, cgroups, var))
        machines.append(machine)
        return machine

    make.forget = machines.remove
    yield make
    for machine in machines:
        machine.remove()


def _only_python(version):
    try:
        return layers.only_python(version)
    except layers.NoSuchPython as error:
        pytest.skip(str(error))


@pytest.fixture
def machine(new_machine):
    """A machine that is up."""
    made = new_machine()
    made.boot()
    return made


@pytest.fixture
def served(new_machine):
    """A machine with the service that is up."""
    made = new_machine(service=True)
    made.boot()
    return made


@pytest.fixture(params=[("3.11", "v2"), ("3.7", "v1")], ids=["3.11-v2", "3.7-v1"])
def either(request, new_machine):
    """A machine with the service that is up, of either kind of cgroups."""
    python, cgroups = request.param
    made = new_machine(python=python, cgroups=cgroups, service=True)
    made.boot()
    return made


@pytest.fixture(scope="session")
def this_disk(this_hookd, this_service):
    """Return the disk of a virtual machine that was never on, with hookd and its service."""
    if _why_not(VIRTUAL):
        pytest.skip(_why_not(VIRTUAL))
    with images.place() as directory:
        try:
            stack = [this_service, this_hookd, layers.libraries(layers.DEBIANS_PYTHON)]
            yield images.disk(stack, directory / "new.img")
        except layers.CannotMake as error:
            pytest.skip(str(error))


@pytest.fixture(scope="module")
def new_virtual_machine(this_disk):
    """Return a function that makes a virtual machine, switched off, like another or a new one."""
    machines = []

    def make(like=None):
        disk = this_disk.with_name(f"machine-{len(machines)}.img")
        machine = like.copy(disk) if like else VirtualMachine(images.copy(this_disk, disk))
        machines.append(machine)
        return machine

    yield make
    for machine in machines:
        machine.remove()
