"""The events of an operation's journal: their fields, and one line of text for each.

A line is `{"n": 12, "at": "..Z", "boot_id": "..", "up_s": 812.4, "event": "hook-started", ...}`;
`n` counts without gaps from 1. Unknown events are kept and ignored: a newer hookd may have written
them.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any, Dict, Optional, Tuple, Type

from hookd.core.codec import CodecError, decode, items, to_json
from hookd.core.model import (
    CallerKind,
    Check,
    Health,
    HookOutcome,
    HookSpec,
    Json,
    Leftover,
    Path,
    Phase,
    PhaseOutcome,
    Stream,
    Verdict,
)


@dataclass(frozen=True)
class Body:
    """Base of what an event says."""


@dataclass(frozen=True)
class OperationOpened(Body):
    """`config` is the effective configuration, `environment` what recovery may replay of pre's."""

    id: str
    number: int
    run_id: str
    caller: CallerKind
    version: str
    config: Json
    config_sha256: str
    expected: Tuple[Phase, ...]
    environment: Dict[str, str] = field(default_factory=dict)
    host: Dict[str, str] = field(default_factory=dict)
    root: str = ""


@dataclass(frozen=True)
class Observed(Body):
    """A look at the outside, before it is used: liveness, a last known state, a hold."""

    subject: str
    value: Json = None


@dataclass(frozen=True)
class PhaseStarted(Body):
    """An engine took the phase. `deadline_by` says which of the deadlines ruled."""

    phase: Phase
    attempt: int
    caller: CallerKind
    pid: int
    process_started_at: float
    deadline_s: float
    deadline_by: str
    resumed: bool = False


@dataclass(frozen=True)
class SnapshotTaken(Body):
    """Where snapshot `name` is: a file, the same as an earlier one, inline, or nowhere (`failed`).

    `inline` is base64 of zlib of the JSON; written when the file could not be stored.
    """

    name: str
    file: str = ""
    sha256: str = ""
    same_as: str = ""
    inline: str = ""
    failed: str = ""


@dataclass(frozen=True)
class UndoKept(Body):
    """A copy of on-exit hook `hook` that undoes pre hook `undoes`, as it was when pre started."""

    hook: str
    undoes: str
    file: str
    sha256: str
    spec: HookSpec
    failed: str = ""


@dataclass(frozen=True)
class HookStarted(Body):
    """A hook is about to start; its environment holds `token`, `cgroup` is the one it shall get."""

    phase: Phase
    attempt: int
    hook: str
    try_: int
    token: str
    timeout_s: float
    required: bool
    sha256: str = ""
    owner: int = 0
    mode: str = ""
    path: str = ""
    undo_of: str = ""
    from_copy: bool = False
    cgroup: str = ""


@dataclass(frozen=True)
class HookSpawned(Body):
    """The hook's process, in `cgroup` if it has one. Not synced: it matters in this boot only."""

    phase: Phase
    attempt: int
    hook: str
    try_: int
    pid: int
    process_started_at: float
    cgroup: str = ""


@dataclass(frozen=True)
class HookEnded(Body):
    """What became of one try of a hook. `retry` says another try follows."""

    phase: Phase
    attempt: int
    hook: str
    try_: int
    outcome: HookOutcome
    exit_code: Optional[int] = None
    signal: Optional[str] = None
    duration_s: float = 0.0
    reason: str = ""
    stdout: Stream = Stream()
    stderr: Stream = Stream()
    outputs: Dict[str, str] = field(default_factory=dict)
    left_running: Tuple[Leftover, ...] = ()
    cpu_s: float = 0.0
    max_rss_kb: int = 0
    retry: bool = False


@dataclass(frozen=True)
class HookPassedOver(Body):
    """A hook that was not started: skipped, refused, or an undo that stays outstanding."""

    phase: Phase
    attempt: int
    hook: str
    outcome: HookOutcome
    required: bool
    reason: str
    sha256: str = ""
    owner: int = 0
    mode: str = ""
    path: str = ""
    undo_of: str = ""


@dataclass(frozen=True)
class HookCutOff(Body):
    """The engine of this hook died; what was left of the hook has been ended."""

    phase: Phase
    attempt: int
    hook: str
    try_: int
    reason: str
    found: Tuple[Leftover, ...] = ()


@dataclass(frozen=True)
class Checked(Body):
    """Checks judged in `phase`, with the health that hooks were told."""

    phase: Phase
    checks: Tuple[Check, ...]
    health: Health = Health.UNKNOWN


@dataclass(frozen=True)
class PhaseEnded(Body):
    """`exit_code` is what the phase deserves, `process_exit` what the caller was given."""

    phase: Phase
    attempt: int
    outcome: PhaseOutcome
    exit_code: int
    process_exit: int
    reason: str = ""
    wall_s: float = 0.0
    cpu_s: float = 0.0
    max_rss_kb: int = 0


@dataclass(frozen=True)
class OperationClosed(Body):
    path: Path
    verdict: Verdict
    reason: str = ""


@dataclass(frozen=True)
class Published(Body):
    """The results line that tells of event `of` is in results.jsonl."""

    of: int


@dataclass(frozen=True)
class Noted(Body):
    """Something a person should see: `code` is stable, `message` is for reading."""

    code: str
    message: str


KINDS: Dict[str, Type[Body]] = {
    "operation-opened": OperationOpened,
    "observed": Observed,
    "phase-started": PhaseStarted,
    "snapshot-taken": SnapshotTaken,
    "undo-kept": UndoKept,
    "hook-started": HookStarted,
    "hook-spawned": HookSpawned,
    "hook-ended": HookEnded,
    "hook-passed-over": HookPassedOver,
    "hook-cut-off": HookCutOff,
    "checked": Checked,
    "phase-ended": PhaseEnded,
    "operation-closed": OperationClosed,
    "published": Published,
    "noted": Noted,
}
_NAMES = {kind: name for name, kind in KINDS.items()}


@dataclass(frozen=True)
class Event:
    """One journal line. `body` is None for an event this hookd does not know; `raw` has it all."""

    n: int
    at: str
    boot_id: str
    up_s: float
    event: str
    body: Optional[Body] = None
    raw: Any = None


def new_event(body: Body, *, n: int, at: str, boot_id: str, up_s: float) -> Event:
    return Event(n, at, boot_id, up_s, _NAMES[type(body)], body)


def to_line(event: Event) -> bytes:
    """Return the line of `event`, ASCII, with its newline."""
    head = {"n": event.n, "at": event.at, "boot_id": event.boot_id, "up_s": round(event.up_s, 3)}
    rest = event.raw if event.body is None else {"event": event.event, **items(event.body)}
    return to_json({**head, **rest}).encode("ascii") + b"\n"


def from_line(line: bytes) -> Event:
    """Return the event of one line. Raise CodecError when it is none."""
    try:
        value = json.loads(line.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise CodecError("", f"is not JSON: {error}") from None
    head = decode(_Head, value)
    kind = KINDS.get(head.event)
    if kind is None:
        return Event(head.n, head.at, head.boot_id, head.up_s, head.event, None, value)
    body = decode(kind, value)
    return Event(head.n, head.at, head.boot_id, head.up_s, head.event, body)


@dataclass(frozen=True)
class _Head:
    n: int
    at: str
    boot_id: str
    up_s: float
    event: str
