"""Judges the kernel: what boots next, whether its files are there, whether the promise was kept."""

from __future__ import annotations

from typing import Sequence

from hookd.core.checks.table import Judge, Severities, listed
from hookd.core.kernels import newest_beside, stream_of_release
from hookd.core.model import Check, KernelChange
from hookd.core.nevra import evr_key
from hookd.core.readings import Kernel, Reading, Standing
from hookd.core.snapshot import Snapshot

NEXT_BOOT_IS_NEWEST = "kernel.next-boot-is-newest"
NEXT_BOOT_FILES = "kernel.next-boot-files"
RUNNING_IS_PROMISED = "kernel.running-is-promised"
LIVEPATCH_KEPT = "kernel.livepatch-kept"


def next_boot_is_newest(kernel: Kernel, severities: Severities) -> Check:
    """Judge the boot loader's choice against the newest kernel of its stream."""
    judge = Judge(NEXT_BOOT_IS_NEWEST, severities)
    following = kernel.next_boot
    for standing, reason in (
        (following.standing, following.reason or "no boot loader files"),
        (kernel.installed_standing, kernel.installed_reason or "no installed kernel is known"),
    ):
        if standing is Standing.ABSENT:
            return judge.skipped(reason)
        if standing is Standing.UNKNOWN:
            return judge.unknown(reason)
    installed = {one.release for one in kernel.installed}
    beside = following.release if following.release in installed else kernel.running
    newest = newest_beside(beside, kernel.installed)
    if newest is None:
        return judge.skipped("no installed kernel is known")
    if following.release == newest.release:
        return judge.passed(expected=newest.release, found=following.release)
    return judge.not_met(expected=newest.release, found=following.release, release=newest.release)


def next_boot_files(kernel: Kernel, severities: Severities) -> Check:
    """Judge whether the files of the entry that boots next are there and not empty."""
    judge = Judge(NEXT_BOOT_FILES, severities)
    following = kernel.next_boot
    if following.standing is Standing.ABSENT:
        return judge.skipped(following.reason or "no boot loader files")
    if following.standing is Standing.UNKNOWN:
        return judge.unknown(following.reason)
    expected = f"all files of {following.release}"
    if following.missing:
        found = "absent or empty: " + ", ".join(following.missing)
        return judge.not_met(expected=expected, found=found, release=following.release)
    return judge.passed(expected=expected, found="all")


def running_is_promised(
    snapshots: Sequence[Snapshot], change: KernelChange, severities: Severities
) -> Check:
    """Judge the running kernel of the last of `snapshots` (not empty) against the promise.

    Skipped unless the machine booted since the promise was made: at `leaving`, or at the first
    snapshot when post never came.
    """
    judge = Judge(RUNNING_IS_PROMISED, severities)
    made = next((s for s in snapshots if s.name == "leaving"), snapshots[0])
    last = snapshots[-1]
    if not change.promised:
        return judge.skipped("nothing promised a kernel")
    if made.boot.boot_id and made.boot.boot_id == last.boot.boot_id:
        return judge.skipped(f"not rebooted since {made.name}")
    expected = f"{change.promised} ({change.promised_by})"
    running, before = last.kernel.running, change.running_before
    if last.kernel.is_ok and running == change.promised:
        return judge.passed(expected=expected, found=running, before=before)
    for reading, what in (
        (last.kernel, "the running kernel"),
        (made.boot, f"the boot id at {made.name}"),
        (last.boot, f"the boot id at {last.name}"),
    ):
        if not reading.is_ok:
            return _unread(judge, reading, what, expected)
    found = running + _which(last.kernel, change)
    return judge.not_met(expected=expected, found=found, before=before, release=change.promised)


def _which(kernel: Kernel, change: KernelChange) -> str:
    """Say what is odd about a kernel that was not promised; the one of before needs no words."""
    running, before, promised = kernel.running, change.running_before, change.promised
    said = ""
    if before and evr_key(running) < evr_key(before):
        said += f", fell back to an older one than before ({before})"
    own, other = (stream_of_release(one, kernel.installed) for one in (running, promised))
    if own != other:
        said += f", another stream ({own}, not {other})"
    return said


def livepatch_kept(snapshots: Sequence[Snapshot], severities: Severities) -> Check:
    """Judge whether the live patches of the first of `snapshots` (not empty) are still loaded.

    One that was replaced by another, newer one is; another kernel has its fixes built in.
    """
    judge = Judge(LIVEPATCH_KEPT, severities)
    before, now = snapshots[0].kernel, snapshots[-1].kernel
    if not before.loaded:
        return judge.skipped("no live patch was loaded before")
    if now.is_ok and before.running != now.running:
        return judge.skipped(f"another kernel runs than {before.running}")
    was = listed(before.loaded)
    if now.loaded is None:
        return judge.unknown("the live patches that are loaded are not known", expected=was)
    lost = [name for name in before.loaded if name not in now.loaded]
    is_replaced = set(now.loaded) - set(before.loaded)
    if lost and not is_replaced:
        found = f"not loaded any more: {listed(lost)}"
        return judge.not_met(expected=was, found=found, before=was)
    return judge.passed(expected=was, found=listed(now.loaded), before=was)


def _unread(judge: Judge, reading: Reading, what: str, expected: str) -> Check:
    reason = f"{what} is not known: {reading.reason or reading.standing}"
    if reading.standing is Standing.ABSENT:
        return judge.skipped(reason)
    return judge.unknown(reason, expected=expected)
