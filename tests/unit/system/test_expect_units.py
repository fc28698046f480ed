"""What is expected of units, as systemd tells of it, or where there is none to be asked."""

from __future__ import annotations

import pytest

from hookd.core.expect import Expect, UnitExpectation
from hookd.core.node import Expected
from hookd.system import systemd
from hookd.system.expect.asking import ask
from hookd.system.process.command import Completed
from hookd.system.root import Root

EXPECT = Expect(units={"app.service": UnitExpectation(active=True)})
RUNS = b"LoadState=loaded\nActiveState=active\nSubState=running\nUnitFileState=enabled\n"


@pytest.fixture
def tried(monkeypatch):
    """Return a function that tries EXPECT where systemd runs or not and systemctl says so much."""

    def tries(said, *, is_booted=True):
        monkeypatch.setattr(systemd, "is_running", lambda _: is_booted)

        def run(argv, **_):
            if argv[0] != "systemctl":
                return Completed(tuple(argv), 0, b"{}")
            return Completed(tuple(argv), 1 if said is None else 0, said or b"", b"it is busy\n")

        return ask(Root("/"), run, EXPECT, within_s=5.0, environment={}).results

    return tries


def test_a_unit_is_as_systemd_says(tried):
    found = "active (running), enabled"
    assert tried(RUNS) == (Expected("units", "app.service", True, "active", found),)


def test_where_no_systemd_runs_there_is_nothing_to_try(tried):
    assert tried(RUNS, is_booted=False) == (
        Expected(
            "units",
            "app.service",
            expected="active",
            reason="no systemd runs here",
            is_skipped=True,
        ),
    )


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (None, "systemctl exited 1: it is busy"),
        (b"", "systemctl told of 0 units only"),
        (RUNS + b"\n" + RUNS, "systemctl told of 2 units only"),
    ],
)
def test_a_systemd_that_does_not_answer_makes_it_unknown(tried, said, reason):
    assert tried(said) == (Expected("units", "app.service", None, "active", reason=reason),)
