"""What Patch Manager says of a run: its summaries, which of them are the run's, and what they mean.

The payload of AWS-RunPatchBaseline writes one after every Scan and Install, over the one before;
its ExecutionId is SSM_COMMAND_ID, which every run of an association has in common.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict, Optional, Sequence, Tuple

from hookd.core import runid
from hookd.core.codec import CodecError, decode, encode
from hookd.core.model import Json, Phase
from hookd.core.operation import Operation
from hookd.core.readings import PackageSet, Reading
from hookd.core.snapshot import Snapshot

SUBJECT = "patch"
"""The subject under which each phase's look at Patch Manager's files is journalled."""

SCAN, INSTALLED = "scan", "install"
_SHOWN = (
    *("patch_group", "baseline_id", "snapshot_id"),
    *("missing", "failed", "installed_pending_reboot"),
)


@dataclass(frozen=True)
class Summary:
    """An AWS:PatchSummary. `operation` is `scan` or `install`; times are UTC text, counts may lack.

    `reboot_option` is the one of the patch step, which the wrapper sets to NoReboot before the
    last.
    """

    execution_id: str = ""
    operation: str = ""
    reboot_option: str = ""
    baseline_id: str = ""
    patch_group: str = ""
    snapshot_id: str = ""
    started_at: str = ""
    ended_at: str = ""
    missing: Optional[int] = None
    failed: Optional[int] = None
    installed_pending_reboot: Optional[int] = None


@dataclass(frozen=True)
class SummaryReading(Reading):
    """The summary file as it is, whosever it is. `sha256` is of its text."""

    summary: Summary = Summary()
    sha256: str = ""


@dataclass(frozen=True)
class PendingReading(Reading):
    """The packages that wait for a reboot by Patch Manager, as (`name.arch`, EVR)."""

    packages: Tuple[Tuple[str, str], ...] = ()


@dataclass(frozen=True)
class PatchState:
    """One look at Patch Manager's files.

    `reboot_asked` are the codes (194 to 196) whose marker says that a patch step asked for a
    reboot; `locked_by` is the command in whose name the lock of a patch step is held.
    """

    summary: SummaryReading
    pending: PendingReading
    reboot_asked: Tuple[str, ...] = ()
    locked_by: str = ""


@dataclass(frozen=True)
class Entry:
    """What a phase's look is worth. `of_run`: the summary is one of the run's, else `reason`."""

    of_run: bool = False
    reason: str = ""
    is_absent: bool = False
    sha256: str = ""
    summary: Summary = Summary()
    pending: Tuple[Tuple[str, str], ...] = ()
    reboot_asked: Tuple[str, ...] = ()
    locked_by: str = ""


def looked(
    operation: Operation, phase: Phase, state: PatchState, entered: Optional[bool]
) -> Dict[str, Any]:
    """Return what is to be journalled of `phase`'s look, beside those of the other phases.

    `entered`: the run's step Install was, None when not known.
    """
    reading = state.summary
    reason = reading.reason if not reading.is_ok else _why_not(operation, phase, reading, entered)
    entry = Entry(
        not reason,
        reason,
        reading.standing.value == "absent",
        reading.sha256,
        reading.summary,
        state.pending.packages,
        state.reboot_asked,
        state.locked_by,
    )
    seen = operation.observed.get(SUBJECT)
    return {**(seen if isinstance(seen, dict) else {}), phase.value: encode(entry)}


def _why_not(
    operation: Operation, phase: Phase, reading: SummaryReading, entered: Optional[bool]
) -> str:
    """Return why the summary is none of the run's at `phase`, "" when it is."""
    run_id, summary = operation.opened.run_id, reading.summary
    own, _ = runid.parts(run_id)
    if not own or summary.execution_id != own:
        return f"it is of {summary.execution_id or 'no command'}"
    asked = _asked(operation, phase, entered)
    if summary.operation not in asked:
        return (
            f"it is of a {summary.operation or 'nameless'} operation, not of {' or '.join(asked)}"
        )
    began = runid.began(run_id)
    if began and summary.ended_at[:19] < began:
        return f"it is of an earlier run, ended at {summary.ended_at or 'an unknown time'}"
    before = [other for other in Phase if other is not phase and entry_of(operation, other)]
    for other in before:
        found = entry_of(operation, other)
        if found and found.sha256 == reading.sha256:
            return f"it has not changed since {other}"
    return ""


def _asked(operation: Operation, phase: Phase, entered: Optional[bool]) -> Tuple[str, ...]:
    """Return the operations that the summary may be of: Scan comes before pre, Install before post.

    Before on-exit there was an Install if it was entered; not known: either.
    """
    if phase is not Phase.ON_EXIT:
        return (SCAN,) if phase is Phase.PRE else (INSTALLED,)
    if entered is None:
        return (INSTALLED,) if operation.last(Phase.POST) else (SCAN, INSTALLED)
    return (INSTALLED,) if entered else (SCAN,)


def entry_of(operation: Operation, phase: Phase) -> Optional[Entry]:
    """Return what was journalled of the look of `phase`, None when there was none."""
    seen = operation.observed.get(SUBJECT)
    value: Json = seen.get(phase.value) if isinstance(seen, dict) else None
    try:
        return decode(Entry, value) if value is not None else None
    except CodecError:
        return None


def summary_at(operation: Operation, phase: Phase) -> Optional[Summary]:
    """Return the run's own summary as `phase` found it."""
    entry = entry_of(operation, phase)
    return entry.summary if entry and entry.of_run else None


def newest(operation: Operation) -> Optional[Summary]:
    """Return the newest summary of the run."""
    found = (summary_at(operation, phase) for phase in reversed(Phase))
    return next((summary for summary in found if summary), None)


def shown(operation: Operation) -> Dict[str, Any]:
    """Return what the result's `ssm` block says of the run's newest summary."""
    summary = newest(operation)
    return {name: getattr(summary, name) for name in _SHOWN} if summary else {}


def not_installed(operation: Operation, looks: Sequence[Snapshot]) -> Tuple[str, ...]:
    """Return what waits for a reboot by Patch Manager and is not in the package database."""
    entries = (entry_of(operation, phase) for phase in reversed(Phase))
    entry = next((one for one in entries if one), None)
    databases = [one for one in looks[-1].packages if one.is_ok] if looks else []
    if entry is None or not databases:
        return ()
    absent = (one for one in entry.pending if not any(_has(d, *one) for d in databases))
    return tuple(f"{key} {evr}" for key, evr in absent)


def _has(database: PackageSet, key: str, evr: str) -> bool:
    return any(evr == found for found, _ in database.installed.get(key, ()))


def pending_count(operation: Operation) -> Optional[int]:
    """Return how many patches waited for the reboot when it was decided: at post, else by the scan.

    A run that has nothing to install decides by its scan, and comes to on-exit with that.
    """
    found = summary_at(operation, Phase.POST)
    if found is None:
        last = newest(operation)
        found = last if last and last.operation == SCAN else None
    return found.installed_pending_reboot if found else None


def pending_at_scan(operation: Operation) -> Optional[int]:
    """Return how many patches waited for a reboot before anything was installed."""
    found = (summary_at(operation, phase) for phase in Phase)
    scan = next((one for one in found if one and one.operation == SCAN), None)
    return scan.installed_pending_reboot if scan else None


def pending_since_boot(operation: Operation, boot_id: str) -> Optional[int]:
    """Return how many patches wait for a reboot in boot `boot_id`.

    What was counted in an earlier boot waits no more: None.
    """
    for phase in reversed(Phase):
        summary, run = summary_at(operation, phase), operation.last(phase)
        if summary is not None:
            is_earlier = run is not None and boot_id and run.boot_id not in ("", boot_id)
            return None if is_earlier else summary.installed_pending_reboot
    return None
