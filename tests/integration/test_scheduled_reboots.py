"""The hook after a scheduled reboot, a run of its own: whose it is, and what it finds."""

from __future__ import annotations

import shlex
import sys

import pytest
from support.agenttree import ASSOCIATION, COMMAND, RUN
from support.fakeroot import (
    CHECKOUT,
    KERNEL_LINE,
    NEW_KERNEL,
    PACKAGE_LINE,
    FakeRoot,
    check_of,
    says,
)
from support.patchrun import POST_REBOOT, PatchRun

INSTALL, REBOOT = COMMAND, f"{ASSOCIATION}.{RUN}"
LATER = f"{ASSOCIATION}.2026-12-23T04-35-02.420Z"


@pytest.fixture
def root(tmp_path):
    """A machine that was patched and did not reboot; nothing is owed."""
    found = FakeRoot(tmp_path)
    for phase in ("pre", "post", "on-exit"):
        found.run("run", phase, "--operation-id", INSTALL)
        if phase == "pre":
            found.log(PACKAGE_LINE)
            found.log(KERNEL_LINE)
    return found


def after_reboot(root, run_id=REBOOT):
    """Call on-exit from the slot of AWS-InstanceRebootWithHooks; return its exit code."""
    argv = [sys.executable, "-m", "hookd", "--root", str(root.path), "run", "on-exit"]
    line = f"env PYTHONPATH={CHECKOUT} " + " ".join(map(shlex.quote, argv))
    run = PatchRun(root.path, run_id)
    return run.call(run.hook(POST_REBOOT, [line]))[0]


def told(root):
    """Return (operations, the run of the reboot, path, verdict, its check) of the newest."""
    result, operation = root.result(), root.result()["operation"]
    check = check_of(result, "boot.rebooted-as-expected")
    words = (operation["reboot_run_id"], operation["path"], operation["verdict"])
    return (len(root.json("history")), *words, check["outcome"])


@pytest.mark.parametrize("is_looked_at", [True, False], ids=["by its boot", "by nobody"])
def test_a_reboot_is_of_the_operation_that_waited_for_it(root, is_looked_at):
    root.boot(NEW_KERNEL)
    if is_looked_at:
        root.run("boot")
    codes = (after_reboot(root), after_reboot(root))

    assert codes == (0, 0)
    assert told(root) == (1, REBOOT, "patched-rebooted", "passed", "pass")
    assert len(root.result()["operation"]["follow_ups"]) == 1
    assert not list((root.path / "var/lib/hookd/open").iterdir())


def test_a_reboot_that_did_not_come_fails_the_operation_and_stays_awaited(root):
    codes = (after_reboot(root), after_reboot(root))
    found = told(root)
    root.boot(NEW_KERNEL)
    root.run("boot")

    assert codes == (1, 1)
    assert found == (1, REBOOT, "patched-reboot-pending", "failed", "fail")
    assert told(root) == (1, REBOOT, "patched-rebooted", "passed", "pass")
    looks = [one["look"] for one in root.result()["operation"]["follow_ups"]]
    assert looks == ["", "booted-1"]


def test_an_operation_whose_on_exit_never_came_gets_it_from_the_reboot(tmp_path):
    root = FakeRoot(tmp_path)
    root.config('[run]\nphases = ["pre", "post"]\n[recovery]\nenabled = false\n')
    root.hook("pre", "30-leave", says("leave"))
    root.undo("70-join", "30-leave", says("join"))
    root.run("run", "pre", "--operation-id", INSTALL)
    root.log(PACKAGE_LINE)
    root.run("run", "post", "--operation-id", INSTALL)
    root.boot()
    code = after_reboot(root)

    assert (code, root.ran()) == (0, ["leave", "join"])
    assert told(root) == (1, REBOOT, "patched-rebooted", "passed", "pass")


def test_a_reboot_that_nobody_waited_for_is_an_operation_of_its_own(root):
    root.boot(NEW_KERNEL)
    root.run("boot")
    after_reboot(root)
    after_reboot(root, LATER)

    assert [one["run_id"] for one in root.json("history")] == [LATER, INSTALL]
