"""Whether the machine has come to rest: what systemd still starts, and how long that is awaited."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Dict, Optional, Tuple

from hookd.core.journal import Body, Noted, Observed
from hookd.core.operation import Operation, PhaseRun

SETTLED = "settled"
"""The subject under which it is observed how an on-exit waited for the machine to come to rest."""

AGAIN_S = 1.0
"""How long after one look the next is taken, in seconds."""

_NAMED_AT_MOST = 5
_AGAIN = " (started again)"


@dataclass(frozen=True)
class Bustle:
    """What one look found.

    `busy` says which units are not at rest, and how (`app.service (start)`); those that have been
    so for longer than the bound are left out. `restarts` maps services to what is another when
    they have been started anew.
    """

    busy: Tuple[str, ...] = ()
    restarts: Tuple[Tuple[str, str], ...] = ()


def unrest(earlier: Optional[Bustle], now: Bustle) -> Tuple[str, ...]:
    """Return what was not at rest in two looks, () when nothing was.

    One look is not enough: a service that dies and is started again looks well in between.
    """
    if now.busy:
        return now.busy
    if earlier is None:
        return ("looked at only once",)
    before: Dict[str, str] = dict(earlier.restarts)
    again = (name for name, mark in now.restarts if before.get(name, mark) != mark)
    return (*earlier.busy, *(name + _AGAIN for name in again))


def within_s(bound_s: float, left_s: float) -> float:
    """Return how long to wait: the bound, but at most half of what the hooks have left."""
    return max(0.0, min(bound_s, left_s / 2))


def told(run: PhaseRun, boot_id: str, took_s: float, left: Tuple[str, ...]) -> Tuple[Body, ...]:
    """Return the events that say how the wait of `run` ended; `left` never came to rest."""
    value = {
        "attempt": run.attempt,
        "boot_id": boot_id,
        "took_s": round(took_s, 3),
        "left": list(left),
    }
    if not left:
        return (Observed(SETTLED, value),)
    named = ", ".join(left[:_NAMED_AT_MOST])
    more = f" and {len(left) - _NAMED_AT_MOST} more" if len(left) > _NAMED_AT_MOST else ""
    message = f"the machine had not come to rest after {took_s:.0f} s: {named}{more}"
    return (Observed(SETTLED, value), Noted("not-settled", message))


def has_waited(operation: Operation, run: PhaseRun) -> bool:
    """Whether `run` has waited already in this boot, however that ended."""
    found = operation.observed.get(SETTLED)
    if not isinstance(found, dict):
        return False
    return (found.get("attempt"), found.get("boot_id")) == (run.attempt, operation.last_boot_id)


def restless(operation: Operation, boot_id: str) -> Tuple[str, ...]:
    """Return the units that were started again and again while boot `boot_id` came to rest."""
    found = operation.observed.get(SETTLED)
    if not isinstance(found, dict) or found.get("boot_id") != boot_id:
        return ()
    left = [str(one) for one in found.get("left") or ()]
    return tuple(one[: -len(_AGAIN)] for one in left if one.endswith(_AGAIN))
