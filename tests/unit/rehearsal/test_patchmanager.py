"""Patch Manager as it is played: what each step finds, changes, writes down and ends with."""

from __future__ import annotations

import json

import pytest

from hookd.rehearsal.node import NEW, OLD, PATCHES, Node
from hookd.rehearsal.patchmanager import PatchManager

SUMMARY = "var/log/amazon/ssm/patch-configuration/patch-inventory-from-last-operation.json"
SCAN = {"Operation": "Scan", "RebootOption": "NoReboot"}
INSTALL = {"Operation": "Install", "RebootOption": "NoReboot"}
REBOOT = {"Operation": "Install", "RebootOption": "RebootIfNeeded"}
ALL = str(len(PATCHES))


@pytest.fixture
def node(tmp_path):
    found = Node(str(tmp_path))
    found.lay_out()
    (tmp_path / ".rehearsal").mkdir()
    return found


def _counts(node):
    (content,) = json.loads(node.read(SUMMARY))["Content"]
    names = ("MissingCount", "InstalledCount", "InstalledPendingRebootCount", "FailedCount")
    return tuple(content[name] for name in names)


def _patching(node, *, missing=True, pending=False, **fails):
    found = PatchManager(node, fails)
    found.begin(missing=missing, pending=pending)
    return found


def test_patches_are_missing_then_pending_and_installed_after_the_reboot(node):
    manager = _patching(node)
    seen = []
    for step, given in (("scan", SCAN), ("install", INSTALL), ("reboot", REBOOT)):
        code, _ = manager.run(step, given, "c")
        seen.append((code, _counts(node)))
    node.reboot()
    code, _ = manager.run("reboot", REBOOT, "c")

    assert [*seen, (code, _counts(node))] == [
        (0, (ALL, "0", "0", "0")),
        (0, ("0", "0", ALL, "0")),
        (194, ("0", "0", ALL, "0")),
        (0, ("0", ALL, "0", "0")),
    ]


def test_the_log_and_the_kernel_come_with_the_installation(node):
    manager = _patching(node)
    manager.run("scan", SCAN, "c")
    before = (node.read("var/log/yum.log"), node.kernels)
    manager.run("install", INSTALL, "c")

    assert before == ("", [OLD])
    assert node.read("var/log/yum.log").splitlines() == PATCHES
    assert (node.kernels, node.reboot()) == ([NEW, OLD], NEW)


def test_a_pending_reboot_from_before_counts_until_the_machine_boots(node):
    manager = _patching(node, missing=False, pending=True)
    code, _ = manager.run("scan", SCAN, "c")
    before = _counts(node)
    node.reboot()
    manager.run("scan", SCAN, "c")

    assert (code, before, _counts(node)) == (0, ("0", "0", ALL, "0"), ("0", ALL, "0", "0"))


def test_a_step_that_fails_writes_no_summary(node, tmp_path):
    code, _ = _patching(node, scan="fails").run("scan", SCAN, "c")

    assert (code, (tmp_path / SUMMARY).exists()) == (1, False)


def test_half_an_installation_fails_with_the_counts_of_it(node):
    code, _ = _patching(node, install="installs-partly").run("install", INSTALL, "c")
    half = len(PATCHES) // 2

    assert (code, _counts(node)) == (1, ("0", "0", str(half), str(len(PATCHES) - half)))
    assert len(node.read("var/log/yum.log").splitlines()) == half


def test_the_summary_has_what_the_wrapper_and_hookd_look_for(node):
    _patching(node).run("install", INSTALL, "0f1e2d3c")
    text = node.read(SUMMARY)
    (content,) = json.loads(text)["Content"]

    assert [line for line in text.splitlines() if "MissingCount" in line] == [
        '            "MissingCount": "0",'
    ]
    assert {type(value) for value in content.values()} == {str}
    assert (content["ExecutionId"], content["OperationType"], content["RebootOption"]) == (
        "0f1e2d3c",
        "Install",
        "NoReboot",
    )
