"""The boots over an operation's looks: how many, when, how each came about, what a crash left."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Dict, Optional, Sequence, Tuple

from hookd.core.model import BootChange, Changes
from hookd.core.readings import Boot, WentDown
from hookd.core.snapshot import Snapshot

_PSTORE, _KEPT = "/sys/fs/pstore/", "/var/lib/systemd/pstore/"


def boot_change(snapshots: Sequence[Snapshot]) -> BootChange:
    """Return what the boots over `snapshots` (not empty, in the order of time) came to."""
    before, after = snapshots[0].boot, snapshots[-1].boot
    rebooted = before.boot_id != after.boot_id if has_id(before) and has_id(after) else None
    downs = went_down(snapshots)
    unknown = [down.reason for down in downs if not down.is_told and down.reason]
    times = [down.down_s for down in downs if down.down_s is not None]
    seen, recorded = _seen(snapshots), _recorded(snapshots)
    return BootChange(
        rebooted=rebooted,
        boots=max(len(seen), len(recorded)),
        boot_id_before=before.boot_id,
        boot_id_after=after.boot_id,
        clean=_all_clean(downs),
        downtime_s=round(sum(times), 3) if downs and len(times) == len(downs) else None,
        reason="; ".join(dict.fromkeys(unknown)),
        booted_at=_when(seen, recorded),
        crashes=tuple(crashes(snapshots)),
    )


def went_down(snapshots: Sequence[Snapshot]) -> Tuple[WentDown, ...]:
    """Return how the machine went down before each boot that came after the first snapshot."""
    boots = [s.boot for s in snapshots if has_id(s.boot)]
    found: Dict[str, WentDown] = {}
    for boot in boots:
        if boot.boot_id != boots[0].boot_id and not found.get(boot.boot_id, WentDown()).is_told:
            found[boot.boot_id] = boot.before
    return tuple(found.values())


def has_id(boot: Boot) -> bool:
    return boot.is_ok and bool(boot.boot_id)


def utc_text(epoch_s: float) -> str:
    """Return `2026-11-05T04:18:07Z`, "" for 0 and for what is no time."""
    try:
        found = datetime.fromtimestamp(epoch_s, timezone.utc) if epoch_s else None
    except (ValueError, OverflowError, OSError):
        return ""
    return found.strftime("%Y-%m-%dT%H:%M:%SZ") if found else ""


def crashes(snapshots: Sequence[Snapshot]) -> Dict[str, str]:
    """Return what crashes of the kernel left, with when the boot began that was first to show it.

    Nothing unless the machine booted since the first of `snapshots`. systemd-pstore.service(8)
    moves what it finds at boot: a dump that was there before is none that came.
    """
    own, first = snapshots[0].boot, snapshots[0].node.crashes
    if not first.is_ok or not has_id(own):
        return {}
    later = [s for s in snapshots if has_id(s.boot) and s.boot.boot_id != own.boot_id]
    found: Dict[str, str] = {}
    for snapshot in later:
        for name in sorted(set(snapshot.node.crashes.files) - set(first.files)):
            found.setdefault(name, utc_text(snapshot.boot.btime))
    last = snapshots[-1].node.crashes.files
    if any(name.startswith(_PSTORE) and name not in last for name in first.files):
        return {name: at for name, at in found.items() if not name.startswith(_KEPT)}
    return found


def _seen(snapshots: Sequence[Snapshot]) -> Dict[str, float]:
    """Return when the boots began that looks saw after the first's own, by their id."""
    found: Dict[str, float] = {}
    for snapshot in snapshots:
        if has_id(snapshot.boot):
            found.setdefault(snapshot.boot.boot_id, float(snapshot.boot.btime))
    return dict(list(found.items())[1:])


def _recorded(snapshots: Sequence[Snapshot]) -> Tuple[float, ...]:
    """Return when the machine booted by its own records, after the last boot the first look knew.

    Only where the boot id says that it did: a soft reboot (systemd 254) is recorded like a boot.
    """
    known, now = snapshots[0].boot.before.boots, snapshots[-1].boot.before.boots
    if not known or known[-1] not in now or not _seen(snapshots):
        return ()
    return now[now.index(known[-1]) + 1 :]


def _when(seen: Dict[str, float], recorded: Sequence[float]) -> Tuple[str, ...]:
    times = recorded if len(recorded) >= len(seen) else tuple(seen.values())
    return tuple(filter(None, map(utc_text, times)))


def _all_clean(downs: Sequence[WentDown]) -> Optional[bool]:
    if any(down.clean is False for down in downs):
        return False
    return True if downs and all(down.clean for down in downs) else None


def ordered(
    snapshots: Sequence[Snapshot], changes: Changes, *, is_scheduled: bool
) -> Tuple[str, ...]:
    """Return the boots that somebody may have ordered over `snapshots`, in words.

    A document or hook before post may ask for one, which the run outlives: it is taken for ordered
    unless the machine went down without a shutdown. A second installation boots if it brought
    something (AWS-RunPatchBaselineWithHooks, RebootHandlingAndReporting).
    """
    names = [snapshot.name for snapshot in snapshots]
    found = ["the patch run's"]
    if "installed" in names:
        until = snapshots[: names.index("installed") + 1]
        downs = went_down(until)
        if downs and not any(down.clean is False for down in downs):
            found.insert(0, "one before post")
    later = set(names[names.index("leaving") :]) if "leaving" in names else set()
    if any(change.between.partition("..")[0] in later for change in changes.packages):
        found.append("the second installation's")
    return (*found, "the scheduled one") if is_scheduled else tuple(found)
