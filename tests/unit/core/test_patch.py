"""Which of Patch Manager's summaries are a run's, and what becomes of them."""

from __future__ import annotations

from dataclasses import replace

import pytest
from support.journals import BOOT_1, BOOT_2, folded, opened, started

from hookd.core.journal import Observed
from hookd.core.model import Phase
from hookd.core.patch import (
    Entry,
    PatchState,
    PendingReading,
    Summary,
    SummaryReading,
    entry_of,
    looked,
    newest,
    not_installed,
    pending_at_scan,
    pending_since_boot,
    shown,
    summary_at,
)
from hookd.core.readings import Boot, Kernel, PackageSet, Standing
from hookd.core.snapshot import Snapshot

COMMAND = "0f1e2d3c-4b5a-4697-8877-665544332211"
ASSOCIATION = "7a6b5c4d-3e2f-4110-9a8b-7c6d5e4f3a2b"
RUN = f"{ASSOCIATION}.2026-11-23T04-35-02.420Z"
SCAN = Summary(COMMAND, "scan", ended_at="2026-11-23T04:36:10Z", missing=25, failed=0)
INSTALL = Summary(COMMAND, "install", ended_at="2026-11-23T04:50:00Z", missing=0, failed=0)


def state(summary=SCAN, sha256="a", pending=()):
    return PatchState(
        SummaryReading(summary=summary, sha256=sha256), PendingReading(packages=pending)
    )


def operation(*looks, run_id=COMMAND, entered=None):
    """Fold an operation whose phases looked so: (phase, state)."""
    bodies = [opened(run_id=run_id)]
    for phase, found in looks:
        bodies.append(started(phase.value))
        bodies.append(Observed("patch", looked(folded(*bodies), phase, found, entered)))
    return folded(*bodies)


def why(phase, found, *before, **more):
    """Return why `found` is none of the run's at `phase`, after the looks `before`."""
    so_far = operation(*before, **more)
    return entry_of(operation(*before, (phase, found), **more), phase).reason if so_far else None


def test_before_pre_the_scan_of_this_command_is_the_runs():
    found = operation((Phase.PRE, state()))
    assert entry_of(found, Phase.PRE) == Entry(True, "", False, "a", SCAN)
    assert summary_at(found, Phase.PRE) == newest(found) == SCAN


@pytest.mark.parametrize(
    ("summary", "reason"),
    [
        (replace(SCAN, execution_id="x"), "it is of x"),
        (replace(SCAN, execution_id=""), "it is of no command"),
        (INSTALL, "it is of a install operation, not of scan"),
        (replace(SCAN, operation=""), "it is of a nameless operation, not of scan"),
    ],
)
def test_another_summary_is_not(summary, reason):
    assert why(Phase.PRE, state(summary)) == reason
    assert newest(operation((Phase.PRE, state(summary)))) is None


@pytest.mark.parametrize(
    ("ended_at", "reason"),
    [
        ("2026-11-23T04:36:10Z", ""),
        ("2026-11-23T04:35:02Z", ""),
        (
            "2026-11-22T04:36:10Z",
            "it is of an earlier run, ended at 2026-11-22T04:36:10Z",
        ),
        ("", "it is of an earlier run, ended at an unknown time"),
    ],
)
def test_of_an_associations_runs_the_time_tells(ended_at, reason):
    summary = replace(SCAN, execution_id=ASSOCIATION, ended_at=ended_at)
    assert why(Phase.PRE, state(summary), run_id=RUN) == reason


def test_a_run_without_an_id_of_ssm_has_no_summary():
    assert why(Phase.PRE, state(), run_id="run-a") == f"it is of {COMMAND}"
    assert why(Phase.PRE, state(), run_id="") == f"it is of {COMMAND}"


def test_what_has_not_changed_since_the_phase_before_tells_nothing_new():
    before = (Phase.POST, state(INSTALL, "b"))
    assert why(Phase.ON_EXIT, state(INSTALL, "b"), before) == "it has not changed since post"
    assert why(Phase.ON_EXIT, state(INSTALL, "c"), before) == ""
    assert newest(operation(before, (Phase.ON_EXIT, state(INSTALL, "b")))) == INSTALL


def test_a_phase_that_is_resumed_may_find_what_it_found():
    before = (Phase.PRE, state(SCAN, "a"))
    assert why(Phase.PRE, state(SCAN, "a"), before) == ""


@pytest.mark.parametrize(
    ("entered", "summary", "reason"),
    [
        (False, SCAN, ""),
        (True, SCAN, "it is of a scan operation, not of install"),
        (True, INSTALL, ""),
        (False, INSTALL, "it is of a install operation, not of scan"),
        (None, SCAN, ""),
        (None, INSTALL, ""),
    ],
)
def test_on_exit_asks_for_the_last_step_that_was_entered(entered, summary, reason):
    assert why(Phase.ON_EXIT, state(summary), entered=entered) == reason


def test_a_reading_that_failed_says_why():
    absent = PatchState(SummaryReading(Standing.ABSENT, "no file"), PendingReading())
    found = operation((Phase.POST, absent))
    assert entry_of(found, Phase.POST) == Entry(False, "no file", is_absent=True)


@pytest.mark.parametrize("value", [None, [], {"pre": 7}, {"pre": {"of_run": "x"}}])
def test_a_journal_of_another_shape_is_no_look(value):
    found = folded(opened(run_id=COMMAND), Observed("patch", value))
    assert entry_of(found, Phase.PRE) is None
    assert newest(found) is None


def test_the_newest_summary_is_shown():
    pending = replace(INSTALL, patch_group="web", installed_pending_reboot=25)
    found = operation((Phase.PRE, state()), (Phase.POST, state(pending, "b")))
    assert shown(found) == {
        "patch_group": "web",
        "baseline_id": "",
        "snapshot_id": "",
        "missing": 0,
        "failed": 0,
        "installed_pending_reboot": 25,
    }
    assert shown(operation()) == {}


def look(**installed):
    packages = {name.replace("_", "."): ((evr, 1),) for name, evr in installed.items()}
    return Snapshot("installed", "", Boot(), Kernel(), (PackageSet(installed=packages),))


def test_what_waits_for_a_reboot_and_is_not_installed_is_named():
    pending = (("bash.noarch", "2-1"), ("zsh.noarch", "1:1-1"))
    found = operation((Phase.POST, state(INSTALL, "b", pending)))
    assert not_installed(found, (look(bash_noarch="2-1"),)) == ("zsh.noarch 1:1-1",)
    assert not_installed(found, (look(bash_noarch="2-2", zsh_noarch="1:1-1"),)) == (
        "bash.noarch 2-1",
    )


def test_without_a_database_or_a_look_nothing_is_missing():
    pending = (("bash.noarch", "2-1"),)
    found = operation((Phase.POST, state(INSTALL, "b", pending)))
    unread = Snapshot("x", "", Boot(), Kernel(), (PackageSet(Standing.UNKNOWN, "rpm"),))
    assert not_installed(found, ()) == not_installed(found, (unread,)) == ()
    assert not_installed(operation(), (look(),)) == ()


# -- what waits for a reboot -------------------------------------------------------------------

WAITED = replace(SCAN, installed_pending_reboot=2)
WAITS = replace(INSTALL, installed_pending_reboot=3)
PRE, POST, ON_EXIT = Phase.PRE, Phase.POST, Phase.ON_EXIT


@pytest.mark.parametrize(
    ("looks", "boot_id", "expected"),
    [
        ((), BOOT_1, None),
        (((POST, state(WAITS, "b")),), BOOT_1, 3),
        (((POST, state(WAITS, "b")),), BOOT_2, None),
        (((POST, state(WAITS, "b")),), "", 3),
        (((POST, state(WAITS, "b")), (ON_EXIT, state(WAITS, "b"))), BOOT_1, 3),
        (((POST, state(WAITS, "b")), (ON_EXIT, state(INSTALL, "c"))), BOOT_1, None),
        (((PRE, state(WAITED)), (POST, state(WAITS, "b"))), BOOT_1, 3),
        (((PRE, state(replace(WAITS, execution_id="x"))),), BOOT_1, None),
    ],
    ids=[
        "nobody looked",
        "counted at post",
        "and booted since",
        "nobody knows which boot this is",
        "on-exit found the same",
        "on-exit found another",
        "post knows better than pre",
        "of another command",
    ],
)
def test_what_patch_manager_counts_waits_until_the_machine_boots(looks, boot_id, expected):
    assert pending_since_boot(operation(*looks), boot_id) == expected


@pytest.mark.parametrize(
    ("looks", "expected"),
    [
        ((), None),
        (((PRE, state(WAITED)), (POST, state(WAITS, "b"))), 2),
        (((ON_EXIT, state(WAITED)),), 2),
        (((POST, state(WAITS, "b")),), None),
        (((PRE, state(SCAN)),), None),
    ],
)
def test_what_waited_before_is_what_the_scan_counted(looks, expected):
    assert pending_at_scan(operation(*looks)) == expected
