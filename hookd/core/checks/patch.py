"""Judges what Patch Manager says of a run against what the machine shows."""

from __future__ import annotations

from typing import Optional, Sequence, Tuple

from hookd.core import patch
from hookd.core.called import known_of, text
from hookd.core.checks.boot import NO_REBOOT, REBOOT_IF_NEEDED
from hookd.core.checks.table import Judge, Severities, listed
from hookd.core.compare import packages_changed
from hookd.core.due import is_of_boot
from hookd.core.model import Check, Phase, Severity
from hookd.core.operation import Operation
from hookd.core.patch import Entry, Summary
from hookd.core.snapshot import Snapshot

FAILED_PATCHES = "ssm.failed-patches"
COUNTS_AGREE = "ssm.patch-counts-agree"
REBOOT_PREDICTED = "ssm.pending-reboot-predicted"


def judged(
    operation: Operation,
    looks: Sequence[Snapshot],
    phase: Phase,
    severities: Severities,
    *,
    needs_reboot: Optional[bool],
) -> Tuple[Check, ...]:
    """Return the checks of `phase`, post or on-exit, for a run of AWS-RunPatchBaselineWithHooks.

    Without one nobody was to patch. `needs_reboot` is by kernel and packages.
    """
    known = known_of(operation)
    if not (text(known, "slot") or known.get("folders")):
        return ()
    newest, last = patch.newest(operation), patch.entry_of(operation, phase)
    scan, install = patch.summary_at(operation, Phase.PRE), _install(operation)
    agree = counts_agree(
        scan,
        install,
        severities,
        changed=_changed(looks),
        absent=patch.not_installed(operation, looks),
    )
    found = (failed_patches(newest, last, severities), agree)
    if phase is not Phase.POST:
        return found
    option = text(known, "reboot_option")
    predicted = reboot_predicted(
        newest, last, severities, reboot_option=option, needed=needs_reboot
    )
    return (*found, predicted)


def _install(operation: Operation) -> Optional[Summary]:
    found = (patch.summary_at(operation, phase) for phase in (Phase.POST, Phase.ON_EXIT))
    return next((one for one in found if one and one.operation == patch.INSTALLED), None)


def _changed(looks: Sequence[Snapshot]) -> Optional[bool]:
    """Whether packages changed between pre's last look and the first one after it."""
    seen = [look for look in looks if not is_of_boot(look.name)]  # which reads no log
    at = max((n for n, look in enumerate(seen) if look.name in ("before", "ready")), default=None)
    after = seen[at : at + 2] if at is not None else ()
    return packages_changed(after) if len(after) > 1 else None


def failed_patches(
    newest: Optional[Summary], last: Optional[Entry], severities: Severities
) -> Check:
    """Judge how many patches failed, by the run's `newest` summary; `last` is the last look."""
    judge = Judge(FAILED_PATCHES, severities)
    if newest is None or newest.failed is None:
        return _without(judge, last)
    if newest.failed:
        return judge.not_met(expected="no failed patch", found=f"{newest.failed} failed")
    return judge.passed(expected="no failed patch", found="none")


def counts_agree(
    scan: Optional[Summary],
    install: Optional[Summary],
    severities: Severities,
    *,
    changed: Optional[bool],
    absent: Sequence[str],
) -> Check:
    """Judge what was installed by Patch Manager's counts against the package database.

    `changed`: packages differ between the scan and the installation, None when not known. `absent`
    are packages that wait for a reboot by Patch Manager, and are not installed. An Install without
    an override list counts what it left missing as failed (payload, package_inventory.py).
    """
    judge = Judge(COUNTS_AGREE, severities)
    expected = "Patch Manager and the package database tell the same"
    if absent:
        said = f"Patch Manager says installed, the database has not: {listed(absent)}"
        return judge.not_met(expected=expected, found=said)
    if scan is None or install is None:
        return judge.skipped("no summaries of both Scan and Install to compare")
    number = _installed(scan, install)
    if number is None or changed is None:
        reason = "the counts are not whole" if number is None else "package changes are not known"
        return judge.unknown(reason, expected=expected)
    if number > 0 and not changed:
        said = f"Patch Manager installed {number} patches and no package changed"
        return judge.not_met(expected=expected, found=said)
    if number <= 0 and changed:
        said = "packages changed and Patch Manager installed no patch"
        return judge.not_met(expected=expected, found=said)
    return judge.passed(expected=expected, found=f"{max(number, 0)} patches were installed")


def reboot_predicted(
    newest: Optional[Summary],
    last: Optional[Entry],
    severities: Severities,
    *,
    reboot_option: str,
    needed: Optional[bool],
) -> Check:
    """Judge at post whether Patch Manager will reboot if the machine needs it.

    It reboots if RebootOption is RebootIfNeeded and its count of InstalledPendingReboot is not 0
    (AWS-RunPatchBaselineWithHooks, VerifyIfShouldRebootLinux). `needed` is by kernel and packages.
    """
    judge = Judge(REBOOT_PREDICTED, severities)
    if reboot_option == NO_REBOOT:
        return judge.skipped("RebootOption is NoReboot")
    count = newest.installed_pending_reboot if newest else None
    if count is None:
        return _without(judge, last)
    if reboot_option != REBOOT_IF_NEEDED:
        return judge.unknown("RebootOption is not known", at_most=Severity.WARN)
    expected = "a reboot if the machine needs one"
    if count:
        return judge.passed(expected=expected, found=f"a reboot, for {count} patches")
    if needed:
        return judge.not_met(expected=expected, found="no reboot: no patch waits for one")
    return judge.passed(expected=expected, found="none is needed")


def _installed(scan: Summary, install: Summary) -> Optional[int]:
    """Return how many patches that were missing no longer are, or how many more are pending."""
    if scan.missing is None or install.missing is None or install.failed is None:
        return None
    gone = scan.missing - install.missing - install.failed
    before, after = scan.installed_pending_reboot, install.installed_pending_reboot
    return max(gone, (after or 0) - (before or 0))


def _without(judge: Judge, last: Optional[Entry]) -> Check:
    if last is not None and last.is_absent:
        return judge.skipped(last.reason)
    reason = f"Patch Manager's summary: {last.reason}" if last and last.reason else "no summary"
    return judge.unknown(reason, at_most=Severity.WARN)
