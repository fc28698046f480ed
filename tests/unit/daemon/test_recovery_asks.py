"""How often the service asks systemd how far the boot has come."""

from __future__ import annotations

import pytest

from hookd.aws.agent import Agent, Watch
from hookd.core.due import Moment, Reached
from hookd.daemon.recovery import Recovery
from hookd.system.root import Root

BOOT = "11111111-1111-4111-8111-111111111111"
OFFLINE = Reached(("network-online.target",), None)
ONLINE = Reached((), 41.5)


class Machine:
    """A machine up for `up_s` seconds whose systemd answers in turn what it is told to."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.asked = 0

    def moment(self):
        return Moment(BOOT, 50.0)

    def moment_for_recovery(self):
        self.asked += 1
        return Moment(BOOT, 50.0, reached=self.answers.pop(0))


@pytest.fixture
def recovery(tmp_path):
    return Recovery(Watch(Agent(Root(str(tmp_path)), frozenset), BOOT))


def test_it_asks_until_the_boot_has_come_far_enough(recovery):
    machine = Machine(OFFLINE, OFFLINE, ONLINE)
    recovery.ask_again_at = 0.0
    found = []
    for _ in range(5):
        found.append(recovery.moment(machine).reached)
        recovery.ask_again_at = 0.0

    assert found == [OFFLINE, OFFLINE, ONLINE, ONLINE, ONLINE]
    assert machine.asked == 3


def test_a_systemd_that_was_slow_is_not_asked_again_at_once(recovery):
    machine = Machine(OFFLINE, ONLINE)
    recovery.moment(machine)  # the machine says 50 s, the clock much more: it took long
    again = recovery.moment(machine).reached

    assert (again, machine.asked) == (OFFLINE, 1)
    assert recovery.ask_again_at > 50.0
