"""The package for SSM Distributor, and its scripts as the SSM agent runs them."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import zipfile

import pytest
from support import package
from support.package import CHECKOUT

import hookd

UNPACKED = "var/lib/amazon/ssm/packages/hookd"
# What the agent gives the scripts (amazon-ssm-agent, configurepackage/ssminstaller).
AGENT = {
    "BWS_ACTION_NAME": "install",
    "BWS_PLATFORM_NAME": "amazon",
    "BWS_PLATFORM_VERSION": "2",
    "BWS_PLATFORM_FAMILY": "rhel",
    "BWS_ARCHITECTURE": "x86_64",
    "BWS_INIT_SYSTEM": "systemd",
    "BWS_PACKAGE_MANAGER": "yum",
    "BWS_INSTANCE_ID": "i-0123456789abcdef0",
    "BWS_REGION": "eu-west-1",
}


@pytest.fixture(scope="module")
def made(rpms, tmp_path_factory):
    """Return the folder with the manifest and the zips."""
    output = tmp_path_factory.mktemp("distributor") / "made"
    place = ["--rpms", str(rpms["x86_64"].parent), "--output", str(output)]
    subprocess.run(
        [sys.executable, str(CHECKOUT / "packaging/build_distributor.py"), *place],
        env={**os.environ, "SOURCE_DATE_EPOCH": package.EPOCH},
        check=True,
        timeout=60,
    )
    return output


@pytest.fixture
def root(new_package_root, made):
    """A root without hookd, in which the agent has unpacked the package."""
    root = new_package_root("3.7")
    with zipfile.ZipFile(str(made / f"hookd-{hookd.__version__}-1.x86_64.zip")) as packed:
        for name in packed.namelist():
            root.put(f"{UNPACKED}/{name}", packed.read(name))
    if not shutil.which("dash"):
        pytest.skip("dash is not installed")
    return root


def script(root, name):
    """Run a script of the package as the agent does; return exit code, stdout and stderr."""
    command = f"cd /{UNPACKED} && exec env -u HOME dash {name}"
    done = root.run(command, environment=AGENT)
    err = [line for line in done.stderr.splitlines() if not line.startswith("rpm: ")]
    return done.returncode, done.stdout, err


def test_the_manifest_names_each_file_with_its_checksum_for_what_hookd_runs_on(made):
    manifest = json.loads((made / "manifest.json").read_text("ascii"))
    zips = {path.name: path for path in made.glob("*.zip")}
    either = {
        "x86_64": {"file": f"hookd-{hookd.__version__}-1.x86_64.zip"},
        "arm64": {"file": f"hookd-{hookd.__version__}-1.aarch64.zip"},
    }
    platforms = ("amazon", "centos", "oracle", "redhat", "rocky")
    assert manifest == {
        "schemaVersion": "2.0",
        "publisher": "hookd",
        "version": hookd.__version__,
        "packages": {platform: {"_any": either} for platform in platforms},
        "files": {
            name: {"checksums": {"sha256": hashlib.sha256(path.read_bytes()).hexdigest()}}
            for name, path in zips.items()
        },
    }


def test_each_zip_has_the_scripts_and_one_rpm_at_its_top(made, rpms):
    for arch, rpm in rpms.items():
        with zipfile.ZipFile(str(made / f"{rpm.stem}.zip")) as packed:
            names = [rpm.name, "install.sh", "uninstall.sh", "update.sh"]
            assert (packed.namelist(), arch in rpm.name) == (names, True)
            assert packed.read(rpm.name) == rpm.read_bytes()


def test_it_installs_again_and_uninstalls_twice(root):
    ran = f"hookd {hookd.__version__}\n"
    name = f"hookd-{hookd.__version__}-1.x86_64.rpm"

    assert script(root, "install.sh") == (0, ran, [])
    assert script(root, "install.sh") == (0, f"{name} is installed\n{ran}", [])
    root.must(["hookd", "run", "pre"])
    assert script(root, "uninstall.sh")[0] == 0
    assert script(root, "uninstall.sh") == (0, "hookd is not installed\n", [])
    assert "var/log/hookd/results.jsonl" in root.ours()


def test_it_updates_in_place_and_goes_back(root, previous_rpm):
    root.install(previous_rpm)
    assert script(root, "update.sh") == (0, f"hookd {hookd.__version__}\n", [])

    root.must(f"rm /{UNPACKED}/*.rpm")
    root.put(f"{UNPACKED}/{previous_rpm.name}", previous_rpm.read_bytes())
    assert script(root, "update.sh") == (0, "hookd 0.0.9\n", [])


def test_what_is_missing_is_said_and_fails_the_installation(root):
    assert root.rpm("-e", "system") == (0, [])
    code, _, said = script(root, "install.sh")
    assert code != 0
    assert f"\t/usr/bin/python3 is needed by hookd-{hookd.__version__}-1.x86_64" in said


def test_a_python_that_is_too_old_fails_the_installation(root, new_package_root):
    old = new_package_root("3.6")
    root.pythons += old.pythons
    root.use_python(os.readlink(str(old.at("usr/bin/python3"))))
    root.must("rm -f /usr/bin/python3.*")

    code, _, said = script(root, "install.sh")

    assert code == 78
    assert said[0].startswith("hookd: needs Python 3.7 or newer, and /usr/bin/python3 is 3.6.")
