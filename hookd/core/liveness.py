"""Whether a run still lives, from what looks at its agent found: never dead by one look alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional, Tuple

from hookd.core.model import Liveness, Name
from hookd.core.operation import Operation

SECOND_LOOK_S = 60.0
"""How long a run must have been gone before it is called dead, in seconds."""

BOOTED = "booted"
"""The subject under which the first look of a boot notes the run as it was then."""


class Sight(Name):
    """`gone`: the agent's files and processes could be read and have nothing of the run."""

    ALIVE = "alive"
    GONE = "gone"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Look:
    """One look at a run. `run_count`: how often the agent took it up again, None when not known."""

    sight: Sight
    reason: str = ""
    has_worker: bool = False
    run_count: Optional[int] = None


@dataclass(frozen=True)
class Seen:
    """What looks at a run told besides whether it lives.

    `resumed`: the agent has it in hand in this boot. `second_look_in_s`: it was gone at one look;
    a second one in so many seconds may find it dead.
    """

    resumed: bool = True
    second_look_in_s: Optional[float] = None
    reason: str = ""


UNSEEN = Seen()


def weigh(look: Look, gone_for_s: float) -> Tuple[Liveness, Optional[float]]:
    """Return the liveness, and in how many seconds a second look may call the run dead.

    `gone_for_s` is for how long every look found the run gone, this one included.
    """
    if look.sight is Sight.ALIVE:
        return Liveness.ALIVE, None
    if look.sight is Sight.UNKNOWN:
        return Liveness.UNKNOWN, None
    if gone_for_s >= SECOND_LOOK_S:
        return Liveness.DEAD, None
    return Liveness.UNKNOWN, SECOND_LOOK_S - gone_for_s


def is_resumed(operation: Operation, look: Look, boot_id: str) -> bool:
    """Whether the agent has the run in hand in boot `boot_id`, and not only its file on disk.

    After a boot the agent raises RunCount of what it resumes (amazon-ssm-agent,
    agent/framework/processor/processor.go) and starts a worker for it. A file without a worker,
    whose count is not above the one read at boot, only tells what was before the boot.
    """
    if look.has_worker:
        return True
    noted = operation.observed.get(BOOTED)
    if not isinstance(noted, dict) or noted.get("boot_id") != boot_id:
        return False
    before = noted.get("run_count")
    if look.run_count is None or not isinstance(before, int):
        return False
    return look.run_count > before
