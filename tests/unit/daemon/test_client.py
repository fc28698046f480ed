"""The thin client: whatever the service says or does not say, it is an answer or it is unserved."""

from __future__ import annotations

import json
import os
import socket
import threading

import pytest

from hookd.daemon import client
from hookd.daemon.client import Unserved
from hookd.daemon.protocol import MOST_REQUEST, ProtocolError, messages
from hookd.errors import Exit, HookdError
from hookd.system import clock

HELLO = {"v": 1, "hello": "hookd 1"}


@pytest.fixture
def path(tmp_path):
    return str(tmp_path / "sock")


@pytest.fixture
def saying(path):
    """Return `saying(*messages)`: a service that reads one line, says that and closes.

    With `hangs` it waits for the client to close.
    """
    threads, asked = [], []

    def start(*said, hangs=False):
        listening = socket.socket(socket.AF_UNIX)
        listening.bind(path)
        listening.listen(1)
        lines = [
            one if isinstance(one, bytes) else json.dumps(one).encode() + b"\n" for one in said
        ]

        def serve():
            with listening, listening.accept()[0] as connection:
                with connection.makefile("rb") as stream:
                    asked.append(json.loads(stream.readline()))
                connection.sendall(b"".join(lines))
                if hangs:
                    connection.recv(1)

        threads.append(threading.Thread(target=serve))
        threads[0].start()
        return asked

    yield start
    for thread in threads:
        thread.join(10)


def test_an_answer_is_printed_and_its_code_returned(path, saying, capsys):
    asked = saying(HELLO, {"turn": ["op", 2]}, {"err": "one"}, {"out": "two\n", "exit_code": 75})
    assert client.ask(path, {"verb": "cancel"}) == 75
    assert capsys.readouterr() == ("two\n", "one\n")
    assert asked == [{"v": 1, "verb": "cancel"}]


UNSERVED = {
    "it closes at once": ([], "the service closed the connection"),
    "it closes after hello": ([HELLO], "the service closed the connection"),
    "bytes": ([b"\xff\x00\n"], "not a JSON line"),
    "half a line": ([b'{"exit_code": 0'], "the service closed the connection"),
    "no object": ([b"[1]\n"], "not a JSON object"),
    "nothing but brackets": ([b"[" * 100000 + b"\n"], "not a JSON line"),
    "a newer version": (
        [{"v": 2, "hello": "hookd 9"}, {"err": "?", "exit_code": 2}],
        "the service speaks version 2",
    ),
    "a version that is no number": ([{"v": []}], "the service speaks version []"),
}


@pytest.mark.parametrize(("said", "why"), UNSERVED.values(), ids=UNSERVED)
def test_what_is_no_answer_leaves_the_call_to_this_process(path, saying, said, why, capsys):
    saying(*said)
    with pytest.raises(Unserved) as raised:
        client.ask(path, {})
    assert (str(raised.value), raised.value.joined) == (why, None)
    assert capsys.readouterr() == ("", "")


WRONG = [
    {"turn": 5},
    {"turn": []},
    {"turn": ["op"]},
    {"turn": {"0": 1}},
    {"turn": ["op", "x"]},
    {"answer_by": 5},
    {"answer_by": [5]},
    {"answer_by": ["x", 3]},
    {"answer_by": [5, 4]},
    {"exit_code": None},
    {"exit_code": "x"},
    {"exit_code": [0]},
    {"exit_code": {}},
]


@pytest.mark.parametrize("message", WRONG, ids=json.dumps)
def test_a_message_of_wrong_types_leaves_the_call_to_this_process(path, saying, message):
    saying(HELLO, message)
    with pytest.raises(Unserved):
        client.ask(path, {})


@pytest.mark.parametrize("late", [0, 3])
def test_what_is_not_answered_in_time_ends_as_the_service_said(path, saying, late):
    saying(HELLO, {"answer_by": [clock.up_s() - 1.9, late]}, {"err": "running"}, hangs=True)
    with pytest.raises(HookdError, match="has not answered by the deadline") as raised:
        client.ask(path, {})
    assert raised.value.code is Exit(late)


def test_a_service_that_is_lost_before_the_deadline_leaves_the_call_to_this_process(path, saying):
    saying(HELLO, {"answer_by": [clock.up_s() + 60, 3]}, {"turn": ["op", 1]})
    with pytest.raises(Unserved, match="closed the connection"):
        client.ask(path, {})


def test_the_attempt_that_was_begun_is_known_when_the_service_is_lost(path, saying):
    saying(HELLO, {"turn": ["op", 2]}, {"err": "running"})
    with pytest.raises(Unserved) as raised:
        client.ask(path, {})
    assert raised.value.joined == ("op", 2)


def test_a_service_that_closes_before_it_reads_leaves_the_call_to_this_process(path):
    """A write to it is EPIPE, which is no broken pipe of the caller's."""
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(path)
        listening.listen(1)

        def serve():
            listening.accept()[0].close()

        thread = threading.Thread(target=serve)
        thread.start()
        with pytest.raises(Unserved):
            client.ask(path, {"environment": {"AWS_X": "x" * 60000}})
        thread.join(10)


def test_a_socket_without_a_service_is_refused_at_once(path):
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(path)
    with pytest.raises(Unserved, match="Connection refused"):
        client.ask(path, {})


def test_a_file_that_is_no_socket_is_unserved(path):
    open(path, "w").close()
    with pytest.raises(Unserved, match="Connection refused"):
        client.ask(path, {})


def test_a_request_that_the_service_would_refuse_for_its_length_is_not_sent(path):
    with pytest.raises(Unserved, match="too long"):
        client.ask(path, {"environment": {"AWS_X": "x" * MOST_REQUEST}})


def test_a_path_too_long_for_a_socket_is_reached_and_no_descriptor_is_kept(tmp_path, saying, path):
    saying({"out": "", "exit_code": 0})
    deep = tmp_path / ("d" * 120)
    deep.mkdir()
    os.rename(path, deep / "sock")
    assert client.ask(str(deep / "sock"), {}) == 0
    with os.scandir("/proc/self/fd") as found:
        kept = [os.readlink(one.path) for one in found if os.path.lexists(one.path)]
    assert str(deep) not in kept


def test_the_first_message_must_come_whole_and_in_time():
    here, there = socket.socketpair()
    with here, there:
        there.sendall(b'{"hello"')
        with pytest.raises(ProtocolError, match="does not answer"):
            list(messages(here, 0.05))
        there.sendall(b": 1}\n")


def test_after_the_first_message_there_is_no_hurry():
    here, there = socket.socketpair()
    with here, there:
        there.sendall(b'{"hello": 1}\n{"a"')
        found = messages(here, 0.05)
        first = next(found)
        assert here.gettimeout() is not None
        there.sendall(b": 2}\n")
        second = next(found)
        assert (first, second, here.gettimeout()) == ({"hello": 1}, {"a": 2}, None)
