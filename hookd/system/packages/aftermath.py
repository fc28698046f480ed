"""What the package databases say of the packages that changed: whole, owning what, since when."""

from __future__ import annotations

import os
import time
from typing import Callable, Collection, Mapping, Sequence

from hookd.core.node import Aftermath
from hookd.core.readings import PackageSet, Standing
from hookd.core.snapshot import Snapshot
from hookd.system.packages import dpkg, dpkgfiles, rpmdb, rpmfiles
from hookd.system.packages.owners import owners
from hookd.system.packages.told import Came, Told
from hookd.system.process.command import Run
from hookd.system.root import Root

MOST = 500
"""Packages that are asked about in each database."""

WORK_S = 20.0
"""How long verification, which reads every file, may take in all."""

_MOST_DAMAGED = 100
_ASK: Mapping[str, Callable[[Root, Run, Sequence[Came], float], Told]] = {
    rpmdb.SOURCE: rpmfiles.ask,
    dpkg.SOURCE: dpkgfiles.ask,
}


def read(
    root: Root,
    run: Run,
    earlier: Snapshot | None,
    packages: tuple[PackageSet, ...],
    used: Collection[str],
) -> Aftermath:
    """Ask about what came between `earlier` and `packages`; `used` are files that units use.

    What the bounds left out is told in `reason`. Unknown is a database that could not be compared
    or asked; what the others told stands there nevertheless.
    """
    if earlier is None:
        return Aftermath(Standing.ABSENT, "there is no earlier look to compare with")
    now = [one for one in packages if one.standing is not Standing.ABSENT]
    if not now:
        return Aftermath(Standing.ABSENT, "no package database here")
    until = time.monotonic() + WORK_S
    found = Aftermath()
    for database in now:
        came = _came(earlier, database)
        if came is None:
            reason = f"{database.source} could not be compared with the look before"
            found = _with(found, Aftermath(Standing.UNKNOWN, reason))
        elif came:
            told = _ASK[database.source](root, run, came[:MOST], until)
            found = _with(found, _aftermath(root, database.source, came, told, used))
    return found


def owed(earlier: Snapshot | None, packages: tuple[PackageSet, ...]) -> Aftermath:
    """Return a reading for which nobody was asked: the next look asks about its `packages`."""
    reason = "nobody was asked at boot"
    if earlier is None:
        return Aftermath(Standing.ABSENT, reason)
    came = [one for database in packages for one in _came(earlier, database) or ()]
    return Aftermath(Standing.ABSENT, reason, tuple(dict.fromkeys(one.key for one in came)))


def _came(earlier: Snapshot, database: PackageSet) -> list[Came] | None:
    """Return what came since `earlier`, or was not asked about then; None is not known."""
    then = next((one for one in earlier.packages if one.source == database.source), None)
    if then is None or not then.is_ok or not database.is_ok:
        return None
    open_ = () if earlier.aftermath.is_ok else earlier.aftermath.packages
    found = []
    for key, instances in sorted(database.installed.items()):
        had = () if key in open_ else then.installed.get(key, ())
        name, _, arch = key.rpartition(".")
        evrs = dict.fromkeys(evr for evr, when in instances if (evr, when) not in had)
        found += [Came(name, arch, evr) for evr in evrs]
    return found


def _aftermath(
    root: Root, source: str, came: Sequence[Came], told: Told, used: Collection[str]
) -> Aftermath:
    asked, verified = came[:MOST], told.verified
    of = {path: key for key, paths in told.files.items() for path in paths}
    errors = [f"{source}: {error}" for error in (told.error, verified.error) if error]
    bounds = []
    if len(came) > MOST:
        bounds.append(f"{source}: only {MOST} of {len(came)} packages were asked about")
    if verified.unverified and not verified.error:
        missed = f"{verified.unverified} of {len(asked)} packages"
        bounds.append(f"{source}: {missed} were not verified within {WORK_S:g} s")
    none_verified = verified.unverified == len(asked)
    damaged = [f"{of.get(path, source)}: {path}: {why}" for path, why in verified.damage]
    return Aftermath(
        Standing.UNKNOWN if errors or none_verified else Standing.OK,
        "; ".join(errors + bounds),
        tuple(dict.fromkeys(one.key for one in asked)),
        tuple(damaged[:_MOST_DAMAGED]),
        owners(used, told.files, lambda path: os.path.lexists(root.join_nofollow(path))),
        told.transactions,
    )


def _with(one: Aftermath, more: Aftermath) -> Aftermath:
    return Aftermath(
        one.standing if more.is_ok else more.standing,
        "; ".join(filter(None, (one.reason, more.reason))),
        one.packages + more.packages,
        one.damaged + more.damaged,
        {**more.owners, **one.owners},
        {**one.transactions, **more.transactions},
    )
