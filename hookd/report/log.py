"""hookd's own log: JSON lines, or lines for people on a terminal; every one names its operation.

What hooks print stays in their output files; the log tells only how much it was, and a reason
without what looks like a secret. Settings and environments are never told.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import sys
from typing import Any

from hookd.core.journal import (
    Body,
    Event,
    HookCutOff,
    HookEnded,
    HookPassedOver,
    HookSpawned,
    Noted,
    OperationClosed,
    OperationOpened,
    PhaseEnded,
    PhaseStarted,
)
from hookd.core.model import HookOutcome, PhaseOutcome, Verdict
from hookd.core.operation import Operation
from hookd.core.secret import mask
from hookd.report.observer import Observer


def _structlog() -> Any:
    """Import structlog without ssl, which asyncio would load for it: 1.4 MB that no log needs.

    asyncio does without it (asyncio/sslproto.py), and who imports it later has it.
    """
    if "ssl" in sys.modules:
        return importlib.import_module("structlog")
    sys.modules["ssl"] = None  # type: ignore[assignment]
    try:
        return importlib.import_module("structlog")
    finally:
        del sys.modules["ssl"]


structlog = _structlog()

Logger = Any
"""A bound logger of structlog: `log.info("event", key=value)`."""

_DEBUG, _INFO = 10, 20
_PRIORITIES = {"debug": 7, "info": 6, "warning": 4, "error": 3, "critical": 2}
_FINE = (HookOutcome.PASSED, HookOutcome.SKIPPED, PhaseOutcome.PASSED, Verdict.PASSED)

_TOLD: dict[type[Body], tuple[str, ...]] = {
    OperationOpened: ("run_id", "caller", "version", "config_sha256"),
    PhaseStarted: ("phase", "attempt", "caller", "deadline_s", "deadline_by", "resumed"),
    HookSpawned: ("phase", "attempt", "hook", "try_", "pid"),
    HookEnded: (
        *("phase", "attempt", "hook", "try_", "outcome", "exit_code", "signal", "duration_s"),
        *("reason", "retry"),
    ),
    HookPassedOver: ("phase", "attempt", "hook", "outcome", "reason"),
    HookCutOff: ("phase", "attempt", "hook", "try_", "reason"),
    PhaseEnded: ("phase", "attempt", "outcome", "exit_code", "process_exit", "reason", "wall_s"),
    OperationClosed: ("path", "verdict", "reason"),
    Noted: ("code", "message"),
}


def start(stream: Any, *, is_journal: bool = False, verbose: bool = False) -> Logger:
    """Write the log of this process to `stream` from now on and return its logger.

    On a terminal lines are for people, else JSON; where systemd's journal reads (`is_journal`) each
    begins with its priority (sd-daemon(3)). `verbose` tells debug, too.
    """
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            *(_for_people() if stream.isatty() else _for_programs(is_journal=is_journal)),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(_DEBUG if verbose else _INFO),
        logger_factory=lambda *_: _Sink(stream),
        cache_logger_on_first_use=False,
    )
    return structlog.get_logger()


def _for_people() -> list[Any]:
    return [structlog.processors.TimeStamper(fmt="iso", utc=True), structlog.dev.ConsoleRenderer()]


def _for_programs(*, is_journal: bool) -> list[Any]:
    return [
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="ts"),
        structlog.processors.format_exc_info,
        _to_journal if is_journal else _to_json,
    ]


def _to_json(_logger: Logger, _method: str, fields: dict[str, Any]) -> str:
    first = {name: fields.pop(name) for name in ("ts", "level", "event")}
    return json.dumps({**first, **fields}, separators=(",", ":"), default=str)


def _to_journal(logger: Logger, method: str, fields: dict[str, Any]) -> str:
    priority = _PRIORITIES.get(fields["level"], 6)
    return f"<{priority}>{_to_json(logger, method, fields)}"


class _Sink:
    """Writes a line at once; a log that cannot be written costs no hook anything."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def msg(self, line: str) -> None:
        with contextlib.suppress(OSError, ValueError):
            self._stream.write(line + "\n")
            self._stream.flush()

    debug = info = warning = error = critical = exception = msg


class Logging(Observer):
    """Tells what an engine records, and tells `then` (another observer) all the same.

    Every line from the first event on names the operation that it belongs to.
    """

    def __init__(self, log: Logger, then: Observer) -> None:
        self._log = log
        self._then = then

    def waiting(self, message: str) -> None:
        self._log.info("waiting", reason=message)
        self._then.waiting(message)

    def event(self, event: Event, operation: Operation) -> None:
        self._log = self._log.bind(operation=operation.id)
        if event.body is not None:
            tell = getattr(self._log, _level(event.body))
            tell(event.event, n=event.n, **_fields(event.body))
        self._then.event(event, operation)

    def looking(self, name: str) -> None:
        self._log.debug("looking", snapshot=name)
        self._then.looking(name)

    def output(self, hook: str, stream: str, data: bytes) -> None:
        self._log.debug("output", hook=hook, stream=stream, bytes=len(data))
        self._then.output(hook, stream, data)


def _level(body: Body) -> str:
    if isinstance(body, (HookCutOff, Noted)):
        return "warning"
    if type(body) not in _TOLD:
        return "debug"
    ended = getattr(body, "outcome", None) or getattr(body, "verdict", None)
    return "info" if ended is None or ended in _FINE else "warning"


def _fields(body: Body) -> dict[str, Any]:
    found = ((name, getattr(body, name)) for name in _TOLD.get(type(body), ()))
    return {name.rstrip("_"): _plain(getattr(value, "value", value)) for name, value in found}


def _plain(value: Any) -> Any:
    """A reason may hold the last line that a hook wrote."""
    return mask(value) if isinstance(value, str) else value
