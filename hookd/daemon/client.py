"""The thin client: hands a call to the service and prints what it says; imports nothing heavy."""

from __future__ import annotations

import contextlib
import os
import socket
import sys

from hookd.daemon import protocol
from hookd.daemon.protocol import ProtocolError, SilentError
from hookd.errors import Exit, HookdError
from hookd.system import streams

TYPE_CHECKING = False  # without `typing`: the thin client has no time for it
if TYPE_CHECKING:
    from typing import Any, Mapping

_MOST_PATH = 100
_GRACE_S = 2.0
"""How much later than it has to an answer may come: the service may be about to say it."""
_PREFIXES = ("AWS_", "SSM_")


class Unserved(Exception):
    """The service did not take the call, or lost it; `joined` is (operation, attempt) if known."""

    def __init__(self, why: str, joined: tuple[str, int] | None = None) -> None:
        super().__init__(why)
        self.joined = joined


class _Conversation:
    """What the service has said so far; `out` and `exit_code` come last and together."""

    def __init__(self) -> None:
        self.joined: tuple[str, int] | None = None
        self.out = ""
        self.exit_code: int | None = None
        self.until: float | None = None
        self.late = Exit.DEADLINE

    def hear(self, message: Mapping[str, Any]) -> None:
        """Take one message. Raises ProtocolError, ValueError, TypeError and LookupError."""
        version = message.get("v", protocol.VERSION)
        if version != protocol.VERSION:
            raise ProtocolError(f"the service speaks version {version!r}")
        if "turn" in message:
            self.joined = (str(message["turn"][0]), int(message["turn"][1]))
        if "answer_by" in message:
            self.late = Exit(message["answer_by"][1])
            self.until = float(message["answer_by"][0]) + _GRACE_S
        if "err" in message:
            _print_error(str(message["err"]))
        if "exit_code" in message:
            self.out, self.exit_code = str(message.get("out", "")), int(message["exit_code"])


def ask(path: str, request: Mapping[str, Any]) -> int:
    """Send `request` to the service at `path`, print its answer, return its exit code.

    Raises Unserved when the call has to be done, or looked up, in this process, and HookdError
    when the time for an answer is over: whoever is stuck there holds the lock of the phase.
    """
    line = protocol.to_bytes({"v": protocol.VERSION, **request})
    if len(line) > protocol.MOST_REQUEST:
        raise Unserved("the request is too long, see the environment")
    heard = _Conversation()
    try:
        with _connect(path) as connection:
            connection.sendall(line)
            said = protocol.messages(connection, protocol.HELLO_WITHIN_S, lambda: heard.until)
            for message in said:
                heard.hear(message)
                if heard.exit_code is not None:
                    break
    except (OSError, ProtocolError, ValueError, TypeError, LookupError) as error:
        if heard.until is not None and isinstance(error, SilentError):
            hint = "`hookd status` says who executes the phase, `journalctl -u hookd` what it did"
            why = "the service has not answered by the deadline"
            raise HookdError(why, hint=hint, code=heard.late) from error
        raise Unserved(str(error), heard.joined) from error
    if heard.exit_code is None:
        raise Unserved("the service closed the connection", heard.joined)
    with streams.unfailing():
        sys.stdout.write(heard.out)
    return heard.exit_code


def environment() -> dict[str, str]:
    """Return the caller's variables that may matter to hooks; the service filters them again."""
    return {
        name: value
        for name, value in os.environ.items()
        if name.startswith(_PREFIXES) or name.lower().endswith("_proxy")
    }


def _print_error(text: str) -> None:
    with contextlib.suppress(OSError):  # whoever read it is gone, the run goes on
        sys.stderr.write(text + "\n")
        sys.stderr.flush()


def _connect(path: str) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.settimeout(protocol.HELLO_WITHIN_S)
    try:
        with _short(path) as short:
            connection.connect(short)
    except OSError:
        connection.close()
        raise
    return connection


@contextlib.contextmanager
def _short(path: str) -> Any:
    """Give a name of the socket's folder that fits the 108 bytes of sun_path (unix(7))."""
    if len(os.fsencode(path)) < _MOST_PATH:
        yield path
        return
    folder = os.open(os.path.dirname(path), os.O_PATH | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{os.path.basename(path)}"
    finally:
        os.close(folder)
