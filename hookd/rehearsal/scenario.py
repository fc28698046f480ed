"""What a scenario is made of: values only; the player knows how to make them happen."""

from __future__ import annotations

from dataclasses import dataclass

from hookd.core.model import Name, Path, Phase, Verdict
from hookd.rehearsal.documents import NOOP, ON_EXIT_SLOT, POST_SLOT, PRE_SLOT
from hookd.rehearsal.rules import Status

EXTRA = "zz-rehearsal"
"""The hook that a rehearsal adds to a phase, behind all others."""

SLOTS = {PRE_SLOT: Phase.PRE, POST_SLOT: Phase.POST, ON_EXIT_SLOT: Phase.ON_EXIT}


class Event(Name):
    """What happens while a hook of the rehearsal waits for it, or before a step begins."""

    NOTHING = "nothing"
    TIME_IS_UP = "time-is-up"
    CRASH = "crash"
    WORKER_KILLED = "worker-killed"
    AGENT_KILLED = "agent-killed"
    CANCEL = "cancel"
    SECOND_RUN = "second-run"


@dataclass(frozen=True)
class Extra:
    """The hook that is added to `phase`: it waits for the event, or ends with `exit_code`.

    `timeout` is the time that it says it may take.
    """

    phase: Phase
    exit_code: int = 0
    waits: bool = False
    timeout: str = "1h"


@dataclass(frozen=True)
class Expected:
    """How it ends when every hook does its work; "" where the run never reaches hookd."""

    status: Status
    path: str
    verdict: str
    path_so_far: str = ""


@dataclass(frozen=True)
class Scenario:
    """One course of a patch run.

    `slots` are the phases that have a document of hookd's, the others have AWS-Noop; `lost` is a
    document that SSM cannot find. `then` is shell text that a document has behind hookd's own, in
    which `$code` is how that ended. `has_past`: an earlier run of the machine has ended, so that
    its last state is known. `fails`: what goes wrong in which step of the wrapper. `is_sick`: in
    the end the machine is not healthy, and what waits for that stays outstanding.
    """

    name: str
    title: str
    teaches: str
    expected: Expected
    operation: str = "Install"
    reboot_option: str = "RebootIfNeeded"
    slots: tuple[Phase, ...] = tuple(Phase)
    lost: str = ""
    then: tuple[tuple[Phase, str], ...] = ()
    is_association: bool = False
    has_past: bool = False
    missing: bool = True
    pending: bool = False
    fails: tuple[tuple[str, str], ...] = ()
    extra: tuple[Extra, ...] = ()
    event: Event = Event.NOTHING
    boots_old_kernel: bool = False
    is_sick: bool = False
    reboots_later: bool = False
    recovers: bool = False

    def parameters(self) -> dict[str, str]:
        """Return the parameters of the wrapper."""
        names = {phase: f"hookd-{phase}" if phase in self.slots else NOOP for phase in Phase}
        return {
            "Operation": self.operation,
            "RebootOption": self.reboot_option,
            "PreInstallHookDocName": names[Phase.PRE],
            "PostInstallHookDocName": names[Phase.POST],
            "OnExitHookDocName": names[Phase.ON_EXIT],
        }

    @property
    def may_fail(self) -> tuple[str, ...]:
        """The hooks that fail because the scenario makes them."""
        return tuple(f"{one.phase}/{EXTRA}" for one in self.extra if one.exit_code or one.waits)

    @property
    def tolerated(self) -> tuple[str, ...]:
        """The outcomes that hooks may have because of what the scenario does to the machine."""
        return ("outstanding",) if self.is_sick else ()


def ends(status: Status, path: Path, verdict: Verdict, so_far: str = "") -> Expected:
    return Expected(status, path.value, verdict.value, so_far)


NOTHING_RECORDED = Expected(Status.SUCCESS, "", "")
