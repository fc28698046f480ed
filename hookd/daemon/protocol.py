"""What client and service say to each other: one JSON object a line, versioned.

Client: one request. Service: `hello`, then any number of `err` lines and a `turn`, then `out` with
`exit_code`. Unknown keys are ignored on both sides. Nothing heavy is imported here: the thin client
lives on this module alone.
"""

from __future__ import annotations

import json
import socket
import time
from typing import Any, Iterator

VERSION = 1
SOCKET = "/run/hookd/hookd.sock"
MOST_REQUEST = 1 << 16
REQUEST_WITHIN_S = 5.0
HELLO_WITHIN_S = 15.0
_CHUNK = 1 << 16


class ProtocolError(Exception):
    """The other side said something that is no message, too much, or nothing in time."""


def to_bytes(message: dict[str, Any]) -> bytes:
    return json.dumps(message, separators=(",", ":")).encode("ascii") + b"\n"


def from_bytes(line: bytes) -> dict[str, Any]:
    """Return the message of one line. Raises ProtocolError."""
    try:
        message = json.loads(line.decode("utf-8"))
    except (ValueError, RecursionError):
        raise ProtocolError("not a JSON line") from None
    if not isinstance(message, dict):
        raise ProtocolError("not a JSON object")
    return message


def read_request(connection: socket.socket) -> dict[str, Any]:
    """Return the one line that a client sends within 5 s and 64 KiB. Raises ProtocolError."""
    until = time.monotonic() + REQUEST_WITHIN_S
    data = b""
    while b"\n" not in data:
        left = until - time.monotonic()
        if left <= 0 or len(data) > MOST_REQUEST:
            raise ProtocolError("no request within 5 s" if left <= 0 else "the request is too long")
        connection.settimeout(left)
        try:
            chunk = connection.recv(_CHUNK)
        except OSError:
            raise ProtocolError("no request within 5 s") from None
        if not chunk:
            raise ProtocolError("the client went away")
        data += chunk
    return from_bytes(data.split(b"\n", 1)[0])


def messages(connection: socket.socket) -> Iterator[dict[str, Any]]:
    """Yield what the service says until it closes. Raises ProtocolError and OSError."""
    with connection.makefile("rb") as stream:
        for line in stream:
            yield from_bytes(line)
