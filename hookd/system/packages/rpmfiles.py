"""Asks rpm about some packages: their files, their transactions, and whether they are whole."""

from __future__ import annotations

from typing import Sequence

from hookd.system.packages import rpmdb
from hookd.system.packages.told import Came, Told, files_in
from hookd.system.packages.verification import lines, verify
from hookd.system.process.command import Completed, Run
from hookd.system.root import Root

_LIST_S = 15.0
_FORMAT = r"%{NAME}.%{ARCH}\t%{INSTALLTID}\n[\t%{FILENAMES}\n]"


def ask(root: Root, run: Run, came: Sequence[Came], until: float) -> Told:
    """Return what rpm tells of the packages; verification ends at `until` (time.monotonic).

    rpm 4.11 knows all that is asked for. A package that has gone meanwhile is passed over.
    """
    directory = rpmdb.database_directory(root)
    if directory is None:
        return Told(error="the rpm database has gone")
    rpm = rpmdb.rpm_of(root, directory)
    labels = [_label(one) for one in came]
    asked = [*rpm, "-q", "--qf", _FORMAT, "--", *labels]
    answer = run(asked, timeout_s=_LIST_S, environment={"LC_ALL": "C"})
    error = answer.error or rpmdb.first_error(answer)
    if error:
        return Told(error=error)
    files, transactions = _parse(answer)
    argv = [*rpm, "-V", "--nodeps", "--noscripts", "--"]
    verified = verify(run, argv, labels, until, rpmdb.first_error)
    return Told(files, transactions, verified)


def _label(one: Came) -> str:
    """Rpm 4.11 finds no package by a label with an epoch."""
    return f"{one.name}-{one.evr.rpartition(':')[2]}.{one.arch}"


def _parse(answer: Completed) -> tuple[dict[str, list[str]], dict[str, int]]:
    files: dict[str, list[str]] = {}
    transactions: dict[str, int] = {}
    key = ""
    for line in lines(answer):
        name, tab, rest = line.partition("\t")
        if name and tab:
            key = name
            files.setdefault(key, [])
            if rest.isdigit():
                transactions[key] = max(int(rest), transactions.get(key, 0))
        elif key and tab:
            files[key] += files_in([rest])
    return files, transactions
