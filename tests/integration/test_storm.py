"""SIGKILL to client, service and engine at random moments of ten hooks, again and again.

`make storm` plays 500 rounds instead of the few that the suite has time for. Every round follows
from its number and the seed; HOOKD_STORM_ONLY=17 plays that one alone.
"""

from __future__ import annotations

import contextlib
import os
import random
import signal
import socket
import time
from collections import Counter
from typing import NamedTuple

import pytest
from support import cgroups
from support.faults import living, wait_for
from support.kills import (
    RUN_ID,
    build,
    check_against_hooks,
    check_nothing_forgotten,
    events_of,
    in_lanes,
    name_of,
    names_in,
    recorded_ends,
    told,
)

from hookd.core.model import HookOutcome, Phase, PhaseOutcome
from hookd.core.undo import outstanding
from hookd.daemon import protocol
from hookd.system.process.cgroup import pids

ROUNDS = int(os.environ.get("HOOKD_STORM_ROUNDS", "40"))
SEED = os.environ.get("HOOKD_STORM_SEED", "hookd")
ONLY = os.environ.get("HOOKD_STORM_ONLY", "")
HOOKS = 10
SLEEP_S = 0.03
LANES = 4
CHUNK = 50
PHASES = ("pre", "post", "on-exit")
RUN = ("--operation-id", RUN_ID)
NAMES = [f"{number:02}-hook" for number in range(1, HOOKS + 1)]


class Round(NamedTuple):
    """Who is killed in which phase, after which part of its usual length, and what then serves."""

    number: int
    phase: str
    victims: tuple
    moment: float
    comes_back: bool


def planned(number):
    chance = random.Random(f"{SEED} {number}")
    victims = [who for who in ("client", "service", "engine") if chance.random() < 0.5]
    return Round(
        number,
        chance.choice(PHASES),
        tuple(victims) or ("service",),
        chance.random() * 1.1,
        chance.random() < 0.7,
    )


def chunks():
    numbers = [int(ONLY)] if ONLY else list(range(ROUNDS))
    return [numbers[at : at + CHUNK] for at in range(0, len(numbers), CHUNK)]


class Service:
    """The service as a fork of this process, which has it imported."""

    def __init__(self, root):
        self.root, self.pid = root, 0

    def start(self):
        log = os.open(self.root.path / "service.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        self.pid = self.root.fork("daemon", err=log)
        os.close(log)
        wait_for(self._listens, 30)

    def _listens(self):
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as one:
            one.connect(str(self.root.path / protocol.SOCKET[1:]))
            return True
        return False

    def end(self, number):
        """Kill or TERM it, and collect it."""
        if self.pid:
            os.kill(self.pid, number)
            os.waitpid(self.pid, 0)
            self.pid = 0


@pytest.fixture(scope="module")
def length_s(tmp_path_factory):
    """Return how many seconds a phase takes that nobody kills, from the client's start on."""
    root, _ = build(tmp_path_factory.mktemp("length") / "root", HOOKS, SLEEP_S, PHASES)
    service = Service(root)
    service.start()
    began = time.monotonic()
    assert root.hookd("run", "pre", *RUN).code == 0
    took = time.monotonic() - began
    service.end(signal.SIGTERM)
    return took


@pytest.mark.parametrize("numbers", chunks(), ids=lambda numbers: f"from-{numbers[0]}")
def test_whoever_is_killed_whenever_nothing_is_lost_or_run_twice(tmp_path, numbers, length_s):
    rounds = [planned(number) for number in numbers]
    found, wrong = in_lanes(
        tmp_path, rounds, LANES, lambda folder, one: in_cgroups(folder, one, length_s)
    )
    assert wrong == [], f"seed {SEED}"
    assert sorted(one["number"] for one in found) == numbers
    counts = Counter((one["ended"], *one["killed"]) for one in found)
    print(*(f"{n:4} {' '.join(what)}" for what, n in sorted(counts.items())), sep="\n")
    if os.geteuid() == 0:
        print("in cgroups:", sum(one["cgroups"] for one in found))


def in_cgroups(folder, one, length_s):
    """Play `one` in a cgroup like the service's, where this machine has any."""
    try:
        slice_ = next(_slices())
    except StopIteration:
        return {**play(folder, one, length_s), "cgroups": False}
    slice_.enter()
    try:
        found = play(folder, one, length_s)
        left = {str(path): pids(str(path)) for path in slice_.hooks()}
        assert not [path for path, inside in left.items() if inside], left
    finally:
        slice_.clean()
    return {**found, "cgroups": True}


def _slices():
    for version in cgroups.VERSIONS if os.geteuid() == 0 else ():
        with contextlib.suppress(pytest.skip.Exception):
            found = cgroups.Service(version)
            found.make()
            yield found


def play(folder, one, length_s):
    """Play one round to the end of its operation and return how the phase ended."""
    root, log = build(folder / "root", HOOKS, SLEEP_S, PHASES)
    service = Service(root)
    service.start()
    for earlier in PHASES[: PHASES.index(one.phase)]:
        assert root.hookd("run", earlier, *RUN).code == 0

    client = root.fork("run", one.phase, *RUN)
    time.sleep(one.moment * length_s)
    killed = kill(root, service, client, one.victims)
    recorded, at_kill = recorded_ends(events_of(root), one.phase), told(log)[1]
    if service.pid == 0 and one.comes_back:
        service.start()
    again = root.hookd("run", one.phase, *RUN)
    code = None if "client" in killed else os.WEXITSTATUS(os.waitpid(client, 0)[1])

    run = root.operation().last(Phase(one.phase))
    check_against_hooks(root, log)
    check_nothing_forgotten(run, recorded, at_kill)
    check_phase(run, killed, names_in(told(log)[0], one.phase))
    assert again.code == run.process_exit, again
    assert code in (None, run.process_exit)
    finish(root, log, one.phase)
    service.end(signal.SIGTERM)
    assert living(str(root.path)) == []
    return {"number": one.number, "killed": killed, "ended": f"{one.phase} {run.outcome}"}


def kill(root, service, client, victims):
    """SIGKILL those of `victims` that live; return who did."""
    found = {"client": client, "service": service.pid, "engine": engine_of(root)}
    killed = []
    for who in victims:
        if found[who]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(found[who], signal.SIGKILL)
                killed.append(who)
    if "client" in killed:
        os.waitpid(client, 0)
    if "service" in killed:
        os.waitpid(service.pid, 0)
        service.pid = 0
    return killed


def engine_of(root):
    who = root.executor()
    return who.pid if who and not who.process.is_gone else 0


def check_phase(run, killed, started):
    """Whatever was killed, all hooks have a fate; who only lost the service has noticed nothing."""
    cut = [name for name, hook in run.hooks.items() if hook.outcome is HookOutcome.INTERRUPTED]
    passed = [name for name, hook in run.hooks.items() if hook.outcome is HookOutcome.PASSED]
    own = [name for name in run.hooks if name in NAMES]
    assert sorted(own) == NAMES
    assert len(cut) <= 1
    if killed in ([], ["service"]):
        assert (run.outcome, cut, sorted(set(passed) & set(NAMES))) == (
            PhaseOutcome.PASSED,
            [],
            NAMES,
        )
    if run.phase is not Phase.PRE:  # in pre the caller's death ends it, or a hook that was cut off
        assert set(own) - set(cut) <= set(passed)
    if not cut and run.outcome is PhaseOutcome.PASSED:
        assert [name for name in started if name in NAMES] == NAMES


def finish(root, log, phase):
    """Play the phases that are left; the undo is done iff its hook was started, and it closes."""
    for later in PHASES[PHASES.index(phase) + 1 :]:
        root.hookd("run", later, *RUN)
    operation = root.operation()
    started, ended = told(log)
    check_against_hooks(root, log)
    assert not operation.is_open
    assert outstanding(operation) == ()
    owed = operation.last(Phase.PRE).hooks["05-hook"].was_started
    assert ("70-undo" in names_in(ended, "on-exit")) == owed
    undos = [token for token in started if name_of(token) == "70-undo"]
    assert len(undos) == len(set(undos)) >= int(owed)
    told_of = {(line["event"], line.get("phase")) for line in root.lines()}
    whole = {(event, None) for event in ("operation-opened", "operation-closed")}
    parts = {(event, one) for event in ("phase-started", "phase-ended") for one in PHASES}
    assert told_of == whole | parts
    assert root.operations() == [operation.id]
    assert os.listdir(root.state / "open") == []
