"""The records that the rooms of the house hand to each other: enumerations, changes, checks, hooks.

Annotations use `Optional`, `Tuple` and `Dict` because core/codec.py evaluates them on Python 3.7.
Times are UTC text (`2026-11-05T04:18:07.123456Z`), durations are seconds, sizes are bytes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Dict, Optional, Tuple

from hookd.core.differences import MountChange, SettingChange, SocketChange, UnitChange

SCHEMA = 1


class Name(str, Enum):
    """An enum whose members print and serialize as their value on every Python."""

    def __str__(self) -> str:
        return str.__str__(self)

    def __format__(self, spec: str) -> str:
        return str.__format__(self, spec)


class Phase(Name):
    PRE = "pre"
    POST = "post"
    ON_EXIT = "on-exit"


class CallerKind(Name):
    SSM_COMMAND = "ssm-command"
    SSM_ASSOCIATION = "ssm-association"
    PERSON = "person"
    RECOVERY = "recovery"
    REHEARSAL = "rehearsal"

    @property
    def is_ssm(self) -> bool:
        """Whether the exit code steers a patch run: SSM's own, or one that is rehearsed."""
        return self in (self.SSM_COMMAND, self.SSM_ASSOCIATION, self.REHEARSAL)


class Liveness(Name):
    """Whether a run still lives (lifecycle.md 1); `none` is a person's operation without a run."""

    ALIVE = "alive"
    DEAD = "dead"
    UNKNOWN = "unknown"
    NONE = "none"


class HookOutcome(Name):
    PASSED = "passed"
    FAILED = "failed"
    TIMED_OUT = "timed-out"
    SKIPPED = "skipped"
    REFUSED = "refused"
    INTERRUPTED = "interrupted"
    OUTSTANDING = "outstanding"


class PhaseOutcome(Name):
    RUNNING = "running"
    PASSED = "passed"
    FAILED = "failed"
    INTERRUPTED = "interrupted"
    TIMED_OUT = "timed-out"


class Outcome(Name):
    """The outcome of a check. Unknown is never pass."""

    PASS = "pass"
    WARN = "warn"
    FAIL = "fail"
    UNKNOWN = "unknown"
    SKIP = "skip"


class Severity(Name):
    IGNORE = "ignore"
    WARN = "warn"
    FAIL = "fail"


class Path(Name):
    NOTHING_TO_DO = "nothing-to-do"
    PRE_FAILED = "pre-failed"
    INSTALL_FAILED = "install-failed"
    POST_FAILED = "post-failed"
    PATCHED_NO_REBOOT = "patched-no-reboot"
    PATCHED_REBOOT_PENDING = "patched-reboot-pending"
    PATCHED_REBOOTED = "patched-rebooted"
    INTERRUPTED = "interrupted"
    PRE_MISSING = "pre-missing"
    UNCLEAR = "unclear"


class Verdict(Name):
    PASSED = "passed"
    PASSED_WITH_WARNINGS = "passed-with-warnings"
    FAILED = "failed"
    INCOMPLETE = "incomplete"


class Health(Name):
    PASSED = "passed"
    PASSED_WITH_WARNINGS = "passed-with-warnings"
    FAILED = "failed"
    UNKNOWN = "unknown"


# -- changes and checks ----------------------------------------------------------------------


class PackageAction(Name):
    INSTALLED = "installed"
    UPDATED = "updated"
    DOWNGRADED = "downgraded"
    REINSTALLED = "reinstalled"
    REMOVED = "removed"
    OBSOLETED = "obsoleted"


@dataclass(frozen=True)
class PackageChange:
    """One package that differs between two snapshots; `before` and `after` are all its EVRs.

    `by` is what changed it, where that is known: `yum-history 12`, `rpm` (no package manager).
    """

    name: str
    arch: str
    action: PackageAction
    before: Tuple[str, ...]
    after: Tuple[str, ...]
    between: str
    seen_in: Tuple[str, ...]
    by: str = ""


@dataclass(frozen=True)
class KernelChange:
    running_before: str = ""
    running_after: str = ""
    newest_installed: str = ""
    next_boot: str = ""
    promised: str = ""
    promised_by: str = ""


@dataclass(frozen=True)
class BootChange:
    """`rebooted` and `clean` are None when not known; `boots` counts boots since `before`.

    They are those that looks saw, or more by the machine's own records; `booted_at` is when they
    were, as far as is known. `clean`: before each of them the machine was shut down, `downtime_s`
    in all; `reason` says why that is not known. `crashes` are the paths of what crashes left.
    """

    rebooted: Optional[bool] = None
    boots: int = 0
    boot_id_before: str = ""
    boot_id_after: str = ""
    clean: Optional[bool] = None
    downtime_s: Optional[float] = None
    reason: str = ""
    booted_at: Tuple[str, ...] = ()
    crashes: Tuple[str, ...] = ()


@dataclass(frozen=True)
class Changes:
    packages: Tuple[PackageChange, ...] = ()
    kernel: KernelChange = KernelChange()
    boot: BootChange = BootChange()
    units: Tuple[UnitChange, ...] = ()
    sockets: Tuple[SocketChange, ...] = ()
    mounts: Tuple[MountChange, ...] = ()
    settings: Tuple[SettingChange, ...] = ()


@dataclass(frozen=True)
class Check:
    """One judged statement. `id` is stable API; `remedy` says what to do when it is not pass.

    `before` is how it was before the operation, where that was looked at.
    """

    id: str
    outcome: Outcome
    severity: Severity = Severity.FAIL
    expected: str = ""
    found: str = ""
    reason: str = ""
    remedy: str = ""
    phase: str = ""
    before: str = ""


# -- hooks -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class HookSpec:
    """What metadata and configuration say about a hook (design 7); durations in seconds."""

    description: str = ""
    timeout_s: float = 600.0
    grace_s: float = 10.0
    required: bool = True
    retries: int = 0
    retry_delay_s: float = 5.0
    user: str = ""
    group: str = ""
    parallel: bool = False
    undoes: str = ""
    when: Tuple[str, ...] = ()
    only_if_healthy: bool = False
    settings: Dict[str, str] = field(default_factory=dict)


class HookState(Name):
    """What discovery makes of a file: to run, masked, left out, or refused (counts as failed)."""

    READY = "ready"
    MASKED = "masked"
    LEFT_OUT = "left-out"
    REFUSED = "refused"


@dataclass(frozen=True)
class Hook:
    """One file of a hooks.d tree.

    `name` is the file name made printable (undecodable bytes and control characters as `\\xNN`);
    `path` is what is executed. `owner` and `mode` (octal text) and `sha256` are of the file that
    would run. `stamp` is (device, inode, size, mtime_ns, ctime_ns) of that file when it was read.
    """

    phase: Phase
    name: str
    path: str
    state: HookState = HookState.READY
    reason: str = ""
    spec: HookSpec = HookSpec()
    sha256: str = ""
    owner: int = 0
    mode: str = ""
    stamp: Tuple[int, ...] = ()

    @property
    def id(self) -> str:
        return f"{self.phase}/{self.name}"


@dataclass(frozen=True)
class Stream:
    """What a hook wrote to one stream.

    `bytes` counts all it wrote; `hidden` those on disk but in neither `head` nor `tail`; `dropped`
    those not kept at all (over the cap or the disk was full). `path` is empty when none was kept.
    """

    path: str = ""
    bytes: int = 0
    head: str = ""
    tail: str = ""
    hidden: int = 0
    dropped: int = 0


@dataclass(frozen=True)
class Leftover:
    """A process that outlived its hook. `holds_stdout`: it kept the hook's output open."""

    pid: int
    command: str
    holds_stdout: bool = False


Json = Any
"""A JSON value as `json.loads` returns it; only codec.py and document.py look inside."""
