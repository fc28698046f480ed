"""Judges the files that the installation left: damaged ones, and configuration to be merged."""

from __future__ import annotations

from typing import Dict, Iterable, List, Sequence

from hookd.core.checks.ends import Ends
from hookd.core.checks.table import listed
from hookd.core.ignore import matches
from hookd.core.model import Check
from hookd.core.readings import PackageSet, Standing
from hookd.core.settings import leavings_of, new_leavings

FILES_INTACT = "packages.files-intact"
RPMNEW = "config.rpmnew"


def files_intact(ends: Ends) -> Check:
    """Judge the files of the packages that changed, by what was said last of each package.

    What could not be asked at one look is asked again at the next.
    """
    judge, expected = ends.judge(FILES_INTACT), "as packaged"
    told = [look for look in ends.looks if look.aftermath.standing is not Standing.ABSENT]
    if not told:
        return judge.skipped(ends.last.aftermath.reason)
    found = [line for line in _damaged(ends) if not _is_ignored(ends, line)]
    if found:
        return judge.not_met(expected=expected, found=listed(found), before=_versions(ends, found))
    last = told[-1].aftermath
    if not last.is_ok:
        return judge.unknown(f"{told[-1].name}: {last.reason}", expected=expected)
    but = f" of those looked at: {last.reason}" if last.reason else ""
    return judge.passed(expected=expected, found=f"all{but}")


def _damaged(ends: Ends) -> List[str]:
    damaged: Dict[str, List[str]] = {}
    for look in ends.looks:
        for package in look.aftermath.packages:
            damaged.pop(package, None)
        for line in look.aftermath.damaged:
            lines = damaged.setdefault(line.partition(": ")[0], [])
            if line not in lines:
                lines.append(line)
    return [line for package in sorted(damaged) for line in damaged[package]]


def _versions(ends: Ends, lines: Iterable[str]) -> str:
    """Return which version each damaged package had at the baseline, as far as that is known.

    Its files were not verified then. A line without a package names the database.
    """
    databases = ends.first.packages if ends.has_before else ()
    sources = [one.source for one in databases]
    packages = dict.fromkeys(line.partition(": ")[0] for line in lines)
    known = {key: _version(key, databases) for key in packages if key not in sources}
    return listed([f"{package} {version}" for package, version in known.items() if version])


def _version(package: str, databases: Sequence[PackageSet]) -> str:
    evrs = [evr for one in databases for evr, _ in one.installed.get(package, ())]
    if evrs:
        return " and ".join(evrs)
    is_known = bool(databases) and all(one.is_ok for one in databases)
    return "not installed" if is_known else ""


def _is_ignored(ends: Ends, line: str) -> bool:
    """Whether the admin ignores the file of `PACKAGE: FILE: WHY`."""
    file = line.partition(": ")[2].rpartition(": ")[0]
    return matches(file, ends.ignore.files)


def rpmnew(ends: Ends) -> Check:
    """Judge whether package managers left files beside the admin's since the baseline."""
    judge, expected = ends.judge(RPMNEW), "none came"
    cannot = ends.incomparable(judge, leavings_of, expected)
    if cannot:
        return cannot
    before, now = leavings_of(ends.first), leavings_of(ends.last)
    if not before.is_whole:
        return judge.skipped("there were more than can be named before")
    found = [file for file in new_leavings(before, now) if not matches(file, ends.ignore.files)]
    had = listed([file for file in before.files if not matches(file, ends.ignore.files)]) or "none"
    if found:
        return judge.not_met(expected=expected, found=listed(found), before=had)
    return judge.passed(expected=expected, found="none", before=had)
