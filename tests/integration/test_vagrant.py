"""The Vagrantfile as ruby and vagrant read it, and what it runs and provisions, without a box."""

from __future__ import annotations

import os
import shutil
import subprocess

import pytest
from support.package import CHECKOUT

import hookd

# Stands for yum: what is asked of it is here already, or in the repository that was just made.
YUM = """\
#!/bin/sh
echo "$*" >>/srv/yum
case "$*" in
  *hookd-example-1.0) exec rpm -i /srv/hookd-example/RPMS/noarch/hookd-example-1.0-1.noarch.rpm ;;
esac
"""
# Stands for VirtualBox: a box that is up at once.
PROVIDER = """\
ENV["VAGRANT_DEFAULT_PROVIDER"] = "played"

class Played < Vagrant.plugin("2", :provider)
  def initialize(machine); end

  def action(name)
    Vagrant::Action::Builder.new if [:up, :provision].include?(name)
  end

  def ssh_info
    { host: "192.0.2.1", port: 2222, username: "vagrant" }
  end

  def state
    Vagrant::MachineState.new(:running, "running", "running")
  end
end

class PlayedPlugin < Vagrant.plugin("2")
  name "played"
  provider(:played, box_optional: true, defaultable: true) { Played }
end

"""
# Stands for make and for the Python of .venv, which ends with what is in the file `ends`.
SAYS = """\
#!/bin/sh
echo "$(basename "$0") $*" >>"$HOME/ran"
[ "$(basename "$0")" = make ] || exit "$(cat "$HOME/ends")"
"""
SUITE = (
    "python -m pytest tests/acceptance --sudo --ssh-config=build/ssh-config --hosts=ssh://default"
)


@pytest.fixture
def place(tmp_path):
    """A copy, for vagrant leaves a folder beside the file."""
    shutil.copy(str(CHECKOUT / "Vagrantfile"), str(tmp_path))
    shutil.copytree(str(CHECKOUT / "packaging/vagrant"), str(tmp_path / "packaging/vagrant"))
    return tmp_path


@pytest.fixture
def played(place):
    """The copy, with a provider that boots nothing; what runs beside the box says so in `ran`."""
    file = place / "Vagrantfile"
    file.write_text(PROVIDER + file.read_text("utf-8"), "utf-8")
    for name in ("bin/make", ".venv/bin/python"):
        program = place / name
        program.parent.mkdir(parents=True)
        program.write_text(SAYS, "ascii")
        program.chmod(0o755)
    return place


def run(place, *command):
    return subprocess.run(
        command,
        cwd=str(place),
        env={
            "PATH": f"{place}/bin:{os.environ['PATH']}",
            "HOME": str(place),
            "LC_ALL": "C.UTF-8",
        },
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=120,
        check=False,
        encoding="utf-8",
    )


@pytest.mark.parametrize(
    "command", [("ruby", "-c", "Vagrantfile"), ("vagrant", "validate", "--ignore-provider")]
)
def test_nothing_is_wrong_with_the_vagrantfile(place, command):
    if not shutil.which(command[0]):
        pytest.skip(f"{command[0]} is not installed")
    done = run(place, *command)
    assert done.returncode == 0, (done.stdout, done.stderr)


@pytest.mark.parametrize("ends", [0, 1])
def test_a_box_that_is_up_or_provisioned_is_asked_by_the_acceptance_suite(played, ends):
    if not shutil.which("vagrant"):
        pytest.skip("vagrant is not installed")
    (played / "ends").write_text(str(ends), "ascii")

    done = [run(played, "vagrant", command) for command in ("up", "provision")]

    assert [one.returncode for one in done] == [ends, ends], done
    assert (played / "ran").read_text().splitlines() == [
        "make rpm",
        *("make lab-ready", SUITE),
        *("make lab-ready", SUITE),
    ]
    assert "  HostName 192.0.2.1\n" in (played / "build/ssh-config").read_text()


def test_what_is_provisioned_installs_hookd_and_a_package_to_update(new_package_root, rpms):
    if not shutil.which("createrepo_c"):
        pytest.skip("createrepo_c is not installed")
    root = new_package_root("3.7")
    root.put("vagrant/provision", (CHECKOUT / "packaging/vagrant/provision").read_bytes())
    for module in ("__init__", "packages"):
        source = CHECKOUT / f"tests/lab/{module}.py"
        root.put(f"vagrant/tests/lab/{module}.py", source.read_bytes())
    root.put("vagrant/hookd/__init__.py", (CHECKOUT / "hookd/__init__.py").read_bytes())
    root.put("vagrant/dist/" + rpms["x86_64"].name, rpms["x86_64"].read_bytes())
    for version in ("0.0.9", "0.0.10", "999.0"):
        root.put(f"vagrant/dist/hookd-{version}-1.x86_64.rpm", version.encode())
    root.put("usr/bin/yum", YUM.encode(), 0o755)
    root.at("usr/bin/createrepo").symlink_to("createrepo_c")
    root.put("var/tmp/.keep", b"")
    root.put("etc/yum.repos.d/.keep", b"")

    for _ in range(2):
        done = root.run(["sh", "/vagrant/provision"])
        assert done.returncode == 0, (done.stdout, done.stderr)

    assert root.rpm("-q", "hookd", "hookd-example") == (
        0,
        [f"hookd-{hookd.__version__}-1.x86_64", "hookd-example-1.0-1.noarch"],
    )
    assert "  hookd: path patched-rebooted, verdict passed\n" in done.stdout
    tools = "-y install python3 rpm-build createrepo"
    assert root.at("srv/yum").read_text().splitlines() == [
        tools,
        "-y install hookd-example-1.0",
        tools,
    ]
    assert root.at("srv/hookd/new.rpm").read_bytes() == rpms["x86_64"].read_bytes()
    assert root.at("srv/hookd/old.rpm").read_text() == "0.0.10"
    listed = root.must("zcat -f /srv/hookd-example/RPMS/repodata/*primary.xml*")
    assert (listed.count("<name>hookd-example</name>"), 'ver="1.1"' in listed) == (2, True)
