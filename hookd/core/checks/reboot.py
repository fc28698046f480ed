"""Judges whether a reboot is still to come, and for what."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Iterator, Optional, Tuple

from hookd.core.checks.table import Judge, Severities, listed
from hookd.core.model import Check
from hookd.core.pending import Waiting
from hookd.core.readings import Reading, Standing
from hookd.core.snapshot import Snapshot

NEEDED = "reboot.needed"


@dataclass(frozen=True)
class Reasons:
    """What asks for a reboot at one moment: the machine itself, and Patch Manager.

    `patches` is Patch Manager's InstalledPendingReboot, None when not known.
    """

    waiting: Waiting = Waiting()
    patches: Optional[int] = None

    def words(self) -> Iterator[str]:
        waiting = self.waiting
        if waiting.packages:
            yield listed(waiting.packages)
        if waiting.kernel:
            yield f"kernel {waiting.kernel} boots next"
        if waiting.asked:
            by = f", for {listed(waiting.asked_by)}" if waiting.asked_by else ""
            yield f"/run/reboot-required is there{by}"
        if self.patches:
            yield f"Patch Manager counts {self.patches} patches pending"

    def adds_to(self, before: Reasons) -> bool:
        """Whether something waits that did not wait at `before`."""
        now, then = self.waiting, before.waiting
        return bool(
            now.packages
            or now.kernel not in ("", then.kernel)
            or (now.asked and not then.asked)
            or set(now.asked_by) - set(then.asked_by)
            or (self.patches or 0) > (before.patches or 0)
        )


def needed(
    last: Snapshot,
    now: Reasons,
    before: Reasons,
    severities: Severities,
    *,
    is_forbidden: bool = False,
) -> Check:
    """Judge whether something waits for a reboot after the `last` look.

    `before` is what waited at the first look. `is_forbidden`: RebootOption is NoReboot, which
    orders that it waits and changes nothing of it.
    """
    judge, expected = Judge(NEEDED, severities), "none"
    was, found = "; ".join(before.words()) or "none", "; ".join(now.words())
    if found and not now.adds_to(before):
        found = f"as before the operation: {found}"
    if found:
        reason = f"RebootOption is NoReboot: {found}" if is_forbidden else ""
        return judge.not_met(expected=expected, found=found, reason=reason, before=was)
    read = (last.kernel, *_sources(last))
    unread = [reading for reading in read if reading.standing is Standing.UNKNOWN]
    if unread:
        return judge.unknown(unread[0].reason, expected=expected)
    if not any(reading.is_ok for reading in _sources(last)) and now.patches is None:
        return judge.skipped("nothing here tells of pending reboots")
    return judge.passed(expected=expected, found="none", before=was)


def _sources(look: Snapshot) -> Tuple[Reading, ...]:
    """Return what tells of a reboot to come; without a database the logs do."""
    own = (look.kernel.next_boot, look.node.reboot_required)
    return (*own, *look.packages) if look.packages else (*own, *look.logs, *look.histories)
