"""Which path an operation took (lifecycle: the path table): the first row that fits."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Callable, Optional, Tuple

from hookd.core.model import Path


class Call(Enum):
    """What became of a phase. `NOT_EXPECTED` was never to come and did not."""

    NOT_EXPECTED = "not expected"
    NOT_CALLED = "not called"
    PASSED = "passed"
    FAILED = "failed"


@dataclass(frozen=True)
class Evidence:
    """Everything the table looks at. None is unknown and fits no row that asks for yes or no.

    `changed`: packages differ between before anything and after everything. `pending`: a reboot is
    needed and has not come. `missing`, `failed`: what this run's patch summary counts, None without
    such a summary. `install_entered`: the caller's record of the run has the install step.
    """

    pre: Call
    post: Call
    recovered: bool = False
    scan_failed: Optional[bool] = None
    missing: Optional[int] = None
    failed: Optional[int] = None
    has_last_known: bool = False
    changed: Optional[bool] = None
    install_entered: Optional[bool] = None
    post_slot_entered: Optional[bool] = None
    rebooted: Optional[bool] = None
    pending: Optional[bool] = None
    speaks_of_failure: bool = False
    unfinished: Tuple[str, ...] = ()


@dataclass(frozen=True)
class Way:
    """The path, why, and whether patching went past a pre that had not passed (None: not known)."""

    path: Path
    reason: str
    path_so_far: Optional[Path] = None
    pre_bypassed: Optional[bool] = False


def way(evidence: Evidence) -> Way:
    """Return the path that `evidence` shows."""
    path, reason, bypassed = _first(evidence)
    if not evidence.recovered:
        return Way(path, reason, pre_bypassed=bypassed)
    return Way(Path.INTERRUPTED, "hookd itself ran on-exit, its caller never did", path, bypassed)


def _first(e: Evidence) -> Tuple[Path, str, Optional[bool]]:
    bypassed = _install_entered(e) if e.pre is Call.FAILED else False
    for fits, path, reason in _ROWS:
        if fits(e):
            return path, _worded(reason, e), bypassed
    return Path.UNCLEAR, _what_is_missing(e), bypassed


def _on_exit_only(e: Evidence) -> bool:
    not_called = (Call.NOT_CALLED, Call.NOT_EXPECTED)
    return e.pre in not_called and e.post in not_called


def _has_summary(e: Evidence) -> bool:
    return e.missing is not None


def _install_entered(e: Evidence) -> Optional[bool]:
    """By the caller's record of the run; without one, by whether packages changed."""
    return e.changed if e.install_entered is None else e.install_entered


def _no_baseline(e: Evidence) -> bool:
    return _on_exit_only(e) and not _has_summary(e) and not e.has_last_known


def _nothing_missing(e: Evidence) -> bool:
    if not _on_exit_only(e):
        return False
    return e.missing == 0 if _has_summary(e) else e.changed is False


def _pre_missing(e: Evidence) -> bool:
    return e.pre is Call.NOT_CALLED and bool(e.changed or e.missing)


def _post_missing(e: Evidence) -> bool:
    return e.post is Call.NOT_CALLED and e.pre is not Call.NOT_CALLED


def _pre_perhaps_missing(e: Evidence) -> bool:
    """Nobody knows whether something was installed behind a pre that never came."""
    return e.pre is Call.NOT_CALLED and e.changed is None


def _nothing_changed(e: Evidence) -> bool:
    return e.changed is False and not e.speaks_of_failure


_Row = Tuple[Callable[[Evidence], bool], Path, str]
_PRE_MISSING = "packages changed and pre was never called"
_PRE_FAILED = "pre did not pass and nothing was installed"
_POST_MISSING = "post was never called"
_UNTOLD = "it is not known whether packages changed; pre was never called"
_ROWS: Tuple[_Row, ...] = (
    (lambda e: _on_exit_only(e) and e.scan_failed is True, Path.UNCLEAR, "the scan failed"),
    (_no_baseline, Path.UNCLEAR, "pre and post were not called and no earlier state is known"),
    (_nothing_missing, Path.NOTHING_TO_DO, "nothing was missing"),
    (_pre_missing, Path.PRE_MISSING, _PRE_MISSING),
    (
        lambda e: e.pre is Call.FAILED and not _install_entered(e),
        Path.PRE_FAILED,
        _PRE_FAILED,
    ),
    (
        lambda e: _post_missing(e) and e.post_slot_entered is True,
        Path.POST_FAILED,
        "its document never reached hookd",
    ),
    (_post_missing, Path.INSTALL_FAILED, _POST_MISSING),
    (lambda e: e.post is Call.FAILED, Path.POST_FAILED, "post failed"),
    (_pre_perhaps_missing, Path.UNCLEAR, _UNTOLD),
    (lambda e: e.rebooted is True, Path.PATCHED_REBOOTED, "the machine booted since pre"),
    (lambda e: e.pending is True, Path.PATCHED_REBOOT_PENDING, "a reboot is needed"),
    (lambda e: e.changed is True, Path.PATCHED_NO_REBOOT, "packages changed"),
    (
        lambda e: bool(e.failed),
        Path.INSTALL_FAILED,
        "the patch summary of this run counts failures",
    ),
    (_nothing_changed, Path.NOTHING_TO_DO, "nothing changed"),
)


def _worded(reason: str, e: Evidence) -> str:
    if reason == _POST_MISSING and e.unfinished:
        return reason + "; unfinished: " + ", ".join(e.unfinished)
    if reason == _PRE_MISSING and not e.changed:
        return "patches were missing and pre was never called"
    if reason == _PRE_FAILED and _install_entered(e) is None:
        return "pre did not pass and nothing shows that anything was installed"
    return reason


def _what_is_missing(e: Evidence) -> str:
    missing = []
    if e.changed is None:
        missing.append("it is not known whether packages changed")
    if e.rebooted is None:
        missing.append("no boot id was readable before and after")
    if e.speaks_of_failure:
        missing.append("nothing changed, and a package source speaks of a failure")
    return "; ".join(missing) or "the evidence fits no row"
