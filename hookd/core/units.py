"""The units of systemd over an operation's looks: what each is up to, and how that changed."""

from __future__ import annotations

from typing import Dict, Iterator, Optional, Sequence, Tuple

from hookd.core.blame import Blame
from hookd.core.differences import UnitChange
from hookd.core.model import Name
from hookd.core.node import Unit, Units
from hookd.core.snapshot import Snapshot
from hookd.core.spans import BY_PRE, spans

ENABLED = ("enabled", "enabled-runtime", "generated", "bad")
"""UnitFileState of what a boot starts; systemd 219 calls what it made of init scripts `bad`."""

_PASSING = ("run-", "session-", "user@", "user-runtime-dir@", "hookd.", "hookd-")
"""Of people who are logged in, of `systemd-run`, and hookd's own."""
_LASTING = (".automount", ".path", ".service", ".socket", ".swap", ".timer")
_ONESHOT = "oneshot"


class State(Name):
    """What a unit is up to. One on its way (activating, reloading, deactivating) is up."""

    UP = "up"
    DOWN = "down"
    FAILED = "failed"
    RESTARTING = "restarting"


def state_of(unit: Optional[Unit]) -> State:
    """Return the state of `unit`; systemd forgets units that are down, None is such a one."""
    if unit is None or unit.active == "inactive":
        return State.DOWN
    if unit.active == "failed":
        return State.FAILED
    return State.RESTARTING if unit.sub.startswith("auto-restart") else State.UP


def by_name(look: Snapshot) -> Dict[str, Unit]:
    """Return the units of `look` that are the machine's own, transient ones left out."""
    return {
        unit.name: unit
        for unit in look.node.units.units
        if not is_passing(unit.name) and unit.enabled != "transient"
    }


def named(name: str, look: Snapshot) -> Optional[Unit]:
    return next((unit for unit in look.node.units.units if unit.name == name), None)


def is_passing(name: str) -> bool:
    """Whether a unit (or scope) of that name comes and goes with who uses the machine."""
    return name.startswith(_PASSING)


def stays_up(unit: Unit) -> bool:
    """Whether `unit` is one that a boot starts and that then stays, and it is no mount or target.

    A mount is told as such. A oneshot that stays `active` has `RemainAfterExit`.
    """
    if not unit.name.endswith(_LASTING):
        return False
    return unit.enabled in ENABLED and (unit.kind != _ONESHOT or unit.active == "active")


def told(unit: Optional[Unit]) -> str:
    """Return as `active (running), enabled` how `unit` is, empty when it is not loaded."""
    if unit is None or (unit.load == "not-found" and state_of(unit) is State.DOWN):
        return ""
    words = [f"{unit.active} ({unit.sub})", unit.enabled]
    words.append(unit.load if unit.load != "loaded" else "")
    return ", ".join(filter(None, words))


def units_of(look: Snapshot) -> Units:
    return look.node.units


def changes(looks: Sequence[Snapshot], blame: Blame) -> Tuple[UnitChange, ...]:
    """Return what a person would call a change of a unit, by span, then name.

    What pre's hooks did is no package's fault.
    """
    found = []
    for between, earlier, later in spans(looks, units_of):
        before, after = by_name(earlier), by_name(later)
        for name in _changed(before, after):
            packages = () if between == BY_PRE else blame.of(name)
            ends = told(before.get(name)), told(after.get(name))
            found.append(UnitChange(name, *ends, between, packages))
    return tuple(found)


def _changed(before: Dict[str, Unit], after: Dict[str, Unit]) -> Iterator[str]:
    for name in sorted(before.keys() | after.keys()):
        if _is_change(before.get(name), after.get(name)):
            yield name


def _is_change(before: Optional[Unit], after: Optional[Unit]) -> bool:
    was, now = state_of(before), state_of(after)
    if was is not now and State.FAILED in (was, now):
        return True
    if before and after and before.enabled and after.enabled and before.enabled != after.enabled:
        return True
    return was is not now and any(unit and _is_of_note(unit) for unit in (before, after))


def _is_of_note(unit: Unit) -> bool:
    """Whether somebody started it on purpose: what is static comes when another calls it."""
    if stays_up(unit):
        return True
    by_hand = unit.enabled == "disabled" and "@" not in unit.name
    return by_hand and unit.name.endswith(_LASTING) and unit.kind != _ONESHOT
