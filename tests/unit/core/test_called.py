"""What is known of a run over its calls: the newest look, and what had been seen before."""

from __future__ import annotations

import pytest

from hookd.core.called import Facts, count, folder, merged, text
from hookd.core.model import Phase
from hookd.core.slot import Slot, expected_phases

PRE, POST, ON_EXIT, POST_REBOOT = (slot.value for slot in Slot)


def test_a_look_replaces_what_it_knows_and_keeps_the_rest():
    before = {"run_id": "r", "run_count": 0, "sources": {"run_id": "a", "run_count": "b"}}
    now = Facts({"run_count": 1}, {"run_count": "c"}, {"run_id": "no file", "operation": "gone"})
    assert merged(before, now) == {
        "run_id": "r",
        "run_count": 1,
        "sources": {"run_id": "a", "run_count": "c"},
        "unknown": {"operation": "gone"},
    }


def test_what_is_of_one_call_ends_with_it():
    before = {"slot": PRE, "called": "pre", "document": "A", "timeout_s": 60, "run_id": "r"}
    assert merged(before, Facts({"slot": ON_EXIT}))["slot"] == ON_EXIT
    assert merged(before, Facts()) == {"run_id": "r", "sources": {}, "unknown": {}}


@pytest.mark.parametrize(
    ("now", "folders"),
    [
        ({"folders": {"a": True, "b": True, "c": False}}, {"a": True, "b": True, "c": False}),
        ({"folders": {"a": False, "b": False}}, {"a": True, "b": False}),
        ({}, {"a": True}),
    ],
)
def test_a_folder_that_was_there_once_was_made_and_one_that_was_not_may_come(now, folders):
    assert merged({"folders": {"a": True, "b": False}}, Facts(now))["folders"] == folders


@pytest.mark.parametrize("before", [None, [], "x", {"folders": 7, "sources": []}])
def test_a_journal_of_another_shape_is_nothing_known(before):
    assert merged(before, Facts({"run_id": "r"}))["run_id"] == "r"


def test_what_is_read_of_it_has_the_type_that_it_is_to_have():
    known = {"a": "x", "b": 7, "c": True, "folders": {"d": True, "e": 1}}
    assert [text(known, name) for name in "abz"] == ["x", "", ""]
    assert [count(known, name) for name in "abcz"] == [None, 7, None, None]
    assert [folder(known, name) for name in "dez"] == [True, None, None]
    assert folder({"folders": []}, "d") is None


@pytest.mark.parametrize(
    ("noop", "slot", "expected"),
    [
        ([], PRE, ["pre", "post", "on-exit"]),
        ([PRE], POST, ["post", "on-exit"]),
        ([POST, POST_REBOOT], PRE, ["pre", "on-exit"]),
        ([PRE, POST, ON_EXIT], "", []),
        ([], POST_REBOOT, ["on-exit"]),
    ],
)
def test_an_empty_slot_is_not_expected(noop, slot, expected):
    assert [p.value for p in expected_phases(tuple(Phase), noop, slot)] == expected


def test_what_the_configuration_leaves_out_is_not_expected_either():
    assert expected_phases((Phase.PRE,), [POST]) == (Phase.PRE,)
