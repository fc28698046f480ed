"""What came of a scenario that was played, and in what it differs from what was to come."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Iterator

from hookd.rehearsal.files import Run
from hookd.rehearsal.rules import Status, StepResult
from hookd.rehearsal.scenario import Scenario
from hookd.report.document import Document

BAD = ("failed", "timed-out", "refused", "interrupted", "outstanding")


@dataclass(frozen=True)
class Happening:
    """One thing that happened: a step of a run that ended, or, without one, `text`."""

    text: str = ""
    run: str = ""
    step: str = ""
    result: StepResult | None = None


@dataclass
class Performance:
    """`statuses` are those of the runs as SSM has them, `results` of all operations, oldest first.

    `main` is the run that the scenario is about.
    """

    scenario: Scenario
    root: str
    main: Run
    happenings: list[Happening] = field(default_factory=list)
    statuses: dict[str, Status] = field(default_factory=dict)
    results: list[Document] = field(default_factory=list)

    @property
    def result(self) -> Document | None:
        """The document of the main run's operation, None when hookd never heard of it."""
        found = [one for one in self.results if one["operation"]["run_id"] == self.main.id]
        return found[-1] if found else None

    def found(self) -> dict[str, str]:
        """Return what the scenario foretells, as it came."""
        operation = self.result["operation"] if self.result else {}
        return {
            "status": self.statuses[self.main.id].value,
            **{name: operation.get(name, "") for name in ("path", "verdict", "path_so_far")},
        }

    def expected(self) -> dict[str, str]:
        foretold = self.scenario.expected
        return {
            "status": foretold.status.value,
            "path": foretold.path,
            "verdict": foretold.verdict,
            "path_so_far": foretold.path_so_far,
        }

    def problems(self) -> list[str]:
        """Return what is not as foretold, and which hooks failed that nobody made fail."""
        found, expected = self.found(), self.expected()
        names = (name for name in expected if found[name] != expected[name])
        differing = [f"{name} is {found[name]!r}, not {expected[name]!r}" for name in names]
        return [*differing, *self._failures()]

    def _failures(self) -> Iterator[str]:
        allowed = self.scenario.may_fail
        for phase in self.result["phases"] if self.result else ():
            for hook in phase["hooks"]:
                name = f"{phase['phase']}/{hook['name']}"
                is_bad = hook["outcome"] in BAD and hook["outcome"] not in self.scenario.tolerated
                if is_bad and name not in allowed:
                    yield f"hook {name} {hook['outcome']}: {hook['reason']}"
