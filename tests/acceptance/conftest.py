"""The suite changes state on the machine it runs on: it has to be named."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from acceptance import reached

PURGE = "rm -rf /etc/hookd /var/lib/hookd /var/log/hookd /run/hookd"
EXAMPLES = "/srv/hookd-example/RPMS/noarch"
# What lab.hooks and lab.agent leave on a machine.
LEFT = "rm -rf /srv/ran /srv/hanging /srv/go /srv/ssm"


@dataclass(frozen=True)
class Releases:
    """The RPMs of hookd by their paths on the machine."""

    old: str
    new: str


def pytest_addoption(parser):
    group = parser.getgroup("hookd", "RPMs of hookd, by their paths on the machine")
    group.addoption("--old-rpm", default="/srv/hookd/old.rpm", help="an older release")
    group.addoption("--new-rpm", default="/srv/hookd/new.rpm", help="this release")


@pytest.fixture(autouse=True)
def _named(pytestconfig):
    if not pytestconfig.getoption("--hosts", None):
        pytest.skip("no --hosts: see the Vagrantfile")


@pytest.fixture
def releases(pytestconfig):
    return Releases(pytestconfig.getoption("--old-rpm"), pytestconfig.getoption("--new-rpm"))


@pytest.fixture
def machine(host, releases):
    """The machine without hookd and its state; afterwards it has this release, newly installed."""
    found = reached.Reached(host)
    found.execute(["test", "-s", releases.new]).check()
    _purge(found)
    yield found
    found.execute("touch /srv/go")  # for a hook that waits when its scenario has failed
    _purge(found)
    found.execute(["rpm", "-i", releases.new]).check()


def _purge(machine):
    """Remove hookd and all that it left, as packaging/README.md says."""
    machine.execute("! rpm -q hookd || rpm -e hookd").check()
    machine.wait_until(reached.NO_SERVICE)
    machine.execute(f"{PURGE} && {LEFT}").check()


@pytest.fixture
def old(machine, releases):
    """Return the version and release of the older hookd, which was just installed."""
    if machine.execute(["test", "-s", releases.old]).returncode:
        pytest.skip(f"no RPM of an older release is at {releases.old} on this machine")
    machine.execute(["rpm", "-i", releases.old]).check()
    asked = machine.execute(["rpm", "-q", "--qf", "%{VERSION}-%{RELEASE}", "hookd"])
    return asked.check().stdout


@pytest.fixture
def example(machine):
    """Return the command that updates hookd-example, of which an older version is installed."""
    older = f"rpm -U --oldpackage --replacepkgs {EXAMPLES}/hookd-example-1.0-1.noarch.rpm"
    machine.execute(older).check()
    has_yum = machine.execute("command -v yum").returncode == 0
    by_rpm = f"rpm -U {EXAMPLES}/hookd-example-1.1-1.noarch.rpm"
    yield "yum -y update hookd-example" if has_yum else by_rpm
    machine.execute(older).check()
