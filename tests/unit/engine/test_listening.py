"""on-exit's looks wait for services that were started just now and do not listen yet."""

from __future__ import annotations

import time
from types import SimpleNamespace

import pytest
from support.journals import folded, opened, started
from support.looks import listener, look, unit

from hookd.core.ignore import Ignore
from hookd.core.journal import SnapshotTaken
from hookd.core.model import Phase
from hookd.engine import listening
from hookd.system import clock

APP = listener("tcp *:80")
BEFORE = look("before", sockets=[APP])


def deaf():
    """Return a look at which the service runs for a second and does not listen."""
    since = int((time.monotonic() - 1) * 1e6)
    return look("arrived", sockets=[], units=[unit("app.service", started_us=since)])


HEARD = look("arrived", sockets=[APP], units=[unit("app.service")])


class Bench:
    """What of an engine a look needs. Each look is the next of `seen`, the last again and again."""

    def __init__(self, *seen, phase=Phase.ON_EXIT, left_s=600.0, settle_s=120.0, reason=""):
        self.operation = folded(
            opened(), started("pre"), SnapshotTaken("before", "b"), started("on-exit")
        )
        self.record = SimpleNamespace(snapshots=lambda: {"before": BEFORE})
        self.phase = phase
        self.budget = SimpleNamespace(hooks_until=clock.up_s() + left_s)
        verify = SimpleNamespace(settle_s=settle_s, ignore=Ignore())
        config = SimpleNamespace(config=SimpleNamespace(verify=verify))
        self.told = []
        self.shop = SimpleNamespace(
            machine=SimpleNamespace(loaded=config),
            observer=SimpleNamespace(waiting=self.told.append),
            signals=SimpleNamespace(reason=reason),
        )
        self._seen = list(seen)
        self.looks = 0

    def once(self):
        self.looks += 1
        return self._seen.pop(0) if len(self._seen) > 1 else self._seen[0]


def test_who_listens_again_at_the_next_look_is_well():
    bench = Bench(deaf(), HEARD)
    assert listening.look(bench, bench.once) is HEARD
    assert bench.looks == 2
    assert bench.told == ["waiting until they listen: tcp *:80 of app.service"]


@pytest.mark.parametrize(
    "bench",
    [
        Bench(HEARD),
        Bench(deaf(), phase=Phase.PRE),
        Bench(deaf(), phase=Phase.POST),
        Bench(deaf(), settle_s=0.0),
        Bench(look("arrived", sockets=[], units=[unit("app.service", started_us=1)]), settle_s=0.1),
    ],
)
def test_nothing_is_waited_for_without_reason(bench):
    listening.look(bench, bench.once)
    assert (bench.looks, bench.told) == (1, [])


@pytest.mark.parametrize("short", [{"left_s": 0.0}, {"left_s": -5.0}, {"reason": "cancelled"}])
def test_it_is_bounded_and_ends_when_the_phase_is_asked_to(short):
    bench = Bench(deaf(), **short)
    listening.look(bench, bench.once)
    assert bench.looks == 1
