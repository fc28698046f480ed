"""What every verb gets: the global options, the machine they name, and how it prints."""

from __future__ import annotations

import contextlib
import json
import os
import sys
from dataclasses import dataclass
from typing import Any, Iterator

from hookd.errors import Exit, HookdError
from hookd.report.live import live_observer
from hookd.report.observer import Observer
from hookd.system import streams
from hookd.system.machine import Machine, open_machine


@dataclass(frozen=True)
class Context:
    """The global options. `began` is when the process began (CLOCK_BOOTTIME seconds)."""

    root: str
    config: str | None
    as_json: bool
    verbose: int
    began: float

    def machine(self) -> Machine:
        """Return the machine below the root. Raises HookdError when there is no such directory."""
        if not os.path.isdir(self.root):
            raise HookdError(f"--root {self.root} is no directory", code=Exit.USAGE)
        return open_machine(self.root, self.config, os.environ)

    @contextlib.contextmanager
    def observing(self, machine: Machine) -> Iterator[Observer]:
        """Give what shows people the progress of an engine, and logs it where the journal reads.

        Elsewhere nothing is logged: SSM keeps the head of standard error, for the verdict.
        """
        masks = machine.loaded.config.report.mask
        with live_observer(sys.stderr, verbose=self.verbose > 0, masks=masks) as shown:
            if not streams.is_journal(sys.stderr):
                yield shown
                return
            from hookd.report import log  # noqa: PLC0415 - most calls log nothing

            yield log.Logging(log.start(sys.stderr, is_journal=True), shown)


def print_json(value: Any) -> None:
    print(json.dumps(value, indent=1))


def say(text: str) -> None:
    """Print for people; names from hooks may hold what the terminal's encoding does not."""
    encoding = sys.stdout.encoding or "ascii"
    print(text.encode(encoding, "backslashreplace").decode(encoding))
