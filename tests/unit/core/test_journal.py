"""The lines of a journal: their envelope, unknown events, and what is no line."""

from __future__ import annotations

import contextlib
import json
from dataclasses import fields

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.journals import BOOT_1, any_events, bodies, json_values, texts, to_events

from hookd.core.codec import CodecError
from hookd.core.journal import (
    KINDS,
    Event,
    HookSpawned,
    Noted,
    Observed,
    from_line,
    new_event,
    to_line,
)
from hookd.core.model import Phase

HEAD = {"n": 12, "at": "2026-11-05T04:18:07.123456Z", "boot_id": BOOT_1, "up_s": 812.4}


def test_a_line_is_its_envelope_and_what_the_event_says():
    event = new_event(HookSpawned(Phase.PRE, 1, "10-a", 2, 4711, 9.25), **HEAD)
    assert to_line(event) == (
        b'{"n":12,"at":"2026-11-05T04:18:07.123456Z",'
        b'"boot_id":"11111111-1111-4111-8111-111111111111","up_s":812.4,"event":"hook-spawned",'
        b'"phase":"pre","attempt":1,"hook":"10-a","try":2,"pid":4711,"process_started_at":9.25,"cgroup":""}\n'
    )


def test_seconds_since_the_boot_are_kept_to_the_millisecond():
    event = new_event(Noted("a", "b"), **{**HEAD, "up_s": 1.23456})
    assert json.loads(to_line(event))["up_s"] == 1.235


def test_no_field_of_an_event_hides_the_envelope():
    envelope = {*HEAD, "event"}
    names = {f.name.rstrip("_") for kind in KINDS.values() for f in fields(kind)}
    assert names & envelope == set()


@settings(max_examples=150, deadline=None)
@given(to_events(bodies))
def test_a_line_is_one_line_of_ascii_and_comes_back(event):
    line = to_line(event)
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    assert line.isascii() if hasattr(line, "isascii") else line.decode("ascii")
    assert from_line(line) == event


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(texts, json_values, max_size=4), texts)
def test_an_event_of_a_newer_hookd_is_kept_whole(more, name):
    if name in KINDS:
        return
    value = {**more, **HEAD, "event": name}
    event = from_line(json.dumps(value).encode("ascii"))
    assert event == Event(**HEAD, event=name, body=None, raw=value)
    assert json.loads(to_line(event)) == value


def test_lines_may_hold_utf8_as_well():
    line = json.dumps({**HEAD, "event": "noted", "code": "a", "message": "é"}, ensure_ascii=False)
    assert from_line(line.encode("utf-8")) == new_event(Noted("a", "é"), **HEAD)


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"\n",
        b"\0\0\0\0",
        b"\xff\xfe{}",
        b"{",
        b"[]",
        b"null",
        b"12",
        b'"hook-started"',
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b'{"n": 1}',
        b'{"n": true, "at": "", "boot_id": "", "up_s": 1, "event": "noted"}',
        b'{"n": 1, "at": "", "boot_id": "", "up_s": 1, "event": []}',
        b'{"n": 1, "at": "", "boot_id": "", "up_s": NaN, "event": "new"}',
        b'{"n": 1, "at": "", "boot_id": "", "up_s": 1e999, "event": "new"}',
        b'{"n": 1, "at": "", "boot_id": "", "up_s": 1' + b"0" * 400 + b', "event": "new"}',
        b'{"n": 1, "at": "", "boot_id": "", "up_s": 1, "event": "noted", "code": 5}',
        b'{"n": 1, "at": "", "boot_id": "", "up_s": 1, "event": "noted"}{}',
        b'{"n": ' + b"9" * 5000 + b', "at": "", "boot_id": "", "up_s": "", "event": "noted"}',
    ],
    ids=range(20),
)
def test_garbage_is_a_codec_error(line):
    with pytest.raises(CodecError):
        from_line(line)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_are_an_event_or_a_codec_error(data):
    with contextlib.suppress(CodecError):
        assert isinstance(from_line(data), Event)


@settings(max_examples=100, deadline=None)
@given(any_events, st.data())
def test_a_damaged_line_is_an_event_or_a_codec_error(event, data):
    try:
        line = bytearray(to_line(event))
    except KeyError:
        return
    for _ in range(data.draw(st.integers(1, 3))):
        line[data.draw(st.integers(0, len(line) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(CodecError):
        assert isinstance(from_line(bytes(line)), Event)


def test_a_value_that_was_observed_may_be_anything():
    body = Observed("liveness", {"state": ["alive", 5, None, True]})
    assert from_line(to_line(new_event(body, **HEAD))).body == body
