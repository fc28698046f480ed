"""Judges the package databases and histories of one snapshot."""

from __future__ import annotations

from typing import List, Sequence

from hookd.core.checks.table import Judge, Severities, listed
from hookd.core.kernels import is_installonly
from hookd.core.model import Check
from hookd.core.readings import PackageSet, Reading, Standing
from hookd.core.snapshot import Snapshot

UNFINISHED_TRANSACTION = "packages.unfinished-transaction"
DUPLICATES = "packages.duplicates"
READABLE = "packages.readable"

_NO_DATABASE = "no package database here"


def readable(snapshot: Snapshot, severities: Severities) -> Check:
    """Judge whether every package database that exists could be read."""
    judge = Judge(READABLE, severities)
    there = [one for one in snapshot.packages if one.standing is not Standing.ABSENT]
    if not there:
        return judge.skipped(_NO_DATABASE)
    expected = ", ".join(one.source for one in there)
    unread = [f"{one.source}: {one.reason}" for one in there if not one.is_ok]
    if unread:
        return judge.not_met(expected=expected, found="; ".join(unread))
    return judge.passed(expected=expected, found="read")


def duplicates(snapshot: Snapshot, severities: Severities) -> Check:
    """Judge whether a package is there twice (installonly ones may be), or half-installed."""
    judge = Judge(DUPLICATES, severities)
    good = [one for one in snapshot.packages if one.is_ok]
    found = [text for one in good for text in _doubled(one) + _broken(one)]
    if found:
        return judge.not_met(expected="none", found=listed(found))
    return _unless_unread(judge, snapshot.packages, _NO_DATABASE)


def _doubled(packages: PackageSet) -> List[str]:
    found = []
    for key, instances in sorted(packages.installed.items()):
        evrs = sorted({evr for evr, _ in instances})
        if len(evrs) > 1 and not is_installonly(key.rpartition(".")[0]):
            found.append(f"{key} is there as {' and '.join(evrs)}")
    return found


def _broken(packages: PackageSet) -> List[str]:
    return [f"{key} is half-installed" for key in packages.broken]


def unfinished_transaction(snapshot: Snapshot, severities: Severities) -> Check:
    """Judge whether a package manager's history knows a transaction that never ended."""
    judge = Judge(UNFINISHED_TRANSACTION, severities)
    found = [f"{h.source}: {text}" for h in snapshot.histories for text in h.unfinished]
    if found:
        return judge.not_met(expected="none", found=listed(found))
    return _unless_unread(judge, snapshot.histories, "no package history here")


def _unless_unread(judge: Judge, readings: Sequence[Reading], nothing: str) -> Check:
    """Pass what was read and found clean, unless a source that exists could not be read."""
    unread = [one.reason for one in readings if one.standing is Standing.UNKNOWN]
    if unread:
        return judge.unknown("; ".join(unread), expected="none")
    if not any(one.is_ok for one in readings):
        return judge.skipped(nothing)
    return judge.passed(expected="none", found="none")
