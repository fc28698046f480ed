"""The signals that ask a phase to end: remembered, so that it ends its hook and says so."""

from __future__ import annotations

import signal
from types import FrameType
from typing import Callable, Sequence, Union

from hookd.system import clock
from hookd.system.caller import Caller

# The service says so to engines; SIGTERM is what `hookd cancel`, SSM and people send. init is told
# of a failing power by SIGPWR (signal(7)), nobody else has a use for it.
SHUTDOWN = signal.SIGPWR
_ASKING = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, SHUTDOWN)
_ALWAYS = (signal.SIGTERM, SHUTDOWN)

_Handler = Union[Callable[[int, "FrameType | None"], object], int, None]


class CallerWatch:
    """Looks, once a second unless `at_once`, whether one of the processes that called is gone."""

    def __init__(self, callers: Sequence[Caller] = (), *, cancels: bool = False) -> None:
        self._callers = callers
        self._next = 0.0
        self.cancels = cancels
        self.is_lost = False

    def look(self, *, at_once: bool = False) -> bool:
        """Return whether the caller is gone; it never comes back."""
        now = clock.up_s()
        if self._callers and not self.is_lost and (at_once or now >= self._next):
            self._next = now + 1.0
            self.is_lost = any(caller.is_gone for caller in self._callers)
        return self.is_lost


class Signals:
    """While entered, the signals that ask only set `reason`; hooks get the defaults.

    SIGINT and SIGHUP stay ignored where the caller had them ignored; SIGTERM and SHUTDOWN always
    ask.
    A caller that is gone is a reason, too, where its loss cancels the phase.
    """

    def __init__(self, watch: CallerWatch | None = None) -> None:
        self.watch = watch or CallerWatch()
        self._asked_by = ""
        self._old: dict[signal.Signals, _Handler] = {}

    @property
    def reason(self) -> str:
        """Why the phase is to end now, or ""."""
        if not self._asked_by and self.watch.look() and self.watch.cancels:
            self._asked_by = "its caller is gone"
        return self._asked_by

    def __enter__(self) -> Signals:
        for number in _ASKING:
            if number not in _ALWAYS and signal.getsignal(number) == signal.SIG_IGN:
                continue  # started by nohup(1), or in the background of a shell
            self._old[number] = signal.signal(number, self._asked)
        return self

    def __exit__(self, *_error: object) -> None:
        for number, handler in self._old.items():
            if handler is not None:
                signal.signal(number, handler)

    def _asked(self, number: int, _frame: FrameType | None) -> None:
        name = signal.Signals(number).name
        why = "shutdown" if number == SHUTDOWN else f"cancelled by {name}"
        self._asked_by = self._asked_by or why
