"""What of an expectation holds: units, answers, ends of commands, files; what pre had stopped."""

from __future__ import annotations

import pytest

from hookd.core.expect import (
    LARGEST_BYTES,
    CommandExpectation,
    Expect,
    FileExpectation,
    HttpExpectation,
    TcpExpectation,
    UnitExpectation,
    by_answer,
    by_end,
    by_file,
    by_unit,
    left_open,
    stopped_by_pre,
)
from hookd.core.node import Expectations, Expected
from hookd.core.readings import Boot, Kernel
from hookd.core.snapshot import Snapshot

RUNS = {
    "LoadState": "loaded",
    "ActiveState": "active",
    "SubState": "running",
    "UnitFileState": "enabled",
}


def look(name, **met):
    results = tuple(Expected("units", f"{unit}.service", so) for unit, so in met.items())
    return Snapshot(name, "", Boot(), Kernel(), expectations=Expectations(results=results))


def test_a_unit_is_told_as_systemd_says_it():
    assert by_unit("a.service", UnitExpectation(active=True, enabled=True), RUNS) == Expected(
        "units", "a.service", True, "active, enabled", "active (running), enabled"
    )


@pytest.mark.parametrize(
    ("expectation", "shown", "is_met"),
    [
        (UnitExpectation(active=True), {}, True),
        (UnitExpectation(active=False), {}, False),
        (UnitExpectation(active=True), {"ActiveState": "reloading"}, True),
        (UnitExpectation(active=True), {"ActiveState": "activating"}, False),
        (UnitExpectation(active=True), {"ActiveState": "failed"}, False),
        (UnitExpectation(active=False), {"ActiveState": "inactive"}, True),
        (UnitExpectation(enabled=True), {"ActiveState": "failed"}, True),
        (UnitExpectation(enabled=True), {"UnitFileState": "static"}, True),
        (UnitExpectation(enabled=True), {"UnitFileState": "disabled"}, False),
        (UnitExpectation(enabled=True), {"UnitFileState": ""}, False),
        (UnitExpectation(enabled=False), {"UnitFileState": "masked"}, True),
        (UnitExpectation(active=True, enabled=False), {}, False),
        (UnitExpectation(active=False, enabled=True), {}, False),
    ],
)
def test_when_a_unit_is_as_expected(expectation, shown, is_met):
    assert by_unit("a.service", expectation, {**RUNS, **shown}).is_met is is_met


def test_a_unit_that_is_not_there_is_named_so():
    shown = {"LoadState": "not-found", "ActiveState": "inactive", "SubState": "dead"}
    found = by_unit("a.service", UnitExpectation(active=True), shown)

    assert found == Expected("units", "a.service", False, "active", "there is no such unit")


@pytest.mark.parametrize(
    ("expectation", "status", "body", "is_met", "found"),
    [
        (HttpExpectation(), 200, b"", True, "status 200"),
        (HttpExpectation(), 503, b"", False, "status 503"),
        (HttpExpectation(status=503), 503, b"", True, "status 503"),
        (HttpExpectation(contains="ok"), 200, b"is ok", True, "status 200, 'ok' in it"),
        (HttpExpectation(contains="ok"), 503, b"ok", False, "status 503, 'ok' in it"),
        (HttpExpectation(contains="ok"), 200, b"OK", False, "status 200, 'ok' not in it"),
        (HttpExpectation(contains="\u00fc"), 200, b"\xc3\xbc", True, "status 200, '\u00fc' in it"),
    ],
)
def test_an_answer(expectation, status, body, is_met, found):
    assert by_answer("http://a/", expectation, status, body) == Expected(
        "http", "http://a/", is_met, expectation.wanted, found
    )


def test_a_body_that_goes_on_is_searched_in_its_first_mib_and_that_is_said():
    expectation = HttpExpectation(contains="ok")

    assert by_answer("u", expectation, 200, b"x", is_whole=False).found == (
        "status 200, 'ok' not in its first MiB"
    )


@pytest.mark.parametrize(
    ("expectation", "ended", "is_met", "found"),
    [
        (CommandExpectation(), (0, b"noise", b"noise"), True, "exit 0"),
        (CommandExpectation(), (2, b"out", b"why\nmore"), False, "exit 2: why"),
        (CommandExpectation(), (2, b"out\n", b""), False, "exit 2: out"),
        (CommandExpectation(), (2, b"", b"\x1b[31mred\xff"), False, "exit 2: ?[31mred\ufffd"),
        (CommandExpectation(exit_code=2), (2, b"", b""), True, "exit 2"),
        (CommandExpectation(stdout="r"), (0, b"ready", b""), True, "exit 0, 'r' in it"),
        (CommandExpectation(stdout="r"), (0, b"", b"r"), False, "exit 0, 'r' not in it: r"),
        (
            CommandExpectation(stdout="r"),
            (0, b"x" * LARGEST_BYTES, b"long " * 20),
            False,
            f"exit 0, 'r' not in its first MiB: {'long ' * 12}...",
        ),
    ],
)
def test_the_end_of_a_command(expectation, ended, is_met, found):
    assert by_end("/bin/x", expectation, *ended) == Expected(
        "command", "/bin/x", is_met, expectation.wanted, found
    )


@pytest.mark.parametrize(
    ("expectation", "is_met", "found"),
    [
        (FileExpectation(), True, "there"),
        (FileExpectation(exists=False), False, "there"),
        (FileExpectation(mode="0640"), True, "there, mode 0640"),
        (FileExpectation(mode="0600"), False, "there, mode 0640"),
        (FileExpectation(owner="app"), True, "there, owner app"),
        (FileExpectation(owner="1001"), True, "there, owner app"),
        (FileExpectation(owner="root"), False, "there, owner app"),
        (FileExpectation(contains="b"), True, "there, 'b' in it"),
        (FileExpectation(contains="z", mode="0640"), False, "there, mode 0640, 'z' not in it"),
    ],
)
def test_a_file_that_is_there(expectation, is_met, found):
    assert by_file("/f", expectation, "0640", ("app", "1001"), b"abc") == Expected(
        "file", "/f", is_met, expectation.wanted, found
    )


@pytest.mark.parametrize(
    ("expectation", "wanted"),
    [
        (UnitExpectation(active=False, enabled=True), "not active, enabled"),
        (UnitExpectation(), ""),
        (HttpExpectation(contains="x" * 70), f"status 200, '{'x' * 60}...' in it"),
        (TcpExpectation(), "reachable"),
        (TcpExpectation(reachable=False), "not reachable"),
        (CommandExpectation(exit_code=1, stdout="a"), "exit 1, 'a' in it"),
        (FileExpectation(mode="0640", owner="app", contains="a"),
         "there, mode 0640, owner app, 'a' in it"),
        (FileExpectation(exists=False), "not there"),
    ],
)  # fmt: skip
def test_what_is_wanted_in_words(expectation, wanted):
    assert expectation.wanted == wanted


def test_expectations_are_told_kind_by_kind_in_the_order_of_the_configuration():
    unit, port = UnitExpectation(active=True), TcpExpectation()
    expect = Expect(tcp={"b:1": port, "a:1": port}, units={"z.service": unit})

    assert list(expect.each()) == [
        ("units", "z.service", unit),
        ("tcp", "b:1", port),
        ("tcp", "a:1", port),
    ]


def test_stopped_by_pre_is_what_held_before_its_hooks_and_no_more_after_them():
    before = look("before", kept=True, stopped=True, lost=True, broken=False, untried=None)
    ready = look(
        "ready", kept=True, stopped=False, lost=None, broken=False, untried=False, new=False
    )

    assert stopped_by_pre({"before": before, "ready": ready}) == {
        ("units", "stopped.service"),
        ("units", "lost.service"),
    }


@pytest.mark.parametrize("names", [(), ("before",), ("ready",)])
def test_without_both_looks_nothing_was_stopped(names):
    looks = {name: look(name, app=name == "before") for name in names}

    assert stopped_by_pre(looks) == frozenset()


def test_open_is_what_is_not_met_or_not_known_but_for_what_is_not_waited_for():
    results = (
        Expected("tcp", "a:1", True),
        Expected("tcp", "b:1", False),
        Expected("tcp", "c:1", None),
        Expected("tcp", "d:1", None, is_skipped=True),
        Expected("tcp", "e:1", False),
    )
    found = left_open(Expectations(results=results), frozenset({("tcp", "e:1")}))

    assert found == (results[1], results[2])
