"""The settings of the node over an operation's looks: SELinux, network, clock, leavings."""

from __future__ import annotations

from typing import Callable, Dict, Iterator, Optional, Sequence, Tuple

from hookd.core.differences import SettingChange
from hookd.core.node import Leavings
from hookd.core.readings import Reading
from hookd.core.snapshot import Snapshot
from hookd.core.spans import spans

THERE = "there"
_SYNCHRONISED = {True: "yes", False: "no", None: ""}


def changes(looks: Sequence[Snapshot]) -> Tuple[SettingChange, ...]:
    """Return what differs, by setting, then span."""
    found = [change for what in _READ for change in _of(looks, what)]
    return (*found, *_left(looks))


def leavings_of(look: Snapshot) -> Leavings:
    return look.node.leavings


def new_leavings(earlier: Leavings, later: Leavings) -> Tuple[str, ...]:
    """Return the files that package managers left since `earlier`; () when that was not whole."""
    known = set(earlier.files)
    return tuple(file for file in later.files if file not in known) if earlier.is_whole else ()


def _of(looks: Sequence[Snapshot], what: str) -> Iterator[SettingChange]:
    read, told = _READ[what]
    for between, earlier, later in spans(looks, read):
        before, after = told(earlier), told(later)
        if before is not None and after is not None and before != after:
            yield SettingChange(what, before, after, between)


def _left(looks: Sequence[Snapshot]) -> Iterator[SettingChange]:
    for between, earlier, later in spans(looks, leavings_of):
        for file in new_leavings(earlier.node.leavings, later.node.leavings):
            yield SettingChange(file, "", THERE, between)


def _joined(words: Sequence[str]) -> str:
    return ", ".join(words)


Told = Callable[[Snapshot], Optional[str]]
"""How a setting is at a look that could be read, None when that is not known."""

_READ: Dict[str, Tuple[Callable[[Snapshot], Reading], Told]] = {
    "selinux": (lambda look: look.node.selinux, lambda look: look.node.selinux.mode),
    "default route": (
        lambda look: look.node.network,
        lambda look: _joined(look.node.network.default_routes),
    ),
    "resolvers": (
        lambda look: look.node.network,
        lambda look: _joined(look.node.network.resolvers),
    ),
    "time synchronisation": (
        lambda look: look.node.clock,
        lambda look: _SYNCHRONISED[look.node.clock.synchronised] or None,
    ),
    "livepatches": (
        lambda look: look.kernel,
        lambda look: None if look.kernel.loaded is None else _joined(look.kernel.loaded),
    ),
}
