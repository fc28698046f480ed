"""An operation as its journal tells it: its phases, their hooks, snapshots, checks and undos."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Dict, Optional, Tuple

from hookd.core.journal import Noted, OperationClosed, OperationOpened, SnapshotTaken, UndoKept
from hookd.core.model import (
    CallerKind,
    Check,
    Health,
    HookOutcome,
    Json,
    Leftover,
    Phase,
    PhaseOutcome,
    Stream,
)


@dataclass(frozen=True)
class HookRun:
    """What is known of one hook in one phase: its last try. `outcome` is None while it runs."""

    phase: Phase
    name: str
    required: bool
    outcome: Optional[HookOutcome] = None
    try_: int = 0
    exit_code: Optional[int] = None
    signal: Optional[str] = None
    duration_s: float = 0.0
    reason: str = ""
    sha256: str = ""
    owner: int = 0
    mode: str = ""
    path: str = ""
    undo_of: str = ""
    from_copy: bool = False
    stdout: Stream = Stream()
    stderr: Stream = Stream()
    outputs: Dict[str, str] = field(default_factory=dict)
    left_running: Tuple[Leftover, ...] = ()
    cpu_s: float = 0.0
    max_rss_kb: int = 0
    retry: bool = False
    changed_n: int = 0
    token: str = ""
    pid: int = 0
    process_started_at: float = 0.0
    cgroup: str = ""
    boot_id: str = ""
    started_n: int = 0

    @property
    def id(self) -> str:
        return f"{self.phase}/{self.name}"

    @property
    def was_started(self) -> bool:
        return self.started_n > 0


@dataclass(frozen=True)
class PhaseRun:
    """One attempt at a phase.

    The fields that end in `_n` are the numbers of events: `resumed_n` of the newest start,
    `checked_n` of the newest judging, `changed_n` of the newest event of a hook. `bad` names the
    hooks that ended badly, in the order in which they did.
    """

    phase: Phase
    attempt: int
    caller: CallerKind
    started_at: str
    boot_id: str
    started_up_s: float
    deadline_s: float = 0.0
    deadline_by: str = ""
    pid: int = 0
    process_started_at: float = 0.0
    resumed: int = 0
    recovered: bool = False
    outcome: PhaseOutcome = PhaseOutcome.RUNNING
    exit_code: Optional[int] = None
    process_exit: Optional[int] = None
    reason: str = ""
    ended_at: str = ""
    ended_n: int = 0
    wall_s: float = 0.0
    cpu_s: float = 0.0
    max_rss_kb: int = 0
    health: Health = Health.UNKNOWN
    started_n: int = 0
    resumed_n: int = 0
    checked_n: int = 0
    changed_n: int = 0
    hooks: Dict[str, HookRun] = field(default_factory=dict)
    bad: Tuple[str, ...] = ()

    @property
    def is_running(self) -> bool:
        return self.outcome is PhaseOutcome.RUNNING

    @property
    def is_over(self) -> bool:
        """Whether it came to its end; one that was cancelled or died has not."""
        return self.outcome not in (PhaseOutcome.RUNNING, PhaseOutcome.INTERRUPTED)


@dataclass(frozen=True)
class Operation:
    """Everything a journal says. `last_*` are of its newest event.

    `booted_n` is the number of the first event of the newest boot, 0 while there was only one;
    `closed_n` that of the event that closed it first, 0 while it is open.
    """

    opened: OperationOpened
    opened_at: str
    phases: Tuple[PhaseRun, ...] = ()
    snapshots: Dict[str, SnapshotTaken] = field(default_factory=dict)
    snapshot_n: Dict[str, int] = field(default_factory=dict)
    kept_undos: Tuple[UndoKept, ...] = ()
    observed: Dict[str, Json] = field(default_factory=dict)
    checks: Dict[str, Check] = field(default_factory=dict)
    notes: Tuple[Noted, ...] = ()
    boots: Tuple[str, ...] = ()
    booted_n: int = 0
    closed: Optional[OperationClosed] = None
    closed_at: str = ""
    closed_n: int = 0
    published: Tuple[int, ...] = ()
    unknown_events: int = 0
    last_n: int = 0
    last_at: str = ""
    last_boot_id: str = ""
    last_up_s: float = 0.0

    @property
    def id(self) -> str:
        return self.opened.id

    @property
    def is_open(self) -> bool:
        return self.closed is None

    def last(self, phase: Phase) -> Optional[PhaseRun]:
        """Return the newest attempt at `phase`, or None when it was never called."""
        for run in reversed(self.phases):
            if run.phase is phase:
                return run
        return None

    @property
    def had_on_exit(self) -> bool:
        """Whether on-exit came to its end; a cancelled one stays owed."""
        run = self.last(Phase.ON_EXIT)
        return run is not None and run.is_over

    @property
    def running(self) -> Optional[PhaseRun]:
        """Return the attempt that has begun and not ended."""
        return next((run for run in reversed(self.phases) if run.is_running), None)
