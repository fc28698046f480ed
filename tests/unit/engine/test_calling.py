"""A call as it comes in, before anything is done for it."""

from __future__ import annotations

import os

import pytest

from hookd.core.called import Called, Facts
from hookd.core.model import CallerKind, Phase
from hookd.core.slot import Slot
from hookd.engine.calling import Request, understood
from hookd.errors import Exit, HookdError
from hookd.system.caller import Caller
from hookd.system.machine import open_machine

COMMAND = "0f1e2d3c-4b5a-4697-8877-665544332211"
OPERATION = "20261105T041807Z-7f3a"


def test_a_caller_that_is_gone_already_gets_nothing_done(tmp_path):
    gone = Caller(os.getpid(), 0.0)  # its pid is another's by now
    request = Request(Phase.PRE, 7.0, pid=os.getpid(), caller_processes=(gone,))
    with pytest.raises(HookdError) as raised:
        understood(open_machine(str(tmp_path), None, {}), request)
    assert (raised.value.message, raised.value.code) == (
        "the caller is gone, nothing was done",
        Exit.INTERRUPTED,
    )


def test_a_caller_that_cannot_be_seen_is_a_person(tmp_path):
    request = understood(open_machine(str(tmp_path), None, {}), Request(Phase.PRE, 7.0))
    assert request == Request(Phase.PRE, 7.0)
    assert (request.caller, request.step_s) == (CallerKind.PERSON, None)


CALLED = Called(CallerKind.SSM_COMMAND, COMMAND, Slot.ON_EXIT)


@pytest.mark.parametrize(
    ("identity", "operation_id", "run_id"),
    [("", "", COMMAND), ("run-a", "", "run-a"), (OPERATION, OPERATION, "")],
)
def test_an_id_beats_the_run_that_calls(identity, operation_id, run_id):
    call = Request(Phase.ON_EXIT, 7.0, identity, called=CALLED).call
    assert (call.operation_id, call.run_id, call.slot) == (operation_id, run_id, Slot.ON_EXIT)


def test_the_step_leaves_what_its_limit_does():
    request = Request(Phase.PRE, 7.0, called=CALLED, facts=Facts({"timeout_s": 600}))
    assert request.step_s == 570.0
