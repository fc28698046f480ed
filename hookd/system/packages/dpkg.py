"""The packages of the dpkg database, read with dpkg-query."""

from __future__ import annotations

import os
import stat

from hookd.core.readings import PackageSet, Standing
from hookd.system.process.command import Run
from hookd.system.root import Root

SOURCE = "dpkg"

_ADMIN = "/var/lib/dpkg"
_FORMAT = "${Package}\\t${Version}\\t${Architecture}\\t${db:Status-Abbrev}\\n"

# dpkg-query(1), db:Status-Abbrev: want, state and, if any, error.
_GONE = frozenset("nc")
_BROKEN = frozenset("HUF")
_WHOLE = frozenset("Wti")


def read(root: Root, run: Run, *, timeout_s: float = 60) -> PackageSet:
    """Return the packages whose files are unpacked; install times are not known to dpkg (0).

    `broken` are the half-installed, the unpacked and the half-configured ones, and those marked
    for reinstallation. Removed packages that left configuration files are not installed.
    """
    status = root.join(f"{_ADMIN}/status")
    try:
        found = os.stat(status)
    except OSError as error:
        return PackageSet(Standing.ABSENT, f"{status}: {error.strerror}", SOURCE)
    if not stat.S_ISREG(found.st_mode):
        return PackageSet(Standing.UNKNOWN, f"{status} is not a regular file", SOURCE)
    if not found.st_size:
        return PackageSet(Standing.ABSENT, f"{status} lists no package", SOURCE)
    argv = ["dpkg-query", admin_of(root), "-W", "-f", _FORMAT]
    answer = run(argv, timeout_s=timeout_s, environment={"LC_ALL": "C"})
    if not answer.is_ok:
        return PackageSet(Standing.UNKNOWN, answer.why(), SOURCE)
    return _parse(answer.stdout)


def admin_of(root: Root) -> str:
    """Return the word that makes dpkg and dpkg-query work on the database of `root`."""
    return f"--admindir={root.join(_ADMIN)}"


def _parse(stdout: bytes) -> PackageSet:
    installed: dict[str, list[tuple[str, int]]] = {}
    broken: set[str] = set()
    for row in stdout.decode("utf-8", "backslashreplace").split("\n"):
        if not row:
            continue
        fields = row.split("\t")
        state = fields[3] if len(fields) == 4 else ""  # noqa: PLR2004
        if len(state) < 2 or state[1] not in _GONE | _BROKEN | _WHOLE:  # noqa: PLR2004
            reason = f"dpkg-query printed a row that cannot be read: {row[:100]!r}"
            return PackageSet(Standing.UNKNOWN, reason, SOURCE)
        key = f"{fields[0]}.{fields[2]}"
        if state[1] in _BROKEN or state[2:3] == "R":
            broken.add(key)
        if state[1] not in _GONE and fields[1]:
            installed.setdefault(key, []).append((fields[1], 0))
    if not installed:
        return PackageSet(Standing.UNKNOWN, "dpkg-query printed no installed package", SOURCE)
    ordered = {key: tuple(sorted(installed[key])) for key in sorted(installed)}
    return PackageSet(source=SOURCE, installed=ordered, broken=tuple(sorted(broken)))
