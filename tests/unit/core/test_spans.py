"""Spans between looks: which neighbours are compared, and when something came to be."""

from __future__ import annotations

import pytest
from support.looks import look

from hookd.core.spans import since, spans
from hookd.core.units import units_of

ORDER = ("before", "ready", "installed", "after")


def test_a_look_that_could_not_be_read_is_passed_over():
    before, after = look("before", units=[]), look("after", units=[])
    failed, unasked = look("ready", units="it hung"), look("booted-1")
    assert list(spans((before, failed, unasked, after), units_of)) == [
        ("before..after", before, after)
    ]


@pytest.mark.parametrize(
    ("held", "span"),
    [
        ((False, True, True, True), "before..ready"),
        ((False, False, False, True), "installed..after"),
        ((True, True, True, True), ""),
        ((True, False, True, True), "ready..installed"),  # what was so earlier is another story
        ((False, None, True, True), "before..installed"),
        ((False, True, None, None), "before..ready"),
        ((None, None, True, True), ""),
    ],
)
def test_when_it_came_to_be(held, span):
    answers = dict(zip(ORDER, held))
    looks = [look(name) for name in ORDER]
    assert since(looks, lambda one: answers[one.name]) == span
