"""Which checks of the running node each phase judges."""

from __future__ import annotations

from typing import List

from hookd.core.checks import disks, files, mounts, processes, settings, sockets, units
from hookd.core.checks.ends import Ends
from hookd.core.checks.table import Severities, severity_of
from hookd.core.model import Check, Phase, Severity

_IGNORE = Severity.IGNORE
_AGAINST = (units.FAILED_SINCE_PRE, sockets.LOST, mounts.LOST, settings.ROUTE_LOST)


def judged(ends: Ends, phase: Phase) -> List[Check]:
    """Return the checks of `phase`.

    pre, before which nothing happened, asks only for room; post what may cost the reboot, when
    services that the installation restarted may still be on their way.
    """
    if phase is Phase.PRE:  # which has asked by itself as well
        return [_room(ends)] if ends.last.node.disks.is_ok else []
    found = [
        _room(ends),
        units.failed_since_pre(ends),
        files.rpmnew(ends),
        files.files_intact(ends),
    ]
    return found if phase is Phase.POST else [*found, *_at_last(ends)]


def _room(ends: Ends) -> Check:
    now, severities = ends.last.node.disks, ends.severities
    if not ends.has_before:
        return disks.disk_low(now, severities)
    return disks.disk_low(now, severities, ends.first.node.disks)


def as_warnings(severities: Severities) -> Severities:
    """Return severities that only warn of what differs from an earlier operation's last look.

    Where nothing was to be done since, nobody knows whose doing it is: an admin's more likely.
    """
    milder = {id_: Severity.WARN for id_ in _AGAINST if severity_of(id_, severities) is not _IGNORE}
    return {**severities, **milder}


def _at_last(ends: Ends) -> List[Check]:
    return [
        units.failed_before(ends),
        units.flapping(ends),
        units.agent_alive(ends),
        sockets.sockets_lost(ends),
        mounts.mounts_lost(ends),
        processes.stale(ends),
        settings.route_lost(ends),
        settings.mode_kept(ends),
        settings.stepped(ends),
    ]
