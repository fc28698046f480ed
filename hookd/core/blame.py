"""Which changed packages a unit stands on: its unit file, its programs, the libraries they map.

What a socket unit starts is what it stands on, too.
"""

from __future__ import annotations

from typing import Callable, Iterator, Sequence, Tuple

from hookd.core.model import PackageChange
from hookd.core.node import Aftermath, Unit
from hookd.core.readings import Standing
from hookd.core.snapshot import Snapshot


class Blame:
    """The changed packages of an operation, asked by unit. What `looks` did not see is nobody's.

    `knows_all`: a file of a unit that has no owner here is no changed package's, old or new. Of
    packages that went nobody can be asked which files they had.
    """

    def __init__(self, looks: Sequence[Snapshot], packages: Sequence[PackageChange]) -> None:
        changed = {f"{one.name}.{one.arch}" for one in packages}
        owned = (pair for look in looks for pair in look.aftermath.owners.items())
        self._owners = {file: package for file, package in owned if package in changed}
        self._looks = looks
        told = [look.aftermath for look in looks[1:]]
        is_told = any(one.is_ok for one in told) and not any(map(_is_partial, told))
        self.knows_all = is_told and all(one.after for one in packages)

    def of(self, unit: str) -> Tuple[str, ...]:
        """Return the packages that changed below `unit`, the one of its unit file first.

        What it is to execute comes next, then what its processes executed and mapped.
        """
        if not unit or not self._owners:
            return ()
        names = dict.fromkeys((unit, *self._told(unit, lambda one: one.triggers)))
        files = [file for name in names for file in self._files(name)]
        return tuple(dict.fromkeys(self._owners[file] for file in files if file in self._owners))

    def has(self, file: str) -> bool:
        """Whether a changed package owns `file`."""
        return file in self._owners

    def _files(self, unit: str) -> Iterator[str]:
        yield from self._told(unit, lambda one: (one.fragment,))
        yield from self._told(unit, lambda one: one.files)
        yield from sorted(set(self._used(unit)))

    def _told(self, unit: str, read: Callable[[Unit], Tuple[str, ...]]) -> Iterator[str]:
        for look in self._looks:
            for one in look.node.units.units:
                if one.name == unit:
                    yield from read(one)

    def _used(self, unit: str) -> Iterator[str]:
        for look in self._looks:
            processes = look.node.processes
            known = range(len(processes.files))
            yield from (processes.files[i] for i in processes.uses.get(unit, ()) if i in known)


def _is_partial(aftermath: Aftermath) -> bool:
    return aftermath.standing is Standing.UNKNOWN or (aftermath.is_ok and bool(aftermath.reason))
