"""The process that called us, by pid and start time, so that its end is seen and no other's."""

from __future__ import annotations

from dataclasses import dataclass

from hookd.system.process.table import read_process


@dataclass(frozen=True)
class Caller:
    pid: int
    process_started_at: float

    @property
    def is_gone(self) -> bool:
        process = read_process(self.pid)
        return process is None or process.started != self.process_started_at or process.is_dead
