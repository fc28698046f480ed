"""The listening sockets over an operation's looks: who is lost, who came, who listens instead."""

from __future__ import annotations

from dataclasses import replace
from typing import Dict, Iterable, Iterator, List, Optional, Sequence, Tuple

from hookd.core.blame import Blame
from hookd.core.differences import SocketChange
from hookd.core.ignore import matches
from hookd.core.node import Listener, Sockets, Units
from hookd.core.snapshot import Snapshot
from hookd.core.spans import BY_PRE, spans
from hookd.core.units import State, is_passing, state_of

_ANY = ("*", "0.0.0.0", "::")  # noqa: S104 - read, not bound
_LINK_LOCAL = ("fe80:", "169.254.")
_SYSTEMD, _SOCKET = "systemd", ".socket"
Owners = Dict[str, List[Listener]]


def named(listener: Listener) -> str:
    """Return the socket as `tcp *:80` or `tcp [::1]:53`."""
    address = "*" if listener.address in _ANY else listener.address
    address = f"[{address}]" if ":" in address else address
    return f"{listener.transport} {address}:{listener.port}"


def who(listener: Listener) -> str:
    """Return its owner as `app.service (/usr/bin/app)`, or as much as is known of it."""
    if listener.unit and listener.program:
        return f"{listener.unit} ({listener.program})"
    return listener.unit or listener.program or "not known who"


def sockets_of(look: Snapshot) -> Sockets:
    return look.node.sockets


def attributed(sockets: Sockets, units: Units) -> Sockets:
    """Return `sockets` where what systemd holds has its unit: the only one up that listens so."""
    holders: Dict[str, List[str]] = {}
    for unit in units.units:
        for socket in unit.listens if state_of(unit) is State.UP else ():
            holders.setdefault(socket, []).append(unit.name)
    alone = {socket: names[0] for socket, names in holders.items() if len(names) == 1}
    listening = (
        replace(one, unit=alone.get(named(one), "")) if _is_of_some_unit(one) else one
        for one in sockets.listening
    )
    return replace(sockets, listening=tuple(listening))


def lost(before: Sockets, after: Sockets) -> Tuple[Listener, ...]:
    """Return the listeners of `before` for which nobody listens in `after`, sorted.

    What listens on all addresses stands in for what listened on one. The same program on another
    port of the range that the kernel gives out (ip(7)) is the same, drawn anew; so is one at
    another link-local address, which comes and goes with an interface.
    """
    return tuple(one for one in _lasting(before) if not _is_kept(one, before, after))


def moved(listener: Listener, before: Sockets, after: Sockets) -> Tuple[str, ...]:
    """Return where the program of a lost `listener` listens now, in its unit, and did not before.

    An interpreter is the program of many units, and systemd of many socket units.
    """
    if _is_of_some_unit(listener):
        return ()
    known = {named(one) for one in before.listening}
    own = (one for one in after.listening if one.program and _whose(one) == _whose(listener))
    return tuple(dict.fromkeys(named(one) for one in own if named(one) not in known))


def listens(listener: Listener, sockets: Sockets) -> bool:
    """Whether someone listens where `listener` did."""
    ways = (one for one in sockets.listening if _port(one) == _port(listener))
    return any(one.address in _ANY or named(one) == named(listener) for one in ways)


def awaited(
    before: Snapshot,
    now: Snapshot,
    *,
    monotonic_s: float,
    within_s: float,
    ignore: Sequence[str] = (),
) -> Tuple[str, ...]:
    """Return the lost sockets whose service was started less than `within_s` ago, and runs.

    It may not have come as far yet as to listen; one that listens elsewhere has. `monotonic_s` is
    CLOCK_MONOTONIC of now, `ignore` has patterns of sockets.
    """
    if not (sockets_of(before).is_ok and sockets_of(now).is_ok):
        return ()
    since_us = (monotonic_s - within_s) * 1e6
    young = {
        unit.name
        for unit in now.node.units.units
        if state_of(unit) is State.UP and unit.started_us > max(0.0, since_us)
    }
    ends = sockets_of(before), sockets_of(now)
    lasting = (one for one in lost(*ends) if not matches(named(one), ignore))
    gone = (one for one in lasting if not moved(one, *ends))
    return tuple(f"{named(one)} of {one.unit}" for one in gone if one.unit in young)


def changes(looks: Sequence[Snapshot], blame: Blame) -> Tuple[SocketChange, ...]:
    """Return who no longer listens, who does instead, who came; by span, then socket."""
    found: List[SocketChange] = []
    for between, earlier, later in spans(looks, sockets_of):
        before, after = earlier.node.sockets, later.node.sockets
        pairs = sorted({*_gone(before, after), *_came(before, after), *_others(before, after)})
        for socket, was, now, unit in pairs:
            packages = () if between == BY_PRE or not was else blame.of(unit)
            found.append(SocketChange(socket, was, now, between, packages))
    return tuple(found)


Row = Tuple[str, str, str, str]
"""Socket, who listened, who listens, and the unit that did."""


def _gone(before: Sockets, after: Sockets) -> Iterator[Row]:
    return ((named(one), who(one), "", one.unit) for one in lost(before, after))


def _came(before: Sockets, after: Sockets) -> Iterator[Row]:
    known = {named(one) for one in before.listening}
    for one in _lasting(after):
        if named(one) not in known and not _is_drawn_anew(one, after, before):
            yield named(one), "", who(one), one.unit


def _others(before: Sockets, after: Sockets) -> Iterator[Row]:
    """Yield the sockets that other units, or other programs of the same, listen on."""
    now = _owners(after)
    for socket, was in _owners(before).items():
        if socket in now and _differ(was, now[socket]):
            yield socket, _all(was), _all(now[socket]), was[0].unit


def _owners(sockets: Sockets) -> Owners:
    found: Owners = {}
    for one in _lasting(sockets):
        found.setdefault(named(one), []).append(one)
    return found


def _differ(was: List[Listener], now: List[Listener]) -> bool:
    both = (*was, *now)
    if not all(one.program for one in both):
        return False
    of = _program if any(map(_is_of_some_unit, both)) else _whose
    return {of(one) for one in was} != {of(one) for one in now}


def _all(listeners: Iterable[Listener]) -> str:
    return ", ".join(sorted({who(one) for one in listeners}))


def _lasting(sockets: Sockets) -> Tuple[Listener, ...]:
    return tuple(one for one in sockets.listening if not is_passing(one.unit))


def _is_kept(one: Listener, here: Sockets, there: Sockets) -> bool:
    return listens(one, there) or _is_drawn_anew(one, here, there)


def _is_drawn_anew(one: Listener, here: Sockets, there: Sockets) -> bool:
    alike = [other for other in there.listening if _program(other) == _program(one)]
    if one.address.startswith(_LINK_LOCAL) and any(o.port == one.port for o in alike):
        return True
    if one.unit.endswith(_SOCKET):
        return False
    if not here.ephemeral[0] <= one.port <= here.ephemeral[1]:
        return False
    first, last = there.ephemeral
    return not one.program or any(first <= other.port <= last for other in alike)


def _is_of_some_unit(listener: Listener) -> bool:
    """Whether systemd holds it for a socket unit, not known which."""
    return not listener.unit and listener.program.rpartition("/")[2] == _SYSTEMD


def _port(listener: Listener) -> Tuple[str, int]:
    return listener.transport, listener.port


def _whose(listener: Listener) -> Tuple[str, str]:
    return listener.program, listener.unit


def _program(listener: Listener) -> Tuple[str, Optional[str]]:
    return listener.transport, listener.program or None
