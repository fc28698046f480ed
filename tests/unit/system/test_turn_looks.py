"""A pre in whose way a run stands that was gone at one look waits for the second, if it can."""

from __future__ import annotations

import pytest
from support.journals import BOOT_1, opened, started

from hookd.core.belong import Call
from hookd.core.due import Moment, Patience
from hookd.core.liveness import Seen
from hookd.core.model import Liveness, Phase
from hookd.errors import Exit, HookdError
from hookd.system import clock
from hookd.system.record import Record
from hookd.system.root import Root
from hookd.system.state import State
from hookd.system.turn import Waiting, take

GONE_ONCE = (Liveness.UNKNOWN, Seen(second_look_in_s=0.05))
DEAD = (Liveness.DEAD, Seen())
ALIVE = (Liveness.ALIVE, Seen())


@pytest.fixture
def state(tmp_path):
    """A state with one open operation, of run-a."""
    found = State(Root(str(tmp_path)))
    found.prepare()
    name, number = found.new_id()
    found.make_operation(name)
    record = Record(found, name, BOOT_1)
    record.open()
    record.add(opened(id=name, number=number, run_id="run-a"), started("pre"))
    record.close()
    return found


class Caller:
    """A call of run-b that looks at run-a and gets these answers one after the other."""

    def __init__(self, state, *answers, phase=Phase.PRE, deadline_s=20.0, stop=""):
        self.state, self.answers, self.told = state, list(answers), []
        self.call = Call(phase, run_id="run-b")
        self.waiting = Waiting(clock.up_s() + deadline_s, self.told.append, lambda: stop)

    def take(self):
        return take(
            self.state,
            self.call,
            Moment(BOOT_1, clock.up_s()),
            Patience(),
            lambda name, number: opened(id=name, number=number, run_id="run-b"),
            self.waiting,
            see=lambda _operation: self.answers.pop(0),
        )


def test_the_second_look_finds_it_dead_and_it_is_ended_first(state):
    call = Caller(state, GONE_ONCE, DEAD)
    turn = call.take()
    turn.give_back()

    assert (turn.end_first, turn.reason) == (True, "its run is dead")
    assert len(call.told) == 1
    assert call.told[0].startswith("looking again whether it is dead: ")


def test_the_second_look_finds_it_again(state):
    with pytest.raises(HookdError, match="its run is alive") as raised:
        Caller(state, GONE_ONCE, ALIVE).take()
    assert raised.value.code is Exit.BUSY


def test_without_the_time_for_it_the_call_is_refused_at_once(state):
    with pytest.raises(HookdError, match="its run was gone at one look") as raised:
        Caller(state, GONE_ONCE, deadline_s=0.01).take()
    assert raised.value.code is Exit.BUSY


def test_a_cancelled_call_waits_no_longer(state):
    with pytest.raises(HookdError, match="cancelled by SIGTERM") as raised:
        Caller(state, GONE_ONCE, stop="cancelled by SIGTERM").take()
    assert raised.value.code is Exit.INTERRUPTED


@pytest.mark.parametrize("phase", [Phase.POST, Phase.ON_EXIT])
def test_post_and_on_exit_stand_aside_at_once(state, phase):
    turn = Caller(state, GONE_ONCE, phase=phase).take()
    turn.give_back()
    assert turn.record.operation.opened.run_id == "run-b"


def test_a_person_who_does_not_begin_anything_is_refused_at_once(state):
    call = Caller(state, GONE_ONCE, DEAD)
    call.call = Call(Phase.ON_EXIT)
    with pytest.raises(HookdError, match="its run was gone at one look") as raised:
        call.take()
    assert (raised.value.code, call.told) == (Exit.BUSY, [])
