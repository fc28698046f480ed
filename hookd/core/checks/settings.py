"""Judges the settings of the node against how they were before: network, SELinux, clock."""

from __future__ import annotations

from typing import Dict, List, Sequence

from hookd.core.checks.ends import Ends
from hookd.core.checks.table import listed
from hookd.core.model import Check
from hookd.core.node import Clock, Network, Selinux
from hookd.core.readings import Standing
from hookd.core.snapshot import Snapshot
from hookd.core.spans import spans

ROUTE_LOST = "network.route-lost"
MODE_KEPT = "selinux.mode-kept"
STEPPED = "clock.stepped"

_STEP_S = 5.0
_SYNCHRONISED = {True: "synchronised", False: "not synchronised", None: ""}


def _network(look: Snapshot) -> Network:
    return look.node.network


def route_lost(ends: Ends) -> Check:
    """Judge whether a default route or a resolver went and none came in its place."""
    judge, expected = ends.judge(ROUTE_LOST), "as many default routes and resolvers"
    cannot = ends.incomparable(judge, _network, expected)
    if cannot:
        return cannot
    before, now = _network(ends.first), _network(ends.last)
    found = [f"default route {one}" for one in _fewer(before.default_routes, now.default_routes)]
    gone = [one for one in before.resolvers if one not in now.resolvers]
    if len(now.resolvers) < len(before.resolvers):
        found += [f"resolver {one}" for one in gone]
    if found:
        return judge.not_met(
            expected=expected,
            found=f"gone: {listed(found)}",
            before=listed((*before.default_routes, *(f"resolver {r}" for r in before.resolvers))),
        )
    return judge.passed(expected=expected, found="as before")


def _fewer(before: Sequence[str], now: Sequence[str]) -> List[str]:
    """Return the routes that are gone, of protocols that have less of them than before.

    An interface that has another name, a gateway that has another address is no loss.
    """
    count: Dict[str, int] = {}
    for route in now:
        count[_protocol(route)] = count.get(_protocol(route), 0) + 1
    had = [_protocol(route) for route in before]
    return [
        route
        for route in before
        if route not in now and count.get(_protocol(route), 0) < had.count(_protocol(route))
    ]


def _protocol(route: str) -> str:
    return route.partition(" ")[0]


def _selinux(look: Snapshot) -> Selinux:
    return look.node.selinux


def mode_kept(ends: Ends) -> Check:
    """Judge whether SELinux is in the mode it was in."""
    judge = ends.judge(MODE_KEPT)
    cannot = ends.incomparable(judge, _selinux, "the mode of before")
    if cannot:
        return cannot
    before, now = _selinux(ends.first).mode, _selinux(ends.last).mode
    if before != now:
        return judge.not_met(expected=before, found=now, before=before)
    return judge.passed(expected=before, found=now, before=before)


def _clock(look: Snapshot) -> Clock:
    return look.node.clock


def stepped(ends: Ends) -> Check:
    """Judge whether the wall clock was set by more than five seconds within a boot."""
    judge, expected = ends.judge(STEPPED), "no step of more than 5 s"
    found, compared = [], 0
    for between, earlier, later in spans(ends.looks, _clock):
        if earlier.boot.boot_id != later.boot.boot_id:
            continue
        compared += 1
        step = _clock(later).booted_at - _clock(earlier).booted_at
        if abs(step) > _STEP_S:
            found.append(f"{step:+.0f} s in {between}")
    had = _SYNCHRONISED[_clock(ends.first).synchronised]
    if found:
        return judge.not_met(expected=expected, found=listed(found), before=had)
    cannot = ends.unread(judge, _clock(ends.last), expected)
    if cannot:
        return cannot
    unread = [look for look in ends.looks if _clock(look).standing is Standing.UNKNOWN]
    if unread and not compared:
        return judge.unknown(f"{unread[0].name}: {_clock(unread[0]).reason}", expected=expected)
    if not compared:
        return judge.skipped("no two looks in one boot to compare")
    return judge.passed(expected=expected, found="none", before=had)
