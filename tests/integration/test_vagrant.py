"""The Vagrantfile as ruby and vagrant read it, and what it provisions, in a root without a box."""

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


@pytest.fixture
def place(tmp_path):
    """A copy, for vagrant leaves a folder beside the file."""
    shutil.copy(str(CHECKOUT / "Vagrantfile"), str(tmp_path))
    shutil.copytree(str(CHECKOUT / "packaging/vagrant"), str(tmp_path / "packaging/vagrant"))
    return tmp_path


@pytest.mark.parametrize(
    "command", [("ruby", "-c", "Vagrantfile"), ("vagrant", "validate", "--ignore-provider")]
)
def test_nothing_is_wrong_with_the_vagrantfile(place, command):
    if not shutil.which(command[0]):
        pytest.skip(f"{command[0]} is not installed")
    done = subprocess.run(
        command,
        cwd=str(place),
        env={"PATH": os.environ["PATH"], "HOME": str(place), "LC_ALL": "C.UTF-8"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=120,
        check=False,
        encoding="utf-8",
    )
    assert done.returncode == 0, (done.stdout, done.stderr)


def test_what_is_provisioned_installs_hookd_and_a_package_to_update(new_package_root, rpms):
    if not shutil.which("createrepo_c"):
        pytest.skip("createrepo_c is not installed")
    root = new_package_root("3.7")
    root.put("vagrant/provision", (CHECKOUT / "packaging/vagrant/provision").read_bytes())
    for module in ("__init__", "packages"):
        source = CHECKOUT / f"tests/lab/{module}.py"
        root.put(f"vagrant/tests/lab/{module}.py", source.read_bytes())
    root.put("vagrant/dist/" + rpms["x86_64"].name, rpms["x86_64"].read_bytes())
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
    listed = root.must("zcat -f /srv/hookd-example/RPMS/repodata/*primary.xml*")
    assert (listed.count("<name>hookd-example</name>"), 'ver="1.1"' in listed) == (2, True)
