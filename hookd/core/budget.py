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


def budget(
    began: float, *, asked_s: float | None, configured_s: float, step_s: float | None = None
) -> Budget:
    """Return the budget of a phase: the least of what caller, step and configuration allow.

    `step_s` is what hookd may take of the calling step's timeoutSeconds, None outside SSM.
    """
    rules = [(configured_s, "[run] deadline")]
    if step_s is not None:
        rules.insert(0, (step_s, "timeoutSeconds of the step"))
    if asked_s is not None:
        rules.append((asked_s, "--deadline"))
    length_s, ruled_by = min(rules, key=lambda rule: rule[0])
    return Budget(began, began + length_s, ruled_by)
