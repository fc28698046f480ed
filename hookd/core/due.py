"""What hookd itself will do with an operation, when and why: one answer for recovery and status."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional

from hookd.core.model import Liveness, Name, Phase
from hookd.core.operation import Operation
from hookd.core.undo import outstanding

_RETRY_MINUTES = (1, 2, 4, 8, 16)


@dataclass(frozen=True)
class Moment:
    """Now, by the clock that does not step: this boot and the seconds it is up."""

    boot_id: str
    up_s: float
    at: str = ""


@dataclass(frozen=True)
class Patience:
    """How long recovery waits, in seconds (configuration, `[recovery]`)."""

    grace_s: float = 900.0
    abandon_after_s: float = 14400.0
    alive_limit_s: float = 43200.0
    enabled: bool = True


@dataclass(frozen=True)
class Presumed:
    """Whether a run is taken for dead, and why. `dead_in_s` is None when that does not follow."""

    is_dead: bool
    reason: str
    dead_in_s: Optional[float] = None


class Act(Name):
    NOTHING = "nothing"
    WAIT = "wait"
    ON_EXIT = "on-exit"
    RETRY_UNDOS = "retry-undos"
    CLOSE = "close"


@dataclass(frozen=True)
class Due:
    """`in_s` is how many seconds from now, 0 when it is due, None when it is not known."""

    act: Act
    in_s: Optional[float]
    reason: str


def presumed(
    operation: Operation, liveness: Liveness, moment: Moment, patience: Patience
) -> Presumed:
    """Return whether the operation's run counts as dead; unknown turns dead with time."""
    if operation.had_on_exit:
        return Presumed(True, "its on-exit has ended", 0.0)
    if liveness is Liveness.DEAD:
        return Presumed(True, "its run is dead", 0.0)
    left = _until_dead(operation, liveness, moment, patience)
    word = "is alive" if liveness is Liveness.ALIVE else "cannot be asked whether it is alive"
    if left <= 0:
        return Presumed(True, f"its run {word}, for too long", 0.0)
    return Presumed(False, f"its run {word}", left)


def _until_dead(
    operation: Operation, liveness: Liveness, moment: Moment, patience: Patience
) -> float:
    if _booted_since_called(operation, moment):
        limit = patience.alive_limit_s if liveness is Liveness.ALIVE else patience.grace_s
        return limit - moment.up_s
    limit = patience.alive_limit_s if liveness is Liveness.ALIVE else patience.abandon_after_s
    return limit - (moment.up_s - operation.last_up_s)


def _booted_since_called(operation: Operation, moment: Moment) -> bool:
    """Whether the machine booted since a phase was called last; looks and notes are no calls."""
    called_in = operation.phases[-1].boot_id if operation.phases else operation.last_boot_id
    if moment.boot_id and called_in:
        return moment.boot_id != called_in
    return moment.up_s < operation.last_up_s


def due(
    operation: Operation,
    liveness: Liveness,
    moment: Moment,
    patience: Patience,
    *,
    held: str = "",
) -> Due:
    """Return what hookd does next with `operation` if nobody else calls."""
    if not operation.is_open and not outstanding(operation):
        return Due(Act.NOTHING, None, "the operation is closed")
    if held or not patience.enabled:
        return Due(Act.NOTHING, None, f"held: {held}" if held else "recovery is switched off")
    if not operation.is_open:
        is_due = _booted_since_called(operation, moment)
        reason = "at each boot, by the next on-exit or by `hookd recover`"
        return Due(Act.RETRY_UNDOS, 0.0 if is_due else None, reason)
    if operation.had_on_exit:
        return _after_on_exit(operation, moment)
    found = presumed(operation, liveness, moment, patience)
    if found.is_dead:
        return Due(Act.ON_EXIT, 0.0, found.reason)
    return Due(Act.ON_EXIT, found.dead_in_s, f"unless on-exit is called before: {found.reason}")


def _after_on_exit(operation: Operation, moment: Moment) -> Due:
    owed = outstanding(operation)
    on_exit = operation.last(Phase.ON_EXIT)
    if not owed or on_exit is None:
        return Due(Act.CLOSE, 0.0, "nothing is owed any more")
    names = ", ".join(undo.hook for undo in owed)
    if on_exit.resumed >= len(_RETRY_MINUTES):
        return Due(Act.CLOSE, 0.0, f"{names} failed {on_exit.resumed + 1} times")
    wait = _RETRY_MINUTES[on_exit.resumed] * 60.0
    passed = wait if _booted_since_called(operation, moment) else moment.up_s - operation.last_up_s
    return Due(Act.RETRY_UNDOS, max(0.0, wait - passed), f"{names} is outstanding")
