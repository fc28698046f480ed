"""hookd's own log: what of an engine's events it tells, at which level, and what it never tells."""

from __future__ import annotations

import io
import json

import pytest
import structlog
from support.journals import ID, ended, events, hook_ended, hook_started, opened, started

from hookd.core.fold import fold
from hookd.core.journal import (
    HookCutOff,
    HookPassedOver,
    HookSpawned,
    Noted,
    Observed,
    OperationClosed,
    SnapshotTaken,
)
from hookd.core.model import HookOutcome, Path, Phase, Verdict
from hookd.report import log
from hookd.report.observer import Observer


@pytest.fixture(autouse=True)
def _as_before():
    yield
    structlog.reset_defaults()


class Terminal(io.StringIO):
    def isatty(self):
        return True


class Heard(Observer):
    """Notes whatever it is told."""

    def __init__(self):
        self.told = []

    def waiting(self, message):
        self.told.append(("waiting", message))

    def event(self, event, operation):
        self.told.append(("event", event.event, operation.id))

    def looking(self, name):
        self.told.append(("looking", name))

    def output(self, hook, stream, data):
        self.told.append(("output", hook, stream, data))


def lines(stream):
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def told(*bodies, verbose=False):
    """Return the lines of `bodies`, after an opened operation, without their time and place."""
    stream = io.StringIO()
    observer = log.Logging(log.start(stream, verbose=verbose), Observer())
    recorded = events(opened(config={"key": "hunter2"}, environment={"TOKEN": "hunter2"}), *bodies)
    operation = fold(recorded)
    for event in recorded[1:]:
        observer.event(event, operation)
    found = lines(stream)
    for line in found:
        assert (line.pop("operation"), line.pop("ts")[-1:]) == (ID, "Z")
        line.pop("n")
    return found


TOLD = {
    "a phase begins": (
        started("pre"),
        {
            "level": "info",
            "event": "phase-started",
            "phase": "pre",
            "attempt": 1,
            "caller": "person",
            "deadline_s": 3300.0,
            "deadline_by": "[run] deadline",
            "resumed": False,
        },
    ),
    "a hook runs": (
        HookSpawned(Phase.PRE, 1, "10-a", 2, 4711, 9.25),
        {
            "level": "info",
            "event": "hook-spawned",
            "phase": "pre",
            "attempt": 1,
            "hook": "10-a",
            "try": 2,
            "pid": 4711,
        },
    ),
    "a hook failed": (
        hook_ended("10-a", "failed", exit_code=3, reason="exit 3", outputs={"pw": "hunter2"}),
        {
            "level": "warning",
            "event": "hook-ended",
            "phase": "pre",
            "attempt": 1,
            "hook": "10-a",
            "try": 1,
            "outcome": "failed",
            "exit_code": 3,
            "signal": None,
            "duration_s": 0.0,
            "reason": "exit 3",
            "retry": False,
        },
    ),
    "an undo stays owed": (
        HookPassedOver(Phase.ON_EXIT, 1, "70-join", HookOutcome.OUTSTANDING, True, "it waits"),
        {
            "level": "warning",
            "event": "hook-passed-over",
            "phase": "on-exit",
            "attempt": 1,
            "hook": "70-join",
            "outcome": "outstanding",
            "reason": "it waits",
        },
    ),
    "a hook was cut off": (
        HookCutOff(Phase.PRE, 1, "10-a", 1, "its engine died"),
        {
            "level": "warning",
            "event": "hook-cut-off",
            "phase": "pre",
            "attempt": 1,
            "hook": "10-a",
            "try": 1,
            "reason": "its engine died",
        },
    ),
    "a phase passed": (
        ended("pre"),
        {
            "level": "info",
            "event": "phase-ended",
            "phase": "pre",
            "attempt": 1,
            "outcome": "passed",
            "exit_code": 0,
            "process_exit": 0,
            "reason": "all hooks done",
            "wall_s": 0.0,
        },
    ),
    "an operation closed badly": (
        OperationClosed(Path.INTERRUPTED, Verdict.FAILED, "why"),
        {
            "level": "warning",
            "event": "operation-closed",
            "path": "interrupted",
            "verdict": "failed",
            "reason": "why",
        },
    ),
    "something to see": (
        Noted("journal.torn", "a torn line"),
        {
            "level": "warning",
            "event": "noted",
            "code": "journal.torn",
            "message": "a torn line",
        },
    ),
}


@pytest.mark.parametrize(("body", "expected"), TOLD.values(), ids=TOLD)
def test_what_happens_is_told_with_its_operation(body, expected):
    assert told(body) == [expected]


QUIET = [hook_started("10-a"), SnapshotTaken("before"), Observed("ssm", {"key": "hunter2"})]


def test_the_rest_is_told_to_debug_only_and_by_name_only():
    assert told(*QUIET) == []
    assert told(*QUIET, verbose=True) == [
        {"level": "debug", "event": "hook-started"},
        {"level": "debug", "event": "snapshot-taken"},
        {"level": "debug", "event": "observed"},
    ]


def test_no_secret_and_no_output_is_in_any_line():
    stream = io.StringIO()
    observer = log.Logging(log.start(stream, verbose=True), Observer())
    bodies = [body for body, _ in TOLD.values()]
    recorded = events(opened(config={"k": "hunter2"}, environment={"T": "hunter2"}), *bodies)
    for event in recorded:
        observer.event(event, fold(recorded))
    observer.output("10-a", "stdout", b"hunter2")

    assert len(lines(stream)) == len(recorded) + 1
    assert "hunter2" not in stream.getvalue()


def test_a_reason_is_told_without_what_looks_like_a_secret():
    stream = io.StringIO()
    observer = log.Logging(log.start(stream), Observer())
    recorded = events(opened(), started("pre"), Noted("x", "exit 1: password=hunter2"))
    observer.event(recorded[-1], fold(recorded))

    assert [line["message"] for line in lines(stream)] == ["exit 1: password=[masked]"]


def test_the_next_observer_is_told_everything():
    heard = Heard()
    observer = log.Logging(log.start(io.StringIO()), heard)
    recorded = events(opened(), SnapshotTaken("before"))
    observer.waiting("for somebody")
    observer.event(recorded[1], fold(recorded))
    observer.looking("before")
    observer.output("10-a", "stderr", b"x")

    assert heard.told == [
        ("waiting", "for somebody"),
        ("event", "snapshot-taken", ID),
        ("looking", "before"),
        ("output", "10-a", "stderr", b"x"),
    ]


def test_what_is_no_event_names_the_operation_of_the_last_one():
    stream = io.StringIO()
    observer = log.Logging(log.start(stream, verbose=True), Observer())
    recorded = events(opened(), SnapshotTaken("before"))
    observer.waiting("for somebody")
    observer.event(recorded[1], fold(recorded))
    observer.waiting("for somebody")
    observer.looking("ready")
    observer.output("10-a", "stdout", b"x")

    assert [line.get("operation") for line in lines(stream)] == [None, ID, ID, ID, ID]


def test_the_journal_gets_the_priority_of_a_line():
    stream = io.StringIO()
    logger = log.start(stream, is_journal=True, verbose=True)
    for level in ("debug", "info", "warning", "error", "critical"):
        getattr(logger, level)("said")
    assert [line[:4] for line in stream.getvalue().splitlines()] == [
        "<7>{", "<6>{", "<4>{", "<3>{", "<2>{",
    ]  # fmt: skip


def test_people_get_lines_on_a_terminal():
    stream = Terminal()
    log.start(stream).info("recovering", operation="x")
    [line] = stream.getvalue().splitlines()
    with pytest.raises(ValueError, match=r"Expecting|Extra"):
        json.loads(line)
    assert "recovering" in line


def test_an_error_is_told_in_one_line():
    stream = io.StringIO()
    logger = log.start(stream)
    try:
        raise RuntimeError("first\nsecond")
    except RuntimeError:
        logger.exception("bug")
    [line] = lines(stream)
    assert line["exception"].splitlines()[-2:] == ["RuntimeError: first", "second"]


@pytest.mark.parametrize("value", ["\udcff", "line\nbreak", b"bytes", object()])
def test_whatever_is_told_is_one_line_of_ascii(value):
    stream = io.StringIO()
    log.start(stream).info("said", value=value)
    assert stream.getvalue().isascii() if hasattr(str, "isascii") else True
    assert len(stream.getvalue().splitlines()) == 1


class Full(io.StringIO):
    def write(self, _text):
        raise OSError(28, "No space left on device")


@pytest.mark.parametrize("stream", [Full(), io.StringIO()])
def test_a_log_that_cannot_be_written_costs_nothing(stream):
    logger = log.start(stream)
    if not isinstance(stream, Full):
        stream.close()
    logger.info("said")
