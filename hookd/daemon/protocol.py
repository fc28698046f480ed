"""What client and service say to each other: one JSON object a line, versioned.

Client: one request within 5 s and 64 KiB, `{"v": 1, "verb": "run" | "cancel", ...}`. Service:
`hello` with its version once a process of its own has the request, then `answer_by` (CLOCK_BOOTTIME
seconds, and the exit code of who has no answer by then), any number of `err` lines and a `turn`
(operation, attempt), then `out` with `exit_code`. Unknown keys are ignored on both sides.
Nothing heavy is imported here: the thin client lives on this module alone.
"""

from __future__ import annotations

import json
import socket

from hookd.system import clock

TYPE_CHECKING = False  # without `typing`: the thin client has no time for it
if TYPE_CHECKING:
    from typing import Any, Callable, Iterator

VERSION = 1
SOCKET = "/run/hookd/hookd.sock"
MOST_REQUEST = 1 << 16
REQUEST_WITHIN_S = 5.0
HELLO_WITHIN_S = 15.0
CHUNK = 1 << 16


class ProtocolError(Exception):
    """The other side said something that is no message, too much, or nothing in time."""


class SilentError(ProtocolError):
    """It said nothing in time."""


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


def messages(
    connection: socket.socket,
    first_within_s: float,
    rest_until: Callable[[], float | None] = lambda: None,
) -> Iterator[dict[str, Any]]:
    """Yield what the service says until it closes; the first must come in time, whole.

    All must have come by `rest_until()` (CLOCK_BOOTTIME seconds), which may become known by them.
    Raises ProtocolError and OSError.
    """
    first_until: float | None = clock.up_s() + first_within_s
    data = b""
    while True:
        chunk = _receive(connection, rest_until() if first_until is None else first_until)
        if not chunk:
            return
        *lines, data = (data + chunk).split(b"\n")
        for line in lines:
            first_until = None
            yield from_bytes(line)


def _receive(connection: socket.socket, until: float | None) -> bytes:
    left = None if until is None else until - clock.up_s()
    if left is not None and left <= 0:
        raise SilentError("the service does not answer")
    connection.settimeout(left)
    try:
        return connection.recv(CHUNK)
    except socket.timeout:
        raise SilentError("the service does not answer") from None
