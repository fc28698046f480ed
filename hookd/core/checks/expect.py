"""Judges what admins expect of the running node, one check for each kind of expectation."""

from __future__ import annotations

from typing import AbstractSet, Iterable, List, Optional, Sequence, Tuple

from hookd.core.checks.table import Judge, Severities, listed
from hookd.core.expect import KINDS, met, stopped_by_pre
from hookd.core.model import Check
from hookd.core.node import Expected
from hookd.core.snapshot import Snapshot

_LOOKS = ("arrived", "after")
_HOW = {True: "met", False: "not met", None: "not known"}


def judged(looks: Sequence[Snapshot], severities: Severities, *, is_final: bool) -> List[Check]:
    """Return the checks of what is expected, by the newest look of on-exit; none of what is not.

    What pre's hooks had stopped is left out until on-exit has ended (`is_final`): one of its hooks
    may wait for a healthy machine before it brings that back.
    """
    newest = next((one for one in reversed(looks) if one.name in _LOOKS), None)
    if newest is None:
        return []
    by_pre = stopped_by_pre({look.name: look for look in looks})
    checks = []
    for kind in KINDS:
        results = [one for one in newest.expectations.results if one.kind == kind]
        if results:
            judge = Judge(f"expect.{kind}", severities)
            checks.append(_check(judge, results, looks[0], by_pre, is_final=is_final))
    return checks


def _check(
    judge: Judge,
    results: Sequence[Expected],
    first: Snapshot,
    by_pre: AbstractSet[Tuple[str, str]],
    *,
    is_final: bool,
) -> Check:
    tried = [one for one in results if not one.is_skipped]
    if not tried:
        return judge.skipped(results[0].reason)
    stopped = [one for one in tried if not one.is_met and (one.kind, one.name) in by_pre]
    counted = tried if is_final else [one for one in tried if one not in stopped]
    wrong = [one for one in counted if one.is_met is False]
    unknown = [one for one in counted if one.is_met is None]
    if wrong:
        return judge.not_met(
            expected=_told(wrong, "expected"),
            found=_told([*wrong, *unknown], "found"),
            reason=_why(stopped) if is_final else "",
            before=_before([*wrong, *unknown], first),
        )
    if unknown:
        return judge.unknown(_told(unknown, "reason"), expected=_told(unknown, "expected"))
    if stopped and not is_final:
        reason = "pre's hooks had stopped it, on-exit's have not run yet"
        return judge.skipped(f"{reason}: {_names(stopped)}")
    return judge.passed(expected=_told(counted, "expected"), found=_told(counted, "found"))


def _told(results: Iterable[Expected], what: str) -> str:
    return listed([f"{one.name}: {getattr(one, what) or one.reason}" for one in results])


def _why(stopped: Sequence[Expected]) -> str:
    if not stopped:
        return ""
    return f"pre's hooks had stopped it, on-exit's did not bring it back: {_names(stopped)}"


def _names(results: Iterable[Expected]) -> str:
    return listed([one.name for one in results])


def _before(results: Iterable[Expected], first: Snapshot) -> str:
    """Return how the same were in the first look of the operation, where they were tried in it."""
    then = met(first) if first.name not in _LOOKS else {}
    known: List[Tuple[Expected, Optional[bool]]] = [
        (one, then[one.kind, one.name]) for one in results if (one.kind, one.name) in then
    ]
    return listed([f"{one.name}: {_HOW[so]}" for one, so in known])
