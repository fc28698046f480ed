"""Judges who listens against who listened before."""

from __future__ import annotations

from typing import List, Optional

from hookd.core.checks import units
from hookd.core.checks.ends import Ends, blamed, in_span, with_details
from hookd.core.checks.table import listed
from hookd.core.ignore import matches
from hookd.core.model import Check
from hookd.core.node import Listener
from hookd.core.snapshot import Snapshot
from hookd.core.sockets import listens, lost, moved, named, sockets_of, who
from hookd.core.spans import BY_PRE, since
from hookd.core.units import State, state_of
from hookd.core.units import named as unit_named

LOST = "sockets.lost"


def sockets_lost(ends: Ends) -> Check:
    """Judge whether everybody who listened does.

    Until the last judgement that leaves out whom pre's hooks stopped: an undo may start it again.
    """
    judge, expected = ends.judge(LOST), "who listened does"
    cannot = ends.incomparable(judge, sockets_of, expected)
    if cannot:
        return cannot
    gone = lost(sockets_of(ends.first), sockets_of(ends.last))
    found = [one for one in gone if not matches(named(one), ends.ignore.sockets)]
    left = _left_to_undo(ends, found)
    counted = [one for one in found if one not in left] + (left if ends.is_final else [])
    if counted:
        return judge.not_met(
            expected=expected,
            found=listed([_said(ends, one, is_by_pre=one in left) for one in counted]),
            before=listed([f"{named(one)} {who(one)}" for one in counted]),
        )
    but = f", but for whom pre's hooks stopped: {listed([*map(named, left)])}" if left else ""
    return judge.passed(expected=expected, found=f"they do{but}")


def _left_to_undo(ends: Ends, found: List[Listener]) -> List[Listener]:
    """Return whom pre's hooks stopped; one whose unit runs again should listen again.

    A boot starts socket units by what needs them as often as by their own name (`static`).
    """
    stopped = units.stopped_by_pre(ends) if found else frozenset()
    left = []
    for one in found:
        began = _since(ends, one)
        is_stopped = one.unit in stopped
        if not one.unit or (one.unit.endswith(".socket") and _is_down(ends, one.unit)):
            is_stopped = is_stopped or ends.is_left_to_undo(began)
        if began == BY_PRE and is_stopped:
            left.append(one)
    return left


def _is_down(ends: Ends, unit: str) -> bool:
    return state_of(unit_named(unit, ends.last)) is State.DOWN


def _said(ends: Ends, one: Listener, *, is_by_pre: bool) -> str:
    of = one.unit or one.program
    text = f"{named(one)} of {of} is lost" if of else f"{named(one)} is lost"
    if is_by_pre:
        return with_details(text, "a hook of pre did it, nothing has undone it")
    elsewhere = moved(one, sockets_of(ends.first), sockets_of(ends.last))
    now = f"it listens on {listed(elsewhere)} now" if elsewhere else ""
    packages = ends.blame.of(one.unit)
    return with_details(text, now, in_span(_since(ends, one)), blamed(packages))


def _since(ends: Ends, one: Listener) -> str:
    def is_so(look: Snapshot) -> Optional[bool]:
        sockets = sockets_of(look)
        return not listens(one, sockets) if sockets.is_ok else None

    return since(ends.looks, is_so)
