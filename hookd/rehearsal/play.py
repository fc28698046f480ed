"""One rehearsal: the ground, the stage and the agent for it, and the play."""

from __future__ import annotations

import os
import signal
from typing import Callable, Mapping

from hookd.aws import identity
from hookd.rehearsal.agent import Agent
from hookd.rehearsal.ground import Ground
from hookd.rehearsal.performance import Happening, Performance
from hookd.rehearsal.player import Player
from hookd.rehearsal.scenario import Scenario
from hookd.rehearsal.stage import Stage
from hookd.system.machine import open_machine
from hookd.system.process.reap import Reaper

_INSTANCE = "i-0123456789abcdef0"
_REGION = "us-east-1"
_UMASK = 0o022


def play(
    scenario: Scenario,
    ground: Ground,
    environment: Mapping[str, str],
    tell: Callable[[Happening], None],
) -> Performance:
    """Play `scenario` on `ground`; the node has the real instance id where there is one.

    Raises Stuck. While it is played, all children of this process are the rehearsal's.
    """
    known = identity.facts(open_machine(ground.seen_from, None, {}))
    instance, region = known.get("instance_id", _INSTANCE), known.get("region", _REGION)
    region = environment.get("AWS_REGION") or environment.get("AWS_DEFAULT_REGION") or region
    old = os.umask(_UMASK)
    term = signal.signal(signal.SIGTERM, signal.default_int_handler)  # to clear away, as Ctrl-C
    try:
        with Reaper() as reaper:
            stage = Stage(ground.root, reaper)
            return Player(scenario, stage, Agent(ground.root, instance, region), tell).play()
    finally:
        signal.signal(signal.SIGTERM, term)
        os.umask(old)
