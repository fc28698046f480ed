"""Connections before their request is there: bounded in size, time and number, never waited for."""

from __future__ import annotations

import json
import os
import selectors
import socket

import pytest

from hookd.daemon.incoming import LATE, MOST_WAITING, Incoming
from hookd.daemon.protocol import MOST_REQUEST, REQUEST_WITHIN_S


class Door:
    """An Incoming with a selector, and clients at its other side."""

    def __init__(self):
        self.selector = selectors.DefaultSelector()
        self.refused = []
        self.incoming = Incoming(self.selector, lambda why, pid: self.refused.append((why, pid)))
        self.sockets = []

    def come(self):
        """Return the client's end of a connection that has come in."""
        here, there = socket.socketpair()
        there.settimeout(5)
        self.sockets += [here, there]
        self.incoming.add(here)
        return there

    def requests(self):
        """Return the requests that are whole after one look at all that can be read."""
        ready = [key.data for key, _ in self.selector.select(0)]
        found = [self.incoming.read(client) for client in ready]
        return [line for line in found if line is not None]

    def age(self, seconds):
        for key in self.selector.get_map().values():
            key.data.until -= seconds

    def close(self):
        self.incoming.close()
        self.selector.close()
        for one in self.sockets:
            one.close()


@pytest.fixture
def door():
    made = Door()
    yield made
    made.close()


def answer(client):
    """Return what was said until the connection was closed."""
    with client.makefile("rb") as stream:
        return [json.loads(line) for line in stream]


def refusal(why):
    return [{"err": f"hookd: {why}"}, {"out": "", "exit_code": 2}]


def test_a_request_is_given_out_once_it_is_whole(door):
    client = door.come()
    client.sendall(b'{"v":')
    first = door.requests()
    client.sendall(b"1}\nand more")
    assert (first, door.requests(), door.requests()) == ([], [b'{"v":1}'], [])
    assert (door.refused, door.incoming.next_until) == ([], None)


def test_the_longest_request_is_taken(door):
    client = door.come()
    client.sendall(b"x" * MOST_REQUEST + b"\n")
    found = []
    while not found:
        found = door.requests()
    assert found == [b"x" * MOST_REQUEST]


def test_a_client_that_has_sent_all_and_closed_its_side_is_taken(door):
    client = door.come()
    client.sendall(b"{}\n")
    client.shutdown(socket.SHUT_WR)
    assert door.requests() == [b"{}"]


@pytest.mark.parametrize("data", [b"x" * (MOST_REQUEST + 1), b"x" * (MOST_REQUEST + 1) + b"\n"])
def test_a_longer_one_is_refused(door, data):
    client = door.come()
    client.sendall(data)
    while not door.refused:
        assert door.requests() == []
    assert answer(client) == refusal("the request is too long")
    assert door.refused == [("the request is too long", os.getpid())]


@pytest.mark.parametrize(
    ("sent", "why"), [(b"", "there was no request"), (b'{"v":1', "the request has no end")]
)
def test_a_request_that_never_ends_is_refused(door, sent, why):
    client = door.come()
    client.sendall(sent)
    door.requests()
    client.shutdown(socket.SHUT_WR)
    assert door.requests() == []
    assert answer(client) == refusal(why)


def test_a_client_that_is_gone_again_costs_nothing(door):
    client = door.come()
    client.sendall(b'{"v":1')
    client.close()
    assert [door.requests() for _ in range(2)] == [[], []]
    assert door.incoming.next_until is None


def test_who_says_nothing_in_time_is_cut_and_told(door):
    early, late = door.come(), door.come()
    door.age(REQUEST_WITHIN_S / 2)
    door.incoming.cut_late()
    assert door.refused == []
    door.age(REQUEST_WITHIN_S / 2)
    door.incoming.cut_late()
    assert [answer(early), answer(late)] == [refusal(LATE)] * 2
    assert door.incoming.next_until is None


def test_a_flood_of_idle_connections_costs_the_oldest_its_place_and_keeps_nobody_out(door):
    idle = [door.come() for _ in range(MOST_WAITING)]
    real = door.come()
    real.sendall(b"{}\n")
    assert door.requests() == [b"{}"]
    assert answer(idle[0]) == refusal("too many connections without a request")
    assert len(door.refused) == 1


def test_a_client_that_was_cut_meanwhile_is_not_read(door):
    clients = [door.come() for _ in range(MOST_WAITING)]
    clients[0].sendall(b"{}\n")
    [(key, _)] = door.selector.select(0)
    door.come()  # takes its place
    assert door.incoming.read(key.data) is None
