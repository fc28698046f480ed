"""Judges whether the machine rebooted when it was to, how often, and whether it crashed."""

from __future__ import annotations

from typing import Mapping, Optional, Sequence

from hookd.core.checks.table import Judge, Severities, listed
from hookd.core.model import BootChange, CallerKind, Check, Severity
from hookd.core.readings import Boot, Standing, WentDown

REBOOTED_AS_EXPECTED = "boot.rebooted-as-expected"

CLEAN = "boot.clean"
COUNT = "boot.count"
LOOP = "boot.loop"
FROM_BOOT = 3
"""The boot of an operation from which on the machine may be in a loop of boots."""

REBOOT_IF_NEEDED = "RebootIfNeeded"
NO_REBOOT = "NoReboot"
_OUTSIDE_SSM = (CallerKind.PERSON,)
_UNTOLD = WentDown(Standing.ABSENT)
_HAD_GONE_DOWN = {
    True: "a shutdown before its boot",
    False: "no shutdown before its boot",
    None: "",
}


def rebooted_as_expected(
    change: BootChange,
    now: Boot,
    severities: Severities,
    *,
    caller: CallerKind,
    reboot_option: str = "",
    pending_count: Optional[int] = None,
    was_scheduled: bool = False,
) -> Check:
    """Judge the reboot of an operation. `was_scheduled`: a scheduled reboot says that it has been.

    `reboot_option` is AWS-RunPatchBaseline's RebootOption, empty when not known; `pending_count`
    Patch Manager's InstalledPendingReboot at post, None when not known. `now` says why a boot id
    is not known.
    """
    judge = Judge(REBOOTED_AS_EXPECTED, severities)
    wanted = was_scheduled or _is_wanted(reboot_option, pending_count)
    if change.rebooted:
        return judge.passed(expected=_expected(wanted), found="it rebooted")
    if wanted is None and caller in _OUTSIDE_SSM:
        return judge.skipped("outside SSM nobody told whether a reboot was wanted")
    if change.rebooted is None and now.standing is Standing.ABSENT:
        return judge.skipped(now.reason)
    if change.rebooted is None or wanted is None:
        return judge.unknown(_why_unknown(change, now), at_most=Severity.WARN)
    if not wanted:
        return judge.passed(expected=_expected(wanted), found="it did not reboot")
    why = f"with {pending_count} patches pending a reboot"
    found = f"it did not reboot, {'and its scheduled reboot has been' if was_scheduled else why}"
    return judge.not_met(expected=_expected(wanted), found=found)


def clean(
    downs: Sequence[WentDown],
    severities: Severities,
    *,
    left: Optional[Mapping[str, str]] = None,
    before: WentDown = _UNTOLD,
) -> Check:
    """Judge how the machine went down before each boot of the operation.

    `before` is how it had gone down before the boot in which the operation began.

    `left` are the files that crashes left since, with when the boot began that showed them first.
    A kernel may die after its shutdown was recorded: a dump is a crash, whatever wtmp says.
    """
    judge, expected = Judge(CLEAN, severities), "a shutdown before each boot"
    had = _HAD_GONE_DOWN[before.clean]
    unclean, dumps = sum(down.clean is False for down in downs), _dumps(left or {})
    if unclean or dumps:
        told = f"{unclean} of {len(downs)} boots came without a shutdown before" if unclean else ""
        found = "; ".join(filter(None, (told, dumps)))
        return judge.not_met(expected=expected, found=found, before=had)
    untold = [down for down in downs if not down.is_told]
    if untold and len(untold) == len(downs) and all(_is_absent(down) for down in untold):
        return judge.skipped(untold[0].reason or "nobody looked")
    if untold:
        return judge.unknown(untold[0].reason, expected=expected, at_most=Severity.WARN)
    found = f"{len(downs)} boots, each after a shutdown" if downs else "it did not boot"
    return judge.passed(expected=expected, found=found, before=had)


def _dumps(left: Mapping[str, str]) -> str:
    named = [f"{name} (boot of {at})" if at else name for name, at in left.items()]
    return f"a crash left {listed(named)}" if named else ""


def count(
    change: BootChange,
    now: Boot,
    ordered: Sequence[str],
    severities: Severities,
    *,
    since: str = "",
) -> Check:
    """Judge whether the machine booted more often than it was told to.

    `ordered` says who told it, one text for each boot; `since` is when the boot before began.
    """
    judge = Judge(COUNT, severities)
    if change.rebooted is None and now.standing is Standing.ABSENT:
        return judge.skipped(now.reason)
    if change.rebooted is None:
        return judge.unknown(_why_unknown(change, now), at_most=Severity.WARN)
    expected = f"at most {_boots(len(ordered))}: {', '.join(ordered)}"
    at = f", at {listed(change.booted_at)}" if change.booted_at else ""
    found = _boots(change.boots) + at if change.boots else "it did not boot"
    before = _up(since)
    if change.boots > len(ordered):
        return judge.not_met(expected=expected, found=found, before=before)
    return judge.passed(expected=expected, found=found, before=before)


def _boots(number: int) -> str:
    return "1 boot" if number == 1 else f"{number} boots"


def _up(since: str) -> str:
    return f"up since {since}" if since else ""


def loop(
    boots: int,
    severities: Severities,
    *,
    by_recovery: bool,
    is_unclean: bool = False,
    since: str = "",
) -> Check:
    """Judge whether the machine keeps going down; `boots` are those since pre.

    `is_unclean`: before the newest the machine was not shut down. An on-exit that SSM or a person
    calls shows that it stays up long enough: only the service's recovery has reason to doubt.
    `since` is when the boot before began.
    """
    judge = Judge(LOOP, severities)
    expected = f"less than {FROM_BOOT} boots, the last after a shutdown, or SSM's on-exit"
    found = f"{boots} boots" + (", the last without a shutdown before" if is_unclean else "")
    if by_recovery and (boots >= FROM_BOOT or is_unclean):
        return judge.not_met(expected=expected, found=found, before=_up(since))
    return judge.passed(expected=expected, found=found, before=_up(since))


def _is_absent(down: WentDown) -> bool:
    return down.standing is Standing.ABSENT


def _why_unknown(change: BootChange, now: Boot) -> str:
    if change.rebooted is None:
        return now.reason or "the boot id before the operation is not known"
    return "it is not known whether Patch Manager was to reboot this machine"


def _is_wanted(reboot_option: str, pending_count: Optional[int]) -> Optional[bool]:
    if reboot_option == NO_REBOOT:
        return False
    if reboot_option != REBOOT_IF_NEEDED or pending_count is None:
        return None
    return pending_count > 0


def _expected(wanted: Optional[bool]) -> str:
    if wanted is None:
        return ""
    return "a reboot" if wanted else "no reboot"
