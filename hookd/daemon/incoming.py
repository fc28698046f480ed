"""Clients whose request is not there yet: read without waiting, bounded in size, time and number.

Only a whole request is worth a process, so idle and garbled connections cost the service a
descriptor for 5 s at most.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import socket
import struct
from dataclasses import dataclass
from typing import Callable

from hookd.daemon import protocol
from hookd.daemon.protocol import ProtocolError
from hookd.errors import Exit
from hookd.system import clock

MOST_WAITING = 64
LATE = "no request within 5 s"


@dataclass
class Client:
    """A connection, until when its request must be whole, and what has come of it."""

    connection: socket.socket
    until: float
    data: bytes = b""


class Incoming:
    """`refused` is told of each that goes without an engine, and why."""

    def __init__(
        self, selector: selectors.BaseSelector, refused: Callable[[str, int], None]
    ) -> None:
        self._selector = selector
        self._refused = refused
        self._clients: dict[int, Client] = {}  # the oldest first

    @property
    def next_until(self) -> float | None:
        """Until when the oldest may take (CLOCK_BOOTTIME seconds)."""
        return next((client.until for client in self._clients.values()), None)

    def add(self, connection: socket.socket) -> None:
        """Wait for the request of `connection`; the oldest makes room for it.

        Who really calls has its request sent by then.
        """
        connection.setblocking(False)
        client = Client(connection, clock.up_s() + protocol.REQUEST_WITHIN_S)
        if peer(connection)[1] not in (0, os.geteuid()):
            self._say(client, "only root may ask the service")
            connection.close()
            return
        if len(self._clients) >= MOST_WAITING:
            self._cut(next(iter(self._clients.values())), "too many connections without a request")
        self._clients[connection.fileno()] = client
        self._selector.register(connection, selectors.EVENT_READ, client)

    def read(self, client: Client) -> bytes | None:
        """Return the request of `client` if it is whole; its connection is then the caller's."""
        if client.connection.fileno() not in self._clients:
            return None  # cut a moment ago, by one that came in the same moment
        try:
            line = _line(client)
        except ProtocolError as error:
            self._cut(client, str(error))
            return None
        if line is not None:
            self._forget(client)
        return line

    def cut_late(self) -> None:
        for client in [one for one in self._clients.values() if one.until <= clock.up_s()]:
            self._cut(client, LATE)

    def close(self) -> None:
        """Let go of all, without a word: an engine has no part in them."""
        for client in self._clients.values():
            client.connection.close()

    def _cut(self, client: Client, why: str) -> None:
        self._forget(client)
        self._say(client, why)
        client.connection.close()

    def _forget(self, client: Client) -> None:
        self._selector.unregister(client.connection)
        del self._clients[client.connection.fileno()]

    def _say(self, client: Client, why: str) -> None:
        self._refused(why, peer(client.connection)[0])
        said = protocol.to_bytes({"err": f"hookd: {why}"})
        said += protocol.to_bytes({"out": "", "exit_code": int(Exit.USAGE)})
        with contextlib.suppress(OSError):  # it is gone: it is cut all the same
            client.connection.sendall(said)


def _line(client: Client) -> bytes | None:
    """Take what has come and return the line once it is whole. Raises ProtocolError."""
    try:
        chunk = client.connection.recv(protocol.CHUNK)
    except BlockingIOError:
        return None
    except OSError as error:
        raise ProtocolError(f"the client went away: {error.strerror}") from None
    if not chunk:
        raise ProtocolError("the request has no end" if client.data else "there was no request")
    client.data += chunk
    line, newline, _ = client.data.partition(b"\n")
    if len(line) > protocol.MOST_REQUEST:
        raise ProtocolError("the request is too long")
    return line if newline else None


def peer(connection: socket.socket) -> tuple[int, int]:
    """Return (pid, uid) of who connected (SO_PEERCRED, unix(7))."""
    size = struct.calcsize("3i")
    pid, uid, _ = struct.unpack(
        "3i", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size)
    )
    return pid, uid
