"""Judges the units of systemd against how they were before: failed, stopped, flapping."""

from __future__ import annotations

from typing import Dict, FrozenSet, Iterable, Mapping, Optional, Tuple

from hookd.core.checks import mounts
from hookd.core.checks.ends import Ends, blamed, in_span, with_details
from hookd.core.checks.table import listed
from hookd.core.ignore import matches
from hookd.core.model import Check
from hookd.core.node import Unit
from hookd.core.snapshot import Snapshot
from hookd.core.spans import BY_PRE, since
from hookd.core.units import ENABLED, State, by_name, named, state_of, stays_up, told, units_of

FAILED_SINCE_PRE = "units.failed-since-pre"
FAILED_BEFORE = "units.failed-before"
FLAPPING = "units.flapping"
AGENT_ALIVE = "agent.alive"

AGENTS = ("amazon-ssm-agent.service", "snap.amazon-ssm-agent.amazon-ssm-agent.service")
_RUNS = ("active", "reloading")
_OFTEN = 3
"""Restarts within one boot from which on a service counts as flapping."""


def failed_since_pre(ends: Ends) -> Check:
    """Judge whether what ran before runs, and whether what is failed was so before.

    Until the last judgement that leaves out what pre's hooks stopped: an undo may start it again.
    """
    judge, expected = ends.judge(FAILED_SINCE_PRE), "what ran or was well does so"
    cannot = ends.incomparable(judge, units_of, expected)
    if cannot:
        return cannot
    broken, stopped = _broken(ends), stopped_by_pre(ends)
    left = sorted(broken.keys() & stopped)
    counted = sorted(broken.keys() - stopped) + (left if ends.is_final else [])
    if counted:
        before = by_name(ends.first)
        return judge.not_met(
            expected=expected,
            found=listed([_said(ends, name, broken[name]) for name in counted]),
            before=listed([_told(name, before) for name in counted]),
        )
    but = f", but for what pre's hooks stopped: {listed(left)}" if left else ""
    return judge.passed(expected=expected, found=f"it does{but}")


def failed_before(ends: Ends) -> Check:
    """Judge whether a unit was failed before and still is."""
    judge, expected = ends.judge(FAILED_BEFORE), "no unit was failed"
    cannot = ends.incomparable(judge, units_of, expected)
    if cannot:
        return cannot
    now = by_name(ends.last)
    before = {name: unit for name, unit in _watched(ends).items() if _is_failed(unit)}
    found = sorted(name for name in before if _is_failed(now.get(name)))
    if found:
        return judge.not_met(
            expected=expected,
            found=f"{listed(found)}, still failed",
            before=listed([_told(name, before) for name in found]),
        )
    had = listed([_told(name, before) for name in sorted(before)]) or "none"
    return judge.passed(expected=expected, found="none that still is", before=had)


def flapping(ends: Ends) -> Check:
    """Judge whether a service is restarted by systemd again and again.

    systemd before 235 does not count: there only what was seen while the machine came to rest, or
    waits for its restart at the last look, is known.
    """
    judge, expected = ends.judge(FLAPPING), "none is restarted again and again"
    cannot = ends.unread(judge, ends.last.node.units, expected)
    if cannot:
        return cannot
    now = by_name(ends.last)
    how = {name: _flaps(ends, unit) for name, unit in sorted(now.items()) if not _is_failed(unit)}
    names = [name for name, why in how.items() if why and not _is_ignored(ends, name)]
    if names:
        found = [with_details(name, how[name], blamed(ends.blame.of(name))) for name in names]
        return judge.not_met(
            expected=expected, found=listed(found), before=_restarted_before(ends, names)
        )
    return judge.passed(expected=expected, found="none", before=_flapped_before(ends))


def agent_alive(ends: Ends) -> Check:
    """Judge whether the SSM agent runs, where it ran before."""
    judge, expected = ends.judge(AGENT_ALIVE), "it runs"
    cannot = ends.incomparable(judge, units_of, expected)
    if cannot:
        return cannot
    before, now = by_name(ends.first), by_name(ends.last)
    ran = [name for name in AGENTS if name in before and before[name].active in _RUNS]
    if not ran:
        return judge.skipped("the SSM agent did not run before")
    dead = [name for name in ran if state_of(now.get(name)) is not State.UP]
    had = listed([_told(name, before) for name in ran])
    if dead:
        found = listed([_told(name, now) for name in dead])
        return judge.not_met(expected=expected, found=found, before=had)
    return judge.passed(expected=expected, found="it runs", before=had)


def stopped_by_pre(ends: Ends) -> FrozenSet[str]:
    """Return the units that pre's hooks took down and nothing has started since.

    A boot starts what is enabled, whoever stopped it before.
    """
    return frozenset(name for name in _broken(ends) if _is_stopped_by_pre(ends, name))


def _is_stopped_by_pre(ends: Ends, name: str) -> bool:
    began = _since(ends, name)
    if began != BY_PRE or ends.is_one_boot:
        return began == BY_PRE
    ready = next(look for look in ends.looks if look.name == "ready")
    unit = named(name, ends.last) or named(name, ready)
    return unit is None or unit.enabled not in ENABLED


def _told(name: str, among: Mapping[str, Unit]) -> str:
    return f"{name} {told(among.get(name)) or 'not loaded'}"


def _watched(ends: Ends) -> Dict[str, Unit]:
    """Return the units of the baseline that the admin wants to hear of."""
    before = by_name(ends.first)
    return {name: unit for name, unit in before.items() if not _is_ignored(ends, name)}


def _is_ignored(ends: Ends, name: str) -> bool:
    return matches(name, ends.ignore.units)


def _is_failed(unit: Optional[Unit]) -> bool:
    return state_of(unit) is State.FAILED


def _broken(ends: Ends) -> Dict[str, Optional[Unit]]:
    """Return the units that failed, stopped or lost their file, as they are now.

    A mount that is lost is told as a mount.
    """
    if not (units_of(ends.first).is_ok and units_of(ends.last).is_ok):
        return {}
    before, now = by_name(ends.first), by_name(ends.last)
    found: Dict[str, Optional[Unit]] = {
        name: unit
        for name, unit in now.items()
        if _is_failed(unit) and not _is_failed(before.get(name))
    }
    for name, was in before.items():
        if was.active in _RUNS and was.kind != "oneshot" and _is_gone(was, now.get(name)):
            found[name] = now.get(name)
    apart = {mounts.unit_of(point) for point in mounts.lost(ends)} | _on_their_way(ends)
    return {n: one for n, one in found.items() if n not in apart and not _is_ignored(ends, n)}


def _on_their_way(ends: Ends) -> FrozenSet[str]:
    """Return the units that have got a job since the look before: a hook, or a package's scriptlet.

    At `arrived` the machine has been waited for: a job of then is one that does not end.
    """
    earlier = next((look for look in reversed(ends.looks[:-1]) if units_of(look).is_ok), None)
    if earlier is None or ends.last.name == "arrived":
        return frozenset()
    return frozenset(units_of(ends.last).jobs) - frozenset(units_of(earlier).jobs)


def _is_gone(was: Unit, now: Optional[Unit]) -> bool:
    """Whether a unit that ran is down although a boot starts it, or has no unit file any more."""
    if now is not None and state_of(now) is not State.DOWN:
        is_service = not was.name.endswith((".mount", ".target"))
        return is_service and was.load == "loaded" and now.load == "not-found"
    return stays_up(was)


def _said(ends: Ends, name: str, now: Optional[Unit]) -> str:
    state, began = state_of(now), _since(ends, name)
    how = "failed" if state is State.FAILED else "stopped"
    if now is None or now.load == "not-found":
        how = "without its unit file" if now else "stopped and not loaded"
    if _is_stopped_by_pre(ends, name):
        return with_details(f"{name} is {how}", "a hook of pre did it, nothing has undone it")
    return with_details(f"{name} is {how}", in_span(began), blamed(ends.blame.of(name)))


def _since(ends: Ends, name: str) -> str:
    """Return the span in which the unit failed, or stopped."""
    states: Tuple[State, ...] = (State.FAILED,)
    if not _is_failed(named(name, ends.last)):
        states = (State.FAILED, State.DOWN)

    def is_so(look: Snapshot) -> Optional[bool]:
        return state_of(named(name, look)) in states if units_of(look).is_ok else None

    return since(ends.looks, is_so)


def _flaps(ends: Ends, now: Unit) -> str:
    """Say how a unit flaps, "" when it does not."""
    if state_of(now) is State.RESTARTING:
        return "it waits to be restarted"
    count = _restarts(ends, now)
    if count >= _OFTEN:
        return f"restarted {count} times"
    arrived = (look for look in ends.looks if look.name == "arrived")
    earlier = next((named(now.name, look) for look in arrived), None)
    seen = earlier.restarts if earlier else None
    if seen is not None and (now.restarts or 0) > seen:
        return "restarted since arrived"
    return "restarted while the machine was to come to rest" if now.name in ends.restless else ""


def _restarts(ends: Ends, now: Unit) -> int:
    """Return how often systemd restarted it since the baseline, or since the boot."""
    if now.restarts is None:
        return 0
    before = by_name(ends.first).get(now.name) if ends.is_one_boot else None
    known = before.restarts if before and before.restarts is not None else 0
    return now.restarts - known if now.restarts >= known else now.restarts


def _restarted_before(ends: Ends, names: Iterable[str]) -> str:
    """Say how often systemd had restarted them at the baseline; before 235 it does not count."""
    if not (ends.has_before and units_of(ends.first).is_ok):
        return ""
    before, said = by_name(ends.first), []
    for name in names:
        unit = before.get(name)
        count = unit.restarts if unit else None
        times = f"{name} 1 restart" if count == 1 else f"{name} {count} restarts"
        said.append(_told(name, before) if count is None else times)
    return listed(said)


def _flapped_before(ends: Ends) -> str:
    """Say what was restarted often at the baseline, "" where nobody counts and none waits."""
    before = _watched(ends) if ends.has_before and units_of(ends.first).is_ok else {}
    names = [name for name, unit in sorted(before.items()) if _is_restarted_often(unit)]
    is_counted = any(unit.restarts is not None for unit in before.values())
    return _restarted_before(ends, names) or ("none" if is_counted else "")


def _is_restarted_often(unit: Unit) -> bool:
    return state_of(unit) is State.RESTARTING or (unit.restarts or 0) >= _OFTEN
