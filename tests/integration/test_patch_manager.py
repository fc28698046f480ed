"""Whole runs of the wrapper: what Patch Manager says counts for the path and for checks."""

from __future__ import annotations

import shlex
import sys

import pytest
from support.agenttree import RUN, AgentTree
from support.fakeroot import CHECKOUT, NEW_KERNEL, FakeRoot, check_of
from support.patchfiles import PatchFiles
from support.patchrun import ASSOCIATION, COMMAND, ON_EXIT, POST, PRE, PatchRun, wrapper_steps

OF_ASSOCIATION = f"{ASSOCIATION}.{RUN}"
PACKAGE = "Feb 05 01:52:14 Updated: 1:openssl-libs-1.0.2k-19.amzn2.0.4.x86_64"
KERNEL = "Feb 05 01:52:53 Installed: kernel-4.14.214-160.339.amzn2.x86_64"
WAITS = "Patch Manager counts 3 patches pending"
CALLS = {PRE: "pre", POST: "post", ON_EXIT: "on-exit"}


@pytest.fixture
def root(tmp_path):
    found = FakeRoot(tmp_path)
    yield found
    found.end()


class Patching:
    """One run of the wrapper, step by step."""

    def __init__(self, root, run_id=COMMAND, reboot_option="RebootIfNeeded", **documents):
        self.root, self.option = root, reboot_option
        self.run = PatchRun(root.path, run_id)
        self.files = PatchFiles(root.path, run_id)
        documents = documents or dict.fromkeys((PRE, POST, ON_EXIT), "MyHook")
        tree = AgentTree(root.path)
        tree.steps = wrapper_steps(reboot_option=reboot_option, **documents)
        tree.submit(run_id)
        tree.start(run_id)

    def scan(self, **counts):
        self.files.summary("Scan", **counts)
        self.run.verify(reboot_option=self.option)

    def install(self, *lines, at="04:50:00", **counts):
        self.run.enter("InstallNoReboot")
        for line in lines:
            self.root.log(line)
        self.files.summary("Install", at=at, **counts)

    def call(self, slot):
        argv = [sys.executable, "-m", "hookd", "--root", str(self.root.path), "run", CALLS[slot]]
        line = f"env PYTHONPATH={CHECKOUT} " + " ".join(shlex.quote(word) for word in argv)
        code, out, err = self.run.call(self.run.hook(slot, [line]))
        assert code in (0, 1), (out, err)
        return code


def seen(root, *checks):
    """Return path, path's reason and what the checks found."""
    result = root.result()
    found = [check_of(result, name) for name in checks]
    operation = result["operation"]
    return (
        operation["path"],
        operation["path_reason"],
        *(one and (one["outcome"], one["found"] or one["reason"]) for one in found),
    )


@pytest.mark.parametrize("run_id", [COMMAND, OF_ASSOCIATION], ids=["command", "association"])
def test_a_run_that_goes_well_is_told_with_patch_managers_counts(root, run_id):
    run = Patching(root, run_id)
    run.scan(missing=2)
    run.call(PRE)
    run.install(PACKAGE, KERNEL, pending=2)
    run.call(POST)
    run.run.enter("RebootHandlingAndReporting")
    root.boot(NEW_KERNEL)
    run.call(ON_EXIT)

    assert seen(
        root,
        "boot.rebooted-as-expected",
        "ssm.failed-patches",
        "ssm.patch-counts-agree",
        "ssm.pending-reboot-predicted",
    ) == (
        "patched-rebooted",
        "the machine booted since pre",
        ("pass", "it rebooted"),
        ("pass", "none"),
        ("pass", "2 patches were installed"),
        ("pass", "a reboot, for 2 patches"),
    )
    ssm = root.result()["ssm"]
    names = ("patch_group", "baseline_id", "missing", "failed", "installed_pending_reboot")
    assert [ssm[name] for name in names] == ["web", "pb-0123456789abcdef0", 0, 0, 2]
    assert check_of(root.result(), "boot.rebooted-as-expected")["expected"] == "a reboot"


def test_each_look_is_journalled_before_anything_is_judged_by_it(root):
    run = Patching(root)
    run.scan(missing=2)
    run.call(PRE)
    events = [e["event"] + "-" + str(e.get("subject", "")) for e in root.journal()]
    assert events.index("observed-patch") < events.index("checked-")
    assert events.index("observed-ssm") < events.index("checked-")


def test_a_reboot_that_was_to_come_and_did_not_fails(root):
    run = Patching(root)
    run.scan(missing=2)
    run.call(PRE)
    run.install(PACKAGE, pending=2)
    run.call(POST)
    run.call(ON_EXIT)
    assert seen(root, "boot.rebooted-as-expected") == (
        "patched-reboot-pending",
        "a reboot is needed",
        ("fail", "it did not reboot, with 2 patches pending a reboot"),
    )


def test_no_reboot_is_expected_where_none_was_allowed(root):
    run = Patching(root, reboot_option="NoReboot")
    run.scan(missing=2)
    run.call(PRE)
    run.install(PACKAGE, pending=2)
    run.call(POST)
    run.call(ON_EXIT)
    assert seen(root, "boot.rebooted-as-expected", "ssm.pending-reboot-predicted") == (
        "patched-reboot-pending",
        "a reboot is needed",
        ("pass", "it did not reboot"),
        ("skip", "RebootOption is NoReboot"),
    )


def test_no_reboot_is_expected_where_no_patch_waits_for_one(root):
    run = Patching(root)
    run.scan(missing=1)
    run.call(PRE)
    run.install(PACKAGE)
    run.call(POST)
    run.call(ON_EXIT)
    assert seen(root, "boot.rebooted-as-expected") == (
        "patched-no-reboot",
        "packages changed",
        ("pass", "it did not reboot"),
    )


def test_where_post_is_not_called_nobody_knows_whether_a_reboot_was_to_come(root):
    run = Patching(root, **{PRE: "MyHook", ON_EXIT: "MyHook"})
    run.scan(missing=1)
    run.call(PRE)
    run.install(PACKAGE)
    run.call(ON_EXIT)
    path, _, found = seen(root, "boot.rebooted-as-expected")
    assert (path, found[0]) == ("patched-no-reboot", "unknown")


def test_nothing_missing_is_nothing_to_do_without_pre_and_post(root):
    run = Patching(root)
    run.scan(missing=0)
    code = run.call(ON_EXIT)
    assert (code, seen(root, "reboot.needed")) == (
        0,
        ("nothing-to-do", "nothing was missing", ("pass", "none")),
    )


def test_a_reboot_that_waits_is_told_where_nothing_is_missing(root):
    run = Patching(root, reboot_option="NoReboot")
    run.scan(missing=0, pending=3)
    run.call(ON_EXIT)
    path, _, found = seen(root, "reboot.needed")
    assert (path, found) == ("nothing-to-do", ("warn", f"as before the operation: {WAITS}"))
    result = root.result()
    assert result["operation"]["verdict"] == "passed-with-warnings"
    why = f"RebootOption is NoReboot: as before the operation: {WAITS}"
    assert check_of(result, "reboot.needed")["reason"] == why


def test_something_missing_that_pre_never_saw_is_pre_missing(root):
    run = Patching(root)
    run.scan(missing=3)
    run.call(ON_EXIT)
    assert seen(root)[0] == "pre-missing"


def test_the_summary_of_an_earlier_run_of_the_association_is_none(root):
    run = Patching(root, OF_ASSOCIATION)
    run.files.summary("Scan", OperationEndTime="2026-11-16T04:36:10Z")
    run.run.verify()
    run.call(ON_EXIT)
    path, reason, found = seen(root, "ssm.failed-patches")
    assert (path, reason) == (
        "unclear",
        "pre and post were not called and no earlier state is known",
    )
    earlier = "it is of an earlier run, ended at 2026-11-16T04:36:10Z"
    assert found == ("unknown", f"Patch Manager's summary: {earlier}")
    assert root.result()["ssm"]["missing"] is None


def test_failures_without_any_change_are_an_install_that_failed(root):
    run = Patching(root)
    run.scan(missing=2)
    run.call(PRE)
    run.install(failed=2)
    run.call(POST)
    run.call(ON_EXIT)
    assert seen(root, "ssm.failed-patches") == (
        "install-failed",
        "the patch summary of this run counts failures",
        ("fail", "2 failed"),
    )


def test_a_failed_patch_fails_the_operation_and_breaks_no_health(root):
    root.hook("on-exit", "10-x", 'echo "$HOOKD_HEALTH" > "$HOOKD_ROOT/health"')
    run = Patching(root)
    run.scan(missing=2)
    run.call(PRE)
    run.install(PACKAGE, failed=1)
    run.call(POST)
    code = run.call(ON_EXIT)
    operation = root.result()["operation"]
    assert (code, operation["verdict"], operation["path"]) == (1, "failed", "patched-no-reboot")
    assert (root.path / "health").read_text() in ("passed\n", "passed-with-warnings\n")


def test_counts_that_the_package_database_belies_are_told(root):
    run = Patching(root)
    run.scan(missing=2)
    run.call(PRE)
    run.install()
    run.call(POST)
    [*_, found] = seen(root, "ssm.patch-counts-agree")
    assert found == ("warn", "Patch Manager installed 2 patches and no package changed")


def test_packages_that_changed_without_a_patch_are_told(root):
    run = Patching(root)
    run.scan(missing=1)
    run.call(PRE)
    run.install(PACKAGE, failed=1)
    run.call(POST)
    [*_, found] = seen(root, "ssm.patch-counts-agree")
    assert found == ("warn", "packages changed and Patch Manager installed no patch")


def test_a_person_is_not_judged_by_patch_manager(root):
    PatchFiles(root.path, COMMAND).summary("Install", failed=3)
    for phase in ("pre", "post", "on-exit"):
        root.run("run", phase)
    checks = [one["id"] for one in root.result()["checks"]]
    assert [one for one in checks if one.startswith("ssm.")] == []
    assert root.result()["ssm"]["failed"] is None


def test_recovery_looks_for_itself_and_keeps_what_was_seen(root):
    run = Patching(root)
    run.scan(missing=2)
    run.call(PRE)
    run.install(PACKAGE)
    root.run("recover")
    result = root.result()
    assert result["operation"]["path"] == "interrupted"
    assert result["operation"]["path_so_far"] == "install-failed"
    assert (result["ssm"]["missing"], result["ssm"]["folders"]["InstallNoReboot"]) == (0, True)
    assert result["ssm"]["slot"] == ""
