"""How much time a phase, its hooks and its undos have; all moments are CLOCK_BOOTTIME seconds."""

from __future__ import annotations

from dataclasses import dataclass

DEADLINE_REACHED = "the deadline was reached"
RESERVE_S = 60.0


@dataclass(frozen=True)
class Budget:
    """A phase that began at `began` must be answered at `ends_at`; `ruled_by` says whose rule.

    The reserve writes the result: 60 s, or a tenth of a phase shorter than ten minutes. `undos_s`
    is kept for owed undos: the sum of their timeouts, at most half of what the phase has.
    """

    began: float
    ends_at: float
    ruled_by: str = ""
    undos_s: float = 0.0

    @property
    def length_s(self) -> float:
        return max(0.0, self.ends_at - self.began)

    @property
    def undos_until(self) -> float:
        return self.ends_at - min(RESERVE_S, self.length_s / 10)

    @property
    def hooks_until(self) -> float:
        return self.undos_until - min(self.undos_s, self.length_s / 2)


def budget(began: float, *, asked_s: float | None, configured_s: float) -> Budget:
    """Return the budget of a phase: the least of what the caller and the configuration allow."""
    if asked_s is not None and asked_s < configured_s:
        return Budget(began, began + asked_s, "--deadline")
    return Budget(began, began + configured_s, "[run] deadline")
