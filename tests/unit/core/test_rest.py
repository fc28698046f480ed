"""When a machine counts as at rest, how long that is awaited, and what is told of it."""

from __future__ import annotations

import pytest
from support.journals import BOOT_1, BOOT_2, folded, opened, started

from hookd.core import rest
from hookd.core.journal import Noted, Observed
from hookd.core.model import Phase
from hookd.core.rest import Bustle

QUIET = Bustle(restarts=(("app.service", "1/100/41"),))
STARTS = Bustle(("app.service (start)",))
RESTARTED = Bustle(restarts=(("app.service", "2/900/57"),))

LOOKS = {
    "one look is no rest": (None, QUIET, ("looked at only once",)),
    "two quiet looks are": (QUIET, QUIET, ()),
    "busy at the first": (None, STARTS, STARTS.busy),
    "busy now": (QUIET, STARTS, STARTS.busy),
    "busy before": (STARTS, QUIET, STARTS.busy),
    "started again in between": (QUIET, RESTARTED, ("app.service (started again)",)),
    "gone since": (QUIET, Bustle(), ()),
    "new since": (Bustle(), QUIET, ()),
}


@pytest.mark.parametrize(("earlier", "now", "expected"), LOOKS.values(), ids=LOOKS)
def test_rest_is_two_looks_that_find_nothing(earlier, now, expected):
    assert rest.unrest(earlier, now) == expected


@pytest.mark.parametrize(
    ("bound_s", "left_s", "expected"),
    [(120, 3000, 120), (120, 100, 50), (120, 0, 0), (120, -5, 0), (0, 3000, 0)],
)
def test_half_of_what_is_left_belongs_to_the_hooks(bound_s, left_s, expected):
    assert rest.within_s(bound_s, left_s) == expected


def after(*bodies, boot_id=BOOT_1):
    operation = folded(opened(), started("on-exit"), *bodies, boot_id=boot_id)
    return operation, operation.last(Phase.ON_EXIT)


def test_a_machine_at_rest_is_observed():
    _, run = after()
    value = {"attempt": 1, "boot_id": BOOT_1, "took_s": 3.142, "left": []}
    assert rest.told(run, BOOT_1, 3.14159, ()) == (Observed("settled", value),)


def test_what_never_came_to_rest_is_noted_by_name():
    _, run = after()
    left = tuple(f"{letter}.service (start)" for letter in "abcdefg")
    value = {"attempt": 1, "boot_id": BOOT_1, "took_s": 120.2, "left": list(left)}
    named = ", ".join(left[:5])
    message = f"the machine had not come to rest after 120 s: {named} and 2 more"

    assert rest.told(run, BOOT_1, 120.2, left) == (
        Observed("settled", value),
        Noted("not-settled", message),
    )


WAITED = {
    "in this attempt and boot": ({"attempt": 1, "boot_id": BOOT_1}, True),
    "in another boot": ({"attempt": 1, "boot_id": BOOT_2}, False),
    "in another attempt": ({"attempt": 2, "boot_id": BOOT_1}, False),
    "in another shape": ([1], False),
}


@pytest.mark.parametrize(("value", "expected"), WAITED.values(), ids=WAITED)
def test_an_attempt_waits_once_a_boot(value, expected):
    assert rest.has_waited(*after(Observed("settled", value))) is expected


def test_an_attempt_that_never_waited_has_not():
    assert rest.has_waited(*after()) is False


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (
            {"boot_id": BOOT_1, "left": ["a.service (started again)", "b.service (start)"]},
            ("a.service",),
        ),
        ({"boot_id": BOOT_1, "left": []}, ()),
        ({"boot_id": BOOT_2, "left": ["a.service (started again)"]}, ()),
        ({"boot_id": BOOT_1}, ()),
        ("garbled", ()),
    ],
)
def test_what_was_started_again_in_this_boot_is_restless(value, expected):
    operation = folded(opened(), started("on-exit"), Observed(rest.SETTLED, value))
    assert rest.restless(operation, BOOT_1) == expected
