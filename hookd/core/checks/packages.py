"""Judges the package databases and histories of one snapshot."""

from __future__ import annotations

from dataclasses import replace
from typing import List, Sequence

from hookd.core.checks.table import Judge, Severities, listed
from hookd.core.kernels import is_installonly
from hookd.core.model import Check, Outcome
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
    """Judge whether a package transaction was cut off.

    yum and dnf know it by their histories. Of dpkg the state of each package tells it, whoever
    called it; that a run of apt has no end is evidence only beside one, as the next run begins
    with what is left.
    """
    judge = Judge(UNFINISHED_TRANSACTION, severities)
    half = [f"{one.source}: {text}" for one in snapshot.packages for text in _broken(one)]
    ends = [h for h in snapshot.histories if h.source != "apt-history" or half or _unread(snapshot)]
    found = [f"{h.source}: {text}" for h in ends for text in h.unfinished] + half
    if found:
        return judge.not_met(expected="none", found=listed(found))
    check = _unless_unread(judge, snapshot.histories, "no package history here")
    cut = [f"{h.source}: {text}" for h in snapshot.histories for text in h.unfinished]
    if cut and check.outcome is Outcome.PASS:
        return replace(check, found=f"none: {listed(cut)} recorded no end, and dpkg is whole")
    return check


def _unread(snapshot: Snapshot) -> bool:
    return any(one.source == "dpkg" and not one.is_ok for one in snapshot.packages)


def _unless_unread(judge: Judge, readings: Sequence[Reading], nothing: str) -> Check:
    """Pass what was read and found clean, unless a source that exists could not be read."""
    unread = [one.reason for one in readings if one.standing is Standing.UNKNOWN]
    if unread:
        return judge.unknown("; ".join(unread), expected="none")
    if not any(one.is_ok for one in readings):
        return judge.skipped(nothing)
    return judge.passed(expected="none", found="none")
