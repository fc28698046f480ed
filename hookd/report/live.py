"""Live progress of a run in a terminal: one line a hook, the running ones with their time."""

from __future__ import annotations

import contextlib
import time
from typing import Any, Iterator

from hookd.core.journal import Event, HookCutOff, HookEnded, HookPassedOver, HookSpawned, PhaseEnded
from hookd.core.operation import Operation
from hookd.core.secret import mask
from hookd.report.observer import Observer

_MARKS = {"passed": "ok", "skipped": "--", "failed": "FAIL", "timed-out": "TIME"}


class Lines(Observer):
    """Prints a plain line for whatever happened; `-v` shows what hooks write, too."""

    def __init__(self, stream: Any, *, verbose: bool, masks: bool = True) -> None:
        self._stream = stream
        self._verbose = verbose
        self._masks = masks

    def waiting(self, message: str) -> None:
        self._say(message)

    def looking(self, name: str) -> None:
        self._say(f"looking at the machine ({name})")

    def output(self, hook: str, stream: str, data: bytes) -> None:
        if self._verbose:
            text = data.decode("utf-8", "backslashreplace")
            for line in self._told(text).splitlines():  # at once: a key has many lines
                self._say(f"{hook} {stream}: {_printable(line)}")

    def event(self, event: Event, _operation: Operation) -> None:
        body = event.body
        if isinstance(body, HookSpawned):
            self.started(body)
        elif isinstance(body, (HookEnded, HookPassedOver, HookCutOff)):
            self.ended(body)
        elif isinstance(body, PhaseEnded):
            self._say(f"{body.phase} {body.outcome}: {self._told(body.reason)}")

    def started(self, body: HookSpawned) -> None:
        again = f" (try {body.try_})" if body.try_ > 1 else ""
        self._say(f"running {body.phase}/{body.hook}{again}")

    def ended(self, body: HookEnded | HookPassedOver | HookCutOff) -> None:
        outcome = "interrupted" if isinstance(body, HookCutOff) else body.outcome.value
        mark = _MARKS.get(outcome, outcome.upper())
        took = f" {body.duration_s:.1f} s" if isinstance(body, HookEnded) else ""
        reason = self._told(body.reason)
        self._say(f"{mark:>4}  {body.phase}/{body.hook}{took} {reason}".rstrip())

    def _told(self, text: str) -> str:
        return mask(text) if self._masks else text

    def _say(self, line: str) -> None:
        with contextlib.suppress(OSError, ValueError):
            print(_printable(line), file=self._stream, flush=True)


class Rich(Lines):
    """The same lines above a status line that moves (needs the `terminal` extra)."""

    def __init__(self, stream: Any, console: Any, *, verbose: bool, masks: bool = True) -> None:
        super().__init__(stream, verbose=verbose, masks=masks)
        self._console = console
        self._status = console.status("starting")
        self._running: dict[str, float] = {}

    def __enter__(self) -> Rich:
        self._status.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._status.stop()

    def started(self, body: HookSpawned) -> None:
        self._running[body.hook] = time.monotonic()
        self._update()

    def ended(self, body: HookEnded | HookPassedOver | HookCutOff) -> None:
        self._running.pop(body.hook, None)
        super().ended(body)
        self._update()

    def looking(self, name: str) -> None:
        self._status.update(f"looking at the machine ({name})")

    def _update(self) -> None:
        self._status.update("running " + ", ".join(self._running) if self._running else "...")

    def _say(self, line: str) -> None:
        with contextlib.suppress(OSError, ValueError):
            self._console.print(_printable(line), markup=False, highlight=False)


@contextlib.contextmanager
def live_observer(stream: Any, *, verbose: bool, masks: bool = True) -> Iterator[Observer]:
    """Give an observer that shows progress if `stream` is a terminal (or with -v), else none."""
    if not stream.isatty():
        yield Lines(stream, verbose=True, masks=masks) if verbose else Observer()
        return
    try:
        from rich.console import Console  # noqa: PLC0415 - an optional extra
    except ImportError:
        yield Lines(stream, verbose=verbose, masks=masks)
        return
    with Rich(stream, Console(file=stream), verbose=verbose, masks=masks) as observer:
        yield observer


def _printable(line: str) -> str:
    return "".join(char if char.isprintable() else "?" for char in line)
