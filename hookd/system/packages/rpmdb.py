"""The packages of the rpm database, read with the rpm program."""

from __future__ import annotations

import os

from hookd.core.nevra import join_evr
from hookd.core.readings import PackageSet, Standing
from hookd.system.process.command import Completed, Run
from hookd.system.root import Root

SOURCE = "rpmdb"

_DIRECTORIES = ("/var/lib/rpm", "/usr/lib/sysimage/rpm")
_DATABASES = ("Packages", "rpmdb.sqlite", "Packages.db")  # Berkeley DB, SQLite, ndb
_FIELDS = ("NAME", "EPOCHNUM", "VERSION", "RELEASE", "ARCH", "INSTALLTIME")
_FORMAT = r"\t".join(f"%{{{field}}}" for field in _FIELDS) + r"\n"


def read(root: Root, run: Run, *, timeout_s: float = 60) -> PackageSet:
    """Return the installed packages; absent without a database, unknown when rpm cannot tell.

    rpm is asked only where a database is, because it would make an empty one and answer with
    nothing. `gpg-pubkey` rows are left out: they are imported keys, not packages.
    """
    directory = database_directory(root)
    if directory is None:
        reason = f"no rpm database in {' or '.join(_DIRECTORIES)}"
        return PackageSet(Standing.ABSENT, reason, SOURCE)
    argv = [*rpm_of(root, directory), "-qa", "--qf", _FORMAT]
    answer = run(argv, timeout_s=timeout_s, environment={"LC_ALL": "C"})
    reason = _failure(answer)
    if reason:
        return PackageSet(Standing.UNKNOWN, reason, SOURCE)
    return _parse(answer.stdout)


def database_directory(root: Root) -> str | None:
    """Return the directory inside `root` that holds an rpm database, its links followed.

    rpm joins `--root` and `--dbpath` itself and would follow a link out of the root.
    """
    for directory in _DIRECTORIES:
        for name in _DATABASES:
            if os.path.isfile(root.join(f"{directory}/{name}")):
                return root.shown(root.join(directory))
    return None


def rpm_of(root: Root, directory: str) -> list[str]:
    """Return the words with which rpm is asked about the database in `directory` of `root`."""
    inside = [] if root.is_host else ["--root", str(root)]
    return ["rpm", *inside, "--dbpath", directory]


def _failure(answer: Completed) -> str:
    """Return why the answer cannot be used: rpm reports some damage and still exits 0."""
    if not answer.is_ok:
        return first_error(answer) or answer.why()
    return first_error(answer)


def first_error(answer: Completed) -> str:
    """Return rpm's first complaint about the database itself, or nothing."""
    for line in answer.stderr.decode("utf-8", "backslashreplace").splitlines():
        if line.startswith("error:"):
            return f"rpm: {line}"[:300]
    return ""


def _parse(stdout: bytes) -> PackageSet:
    installed: dict[str, list[tuple[str, int]]] = {}
    for row in stdout.decode("utf-8", "backslashreplace").split("\n"):
        if not row:
            continue
        try:
            name, epoch, version, release, arch, when = row.split("\t")
            if name == "gpg-pubkey":
                continue
            evr = join_evr(int(epoch), version, release)
            instance = (evr, int(when) if when != "(none)" else 0)
        except ValueError:
            reason = f"rpm printed a row that cannot be read: {row[:100]!r}"
            return PackageSet(Standing.UNKNOWN, reason, SOURCE)
        installed.setdefault(f"{name}.{arch}", []).append(instance)
    if not installed:
        return PackageSet(Standing.UNKNOWN, "rpm printed no package at all", SOURCE)
    ordered = {key: tuple(sorted(installed[key])) for key in sorted(installed)}
    return PackageSet(source=SOURCE, installed=ordered)
