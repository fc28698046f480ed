"""What hookd itself will do with an operation, when and why: one answer for recovery and status."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Mapping, Optional, Tuple

from hookd.core.budget import DEADLINE_REACHED
from hookd.core.checks.boot import FROM_BOOT
from hookd.core.liveness import BOOTED, UNSEEN, Seen
from hookd.core.model import Json, Liveness, Name, Path, Phase
from hookd.core.operation import HookRun, Operation
from hookd.core.undo import outstanding

_RETRY_MINUTES = (1, 2, 4, 8, 16)


@dataclass(frozen=True)
class Reached:
    """How far a boot has come, where that matters to recovery.

    `waits_for` is what its hooks still wait for; `online_s` how long the machine had been up when
    the network was online, None while it is not.
    """

    waits_for: Tuple[str, ...] = ()
    online_s: Optional[float] = 0.0


@dataclass(frozen=True)
class Moment:
    """Now, by the clock that does not step: this boot, the seconds it is up, how far it came."""

    boot_id: str
    up_s: float
    at: str = ""
    reached: Reached = Reached()


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
    FOLLOW_UP = "follow-up"


@dataclass(frozen=True)
class Due:
    """`in_s` is how many seconds from now, 0 when it is due, None when it is not known.

    What waits for the boot to come further (`waits_for`) may be due before that.
    """

    act: Act
    in_s: Optional[float]
    reason: str
    waits_for: str = ""


def presumed(
    operation: Operation,
    liveness: Liveness,
    moment: Moment,
    patience: Patience,
    seen: Seen = UNSEEN,
) -> Presumed:
    """Return whether the operation's run counts as dead; unknown turns dead with time."""
    if operation.had_on_exit:
        return Presumed(True, "its on-exit has ended", 0.0)
    if liveness is Liveness.DEAD:
        return Presumed(True, "its run is dead", 0.0)
    if not _booted_since_called(operation, moment):
        seen = replace(seen, resumed=True)  # nothing had to be: it never was interrupted
    left = _until_dead(operation, liveness, moment, patience, seen)
    word = _word(liveness, seen)
    if left <= 0:
        return Presumed(True, f"its run {word}, for too long", 0.0)
    if seen.second_look_in_s is not None:
        left = min(left, seen.second_look_in_s)
    return Presumed(False, f"its run {word}", left)


def _word(liveness: Liveness, seen: Seen) -> str:
    if liveness is Liveness.ALIVE:
        return "is alive" if seen.resumed else "stands in its agent's files and was not resumed"
    if seen.second_look_in_s is not None:
        return "was gone at one look"
    return "cannot be asked whether it is alive"


def _until_dead(
    operation: Operation, liveness: Liveness, moment: Moment, patience: Patience, seen: Seen
) -> float:
    is_alive = liveness is Liveness.ALIVE
    if _booted_since_called(operation, moment):
        if is_alive and not seen.resumed:
            return patience.grace_s + _online_s(moment, patience) - moment.up_s
        limit = patience.alive_limit_s if is_alive else patience.grace_s
        return limit - moment.up_s
    limit = patience.alive_limit_s if is_alive else patience.abandon_after_s
    return limit - (moment.up_s - operation.last_up_s)


def _online_s(moment: Moment, patience: Patience) -> float:
    """Return the uptime from which on the agent could resume its run: online, or the grace."""
    online_s = moment.reached.online_s
    return min(moment.up_s if online_s is None else online_s, patience.grace_s)


def _booted_since_called(operation: Operation, moment: Moment) -> bool:
    """Whether the machine booted since a phase was called last; looks and notes are no calls."""
    called_in = operation.phases[-1].boot_id if operation.phases else operation.last_boot_id
    if moment.boot_id and called_in:
        return moment.boot_id != called_in
    return moment.up_s < operation.last_up_s


def boots_of(operation: Operation, boot_id: str = "") -> int:
    """Return how often the machine booted since the operation was opened, as far as is known."""
    return max(0, len({*operation.boots, *filter(None, (boot_id,))}) - 1)


def due(
    operation: Operation,
    liveness: Liveness,
    moment: Moment,
    patience: Patience,
    *,
    held: str = "",
    is_here: Optional[bool] = True,
    seen: Seen = UNSEEN,
) -> Due:
    """Return what hookd does next with `operation` if nobody else calls.

    `is_here`: whether it is of this machine (core/host.py); in the boot of its newest phase it is.
    """
    if not operation.is_open and not outstanding(operation):
        return _only_watched(operation, moment)
    if held or not patience.enabled:
        return Due(Act.NOTHING, None, f"held: {held}" if held else "recovery is switched off")
    if is_here is None and _booted_since_called(operation, moment):
        return Due(Act.NOTHING, None, "it is not known whether it is of this machine")
    following = _next(operation, liveness, moment, patience, seen)
    return _not_too_early(operation, following, moment, patience)


def _next(
    operation: Operation, liveness: Liveness, moment: Moment, patience: Patience, seen: Seen
) -> Due:
    if not operation.is_open:
        is_due = _booted_since_called(operation, moment)
        reason = "at each boot, by the next on-exit or by `hookd recover`"
        return Due(Act.RETRY_UNDOS, 0.0 if is_due else None, reason)
    if operation.had_on_exit:
        return _after_on_exit(operation, moment)
    found = presumed(operation, liveness, moment, patience, seen)
    unless = "" if found.is_dead else "unless on-exit is called before: "
    return Due(Act.ON_EXIT, found.dead_in_s, unless + found.reason)


def _not_too_early(operation: Operation, following: Due, moment: Moment, patience: Patience) -> Due:
    """Hooks wait for the grace of uptime: on a doubtful boot all of it, else for what is to come.

    Doubtful is an unclean boot, and every one from the third of an operation on.
    """
    left = patience.grace_s - moment.up_s
    if following.in_s is None or following.in_s >= left:
        return following
    doubt = _why_doubtful(operation, moment)
    if doubt:
        return Due(following.act, left, f"{following.reason}; not at once, {doubt}")
    if following.act is Act.CLOSE or not moment.reached.waits_for:
        return following
    return replace(following, in_s=left, waits_for=", ".join(moment.reached.waits_for))


def _why_doubtful(operation: Operation, moment: Moment) -> str:
    boots = boots_of(operation, moment.boot_id)
    if boots >= FROM_BOOT:
        return f"the machine booted {boots} times since pre"
    noted = _noted_at_boot(operation)
    if noted.get("boot_id") != moment.boot_id or noted.get("clean") is not False:
        return ""
    return "the machine went down without a shutdown"


def is_watched(operation: Operation) -> bool:
    """Whether the operation is closed and its pending reboot has not been seen and judged."""
    closed = operation.closed
    is_pending = closed is not None and closed.path is Path.PATCHED_REBOOT_PENDING
    return is_pending and not has_followed_up(operation)


def has_followed_up(operation: Operation) -> bool:
    """Whether a boot after the operation had closed was judged; the look that saw it is named."""
    told = operation.observed.get("follow_ups")
    told = told if isinstance(told, list) else []
    return any(isinstance(one, dict) and bool(one.get("look")) for one in told)


def wants_look(operation: Operation, boot_id: str) -> bool:
    """Whether nothing of the operation was recorded yet in boot `boot_id`."""
    return bool(boot_id) and bool(operation.boots) and boot_id not in operation.boots


def late_look(operation: Operation) -> str:
    """Return the name of the newest `booted-N` taken after on-exit, "" when there is none."""
    taken = operation.snapshot_n
    last = max((n for name, n in taken.items() if not is_of_boot(name)), default=0)
    late = [(n, name) for name, n in taken.items() if is_of_boot(name) and n > last]
    return max(late)[1] if late else ""


def boot_of_look(operation: Operation) -> str:
    """Return the boot of which the newest first look was taken, "" when there is none."""
    return str(_noted_at_boot(operation).get("boot_id") or "")


def _noted_at_boot(operation: Operation) -> Mapping[str, Json]:
    noted = operation.observed.get(BOOTED)
    return noted if isinstance(noted, dict) else {}


def is_of_boot(name: str) -> bool:
    """Whether snapshot `name` is the first look of a boot (`booted-N`)."""
    return name.startswith("booted-")


def _only_watched(operation: Operation, moment: Moment) -> Due:
    if not is_watched(operation):
        return Due(Act.NOTHING, None, "the operation is closed")
    if wants_look(operation, moment.boot_id) or late_look(operation):
        return Due(Act.FOLLOW_UP, 0.0, "the reboot that it waited for has come")
    return Due(Act.WAIT, None, "a reboot is pending; the next boot is judged")


def _after_on_exit(operation: Operation, moment: Moment) -> Due:
    owed = outstanding(operation)
    on_exit = operation.last(Phase.ON_EXIT)
    if not owed or on_exit is None:
        return Due(Act.CLOSE, 0.0, "nothing is owed any more")
    names = ", ".join(undo.hook for undo in owed)
    if on_exit.resumed >= len(_RETRY_MINUTES):
        return Due(Act.CLOSE, 0.0, f"{names} failed {on_exit.resumed + 1} times")
    wait = _RETRY_MINUTES[on_exit.resumed] * 60.0
    if any(_was_late(on_exit.hooks.get(undo.hook)) for undo in owed):
        return Due(Act.RETRY_UNDOS, 0.0, f"{names} did not fit the deadline")
    passed = wait if _booted_since_called(operation, moment) else moment.up_s - operation.last_up_s
    return Due(Act.RETRY_UNDOS, max(0.0, wait - passed), f"{names} is outstanding")


def _was_late(undo: Optional[HookRun]) -> bool:
    """Whether it was the deadline of its phase that left an undo undone, and not the undo."""
    return undo is not None and undo.reason.startswith(DEADLINE_REACHED)
