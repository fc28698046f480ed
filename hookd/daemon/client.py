"""The thin client: hands a run to the service and prints what it says; imports nothing heavy."""

from __future__ import annotations

import os
import socket
import sys
from typing import Any, Mapping

from hookd.daemon import protocol
from hookd.daemon.protocol import ProtocolError

_MOST_PATH = 100
_PREFIXES = ("AWS_", "SSM_")


class Unserved(Exception):
    """The service did not take the run, or lost it; `joined` is (operation, attempt) once known."""

    def __init__(self, why: str, joined: tuple[str, int] | None = None) -> None:
        super().__init__(why)
        self.joined = joined


def run(path: str, request: Mapping[str, Any]) -> int:
    """Send `request` to the service at `path`, print its answer, return its exit code.

    Raises Unserved when the run has to be done, or looked up, in this process.
    """
    joined: tuple[str, int] | None = None
    try:
        with _connect(path) as connection:
            connection.sendall(protocol.to_bytes({"v": protocol.VERSION, **request}))
            for message in protocol.messages(connection):
                connection.settimeout(None)
                if "turn" in message:
                    joined = (str(message["turn"][0]), int(message["turn"][1]))
                if "err" in message:
                    sys.stderr.write(message["err"] + "\n")
                    sys.stderr.flush()
                if "exit_code" in message:
                    sys.stdout.write(message.get("out", ""))
                    sys.stdout.flush()
                    return int(message["exit_code"])
    except BrokenPipeError:
        raise
    except (OSError, ProtocolError, ValueError, TypeError, LookupError) as error:
        raise Unserved(str(error), joined) from error
    raise Unserved("the service closed the connection", joined)


def environment() -> dict[str, str]:
    """Return the caller's variables that may matter to hooks; the service filters them again."""
    return {
        name: value
        for name, value in os.environ.items()
        if name.startswith(_PREFIXES) or name.lower().endswith("_proxy")
    }


def _connect(path: str) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.settimeout(protocol.HELLO_WITHIN_S)
    try:
        connection.connect(_short(path))
    except OSError:
        connection.close()
        raise
    return connection


def _short(path: str) -> str:
    """Return a name of the socket's folder that fits the 108 bytes of sun_path (unix(7))."""
    if len(os.fsencode(path)) < _MOST_PATH:
        return path
    folder = os.open(os.path.dirname(path), os.O_PATH | os.O_DIRECTORY)
    return f"/proc/self/fd/{folder}/{os.path.basename(path)}"
