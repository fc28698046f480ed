"""The demo, as `make demo` runs it: both scenarios end as told and leave nothing behind."""

from __future__ import annotations

import json
import os
import pathlib
import shutil
import subprocess
import sys

import pytest

from hookd.rehearsal.node import PATCHES

CHECKOUT = pathlib.Path(__file__).resolve().parents[2]
OLD = "4.14.154-128.181.amzn2.x86_64"
NEW = "4.14.214-160.339.amzn2.x86_64"


def _play(nodes, *options, program=CHECKOUT / "demo"):
    """Play the demo; its node is made in the directory `nodes`."""
    return subprocess.run(
        [sys.executable, "-B", str(program), *options],
        cwd=str(nodes),
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(CHECKOUT), "TMPDIR": str(nodes)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )


@pytest.fixture(scope="module")
def patched(tmp_path_factory):
    """Return the result of the first scenario, from the node it kept."""
    nodes = tmp_path_factory.mktemp("nodes")
    assert _play(nodes, "--keep").returncode == 0
    return _result(nodes)


def _result(nodes):
    (node,) = nodes.iterdir()
    (result,) = node.glob("var/lib/hookd/operations/*/result.json")
    return json.loads(result.read_text())


def _logged():
    """Return name.arch to EVR and word of the real log, by the shape of its own lines."""
    found = {}
    for line in PATCHES:
        word, package = line.split(" ")[3:]
        epoch, _, rest = package.rpartition(":")
        nevr, _, arch = rest.rpartition(".")
        name, version, release = nevr.rsplit("-", 2)
        evr = f"{epoch}:{version}-{release}" if epoch else f"{version}-{release}"
        found[f"{name}.{arch}"] = (evr, word.rstrip(":").lower())
    return found


def test_the_demo_names_the_steps_of_ssm_and_leaves_nothing_behind(tmp_path):
    done = _play(tmp_path)

    assert (done.returncode, done.stderr) == (0, "")
    assert [line.split("]")[0][1:] for line in done.stdout.splitlines() if line[:1] == "["] == [
        "PreInstallScan",
        "CustomerProvidedPrePatchHook",
        "InstallNoReboot",
        "CustomerProvidedPostInstallHook",
        "RebootHandlingAndReporting",
        "CustomerProvidedOnExitHook",
        "afterwards",
    ]
    assert list(tmp_path.iterdir()) == []


def test_every_package_of_the_real_log_is_in_the_result_and_no_other(patched):
    packages = patched["changes"]["packages"]

    assert len(_logged()) == 25
    assert {
        f"{one['name']}.{one['arch']}": (*one["after"], one["action"]) for one in packages
    } == _logged()


def test_the_machine_reboots_into_the_promised_kernel(patched):
    operation = patched["operation"]

    assert (operation["verdict"], operation["path"]) == ("passed", "patched-rebooted")
    assert patched["changes"]["kernel"] == {
        "running_before": OLD,
        "running_after": NEW,
        "newest_installed": NEW,
        "next_boot": NEW,
        "promised": NEW,
        "promised_by": "grubenv",
    }


def test_an_old_kernel_fails_with_a_remedy_and_keeps_the_node_out_of_service(tmp_path):
    done = _play(tmp_path, "--old-kernel", "--keep")
    result = _result(tmp_path)
    (promise,) = (c for c in result["checks"] if c["id"] == "kernel.running-is-promised")
    on_exit = result["phases"][-1]

    assert (done.returncode, done.stderr) == (0, "")
    assert result["operation"]["verdict"] == "failed"
    assert (promise["outcome"], promise["found"]) == ("fail", OLD)
    assert NEW in promise["expected"]
    assert f"rpm -V kernel-{NEW}" in promise["remedy"]
    assert promise["remedy"] in done.stdout
    assert [(h["name"], h["outcome"]) for h in on_exit["hooks"]] == [
        ("10-app-is-configured", "passed"),
        ("70-join-service", "outstanding"),
    ]


def test_the_demo_fails_when_the_operation_does_not_end_as_told(tmp_path):
    changed = tmp_path / "changed"
    shutil.copytree(str(CHECKOUT / "demo"), str(changed))
    with open(str(changed / "hooks/on-exit/10-app-is-configured"), "a") as hook:
        hook.write("exit 1\n")

    done = _play(tmp_path, program=changed)

    assert (done.returncode, done.stderr) == (1, "demo: verdict is failed, expected passed\n")
