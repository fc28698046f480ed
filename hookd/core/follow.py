"""What the reboot that a closed operation had waited for brought: its checks, judged anew."""

from __future__ import annotations

from dataclasses import replace
from typing import Dict, Mapping, Optional, Tuple

from hookd.core import boots, compare
from hookd.core.belong import REBOOT_RUN
from hookd.core.checking import reboot_needed
from hookd.core.checks import boot, kernel
from hookd.core.checks.table import Severities
from hookd.core.judge import Judgement, judge_recorded
from hookd.core.looks import in_order
from hookd.core.model import Check, Json, Phase
from hookd.core.operation import Operation
from hookd.core.snapshot import Snapshot


def is_same_boot(operation: Operation, boot_id: str) -> Optional[bool]:
    """Whether `boot_id` is the boot in which on-exit ran; None when that is not known."""
    on_exit = operation.last(Phase.ON_EXIT)
    if on_exit is None or not on_exit.boot_id or not boot_id:
        return None
    return on_exit.boot_id == boot_id


def judge_boot(
    operation: Operation,
    snapshots: Mapping[str, Snapshot],
    severities: Severities,
    boot_id: str = "",
) -> Tuple[Judgement, Tuple[Check, ...]]:
    """Return the judgement of the operation after the boot, and the checks that are new in it.

    What on-exit had judged besides stands: the first look of a boot sees too little to doubt it.
    A scheduled reboot that says to have been (REBOOT_RUN) is judged by `boot_id`, the boot now.
    """
    looks = in_order(operation, snapshots, with_last_known=False)
    if not looks:
        return judge_recorded(operation, snapshots), ()
    changes = compare.compare(looks)
    caller, scheduled = operation.opened.caller, bool(operation.observed.get(REBOOT_RUN))
    booted = changes.boot
    if scheduled:
        same = is_same_boot(operation, boot_id)
        booted = replace(booted, rebooted=None if same is None else not same)
    checks = tuple(
        replace(check, phase=Phase.ON_EXIT.value)
        for check in (
            kernel.running_is_promised(looks, changes.kernel, severities),
            boot.clean(
                boots.went_down(looks),
                severities,
                left=boots.crashes(looks),
                before=looks[0].boot.before,
            ),
            boot.rebooted_as_expected(
                booted, looks[-1].boot, severities, caller=caller, was_scheduled=scheduled
            ),
            reboot_needed(operation, looks, changes, severities),
        )
    )
    known = {**operation.checks, **{check.id: check for check in checks}}
    return judge_recorded(replace(operation, checks=known), snapshots), checks


def follow_up(
    found: Judgement, checks: Tuple[Check, ...], *, at: str, look: str
) -> Dict[str, Json]:
    """Return what is told of it: in `follow_ups` of the result, and in a line of its own."""
    return {
        "at": at,
        "look": look,
        "path": found.way.path.value,
        "verdict": found.verdict.value,
        "checks": [{"id": c.id, "outcome": c.outcome.value, "found": c.found} for c in checks],
    }
