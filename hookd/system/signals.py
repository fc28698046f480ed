"""The signals that ask a phase to end: remembered, so that it ends its hook and says so."""

from __future__ import annotations

import signal
from types import FrameType
from typing import Callable, Union

_ASKING = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)

_Handler = Union[Callable[[int, "FrameType | None"], object], int, None]


class Signals:
    """While entered, SIGTERM, SIGINT and SIGHUP only set `reason`; hooks get the defaults.

    SIGINT and SIGHUP stay ignored where the caller had them ignored; SIGTERM always asks.
    """

    def __init__(self) -> None:
        self.reason = ""
        self._old: dict[signal.Signals, _Handler] = {}

    def __enter__(self) -> Signals:
        for number in _ASKING:
            if number != signal.SIGTERM and signal.getsignal(number) == signal.SIG_IGN:
                continue  # started by nohup(1), or in the background of a shell
            self._old[number] = signal.signal(number, self._asked)
        return self

    def __exit__(self, *_error: object) -> None:
        for number, handler in self._old.items():
            if handler is not None:
                signal.signal(number, handler)

    def _asked(self, number: int, _frame: FrameType | None) -> None:
        self.reason = self.reason or f"cancelled by {signal.Signals(number).name}"
