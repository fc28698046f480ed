"""One connection, in a process of its own: reads the request, is the engine, says the answer."""

from __future__ import annotations

import os
import signal
import socket
import struct
import traceback
from typing import Any, Mapping

from hookd import __version__
from hookd.core.model import Phase
from hookd.daemon import protocol
from hookd.daemon.protocol import ProtocolError
from hookd.engine.call import run_phase
from hookd.engine.calling import Request
from hookd.engine.reply import reply
from hookd.errors import Exit, HookdError
from hookd.report.live import Lines
from hookd.report.log import Logger, Logging
from hookd.report.observer import Observer
from hookd.system import clock
from hookd.system.caller import Caller
from hookd.system.machine import open_machine
from hookd.system.process.table import read_process

_ANSWER_WITHIN_S = 10.0


class Stream:
    """Lines to the client. One that does not read loses progress, never holds up the engine."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._is_gone = False

    def send(self, message: dict[str, Any], *, within_s: float = 0.0) -> None:
        if self._is_gone:
            return
        try:
            self._connection.settimeout(within_s)
            self._connection.sendall(protocol.to_bytes(message))
        except OSError:
            # half a line may have gone out: nothing can follow it
            self._is_gone = True

    def write(self, text: str) -> int:
        """Take what `print` writes; the newline of its own call is no line."""
        if text.strip("\n"):
            self.send({"err": text.rstrip("\n")}, within_s=0.2)
        return len(text)

    def flush(self) -> None:
        """Every line is sent at once."""


def peer(connection: socket.socket) -> tuple[int, int]:
    """Return (pid, uid) of who connected (SO_PEERCRED, unix(7))."""
    size = struct.calcsize("3i")
    pid, uid, _ = struct.unpack(
        "3i", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size)
    )
    return pid, uid


def serve(connection: socket.socket, root: str, config: str | None, log: Logger) -> None:
    """Answer one client. Never raises: whatever goes wrong is said to it with an exit code."""
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    stream = Stream(connection)
    try:
        pid, uid = peer(connection)
        if uid not in (0, os.geteuid()):
            raise HookdError("only root may ask the service", code=Exit.USAGE)
        stream.send({"v": protocol.VERSION, "hello": f"hookd {__version__}"}, within_s=1.0)
        request = protocol.read_request(connection)
        text, code = _run(request, stream, root, config, pid, log)
    except ProtocolError as error:
        text, code = "", _said(stream, f"hookd: {error}", Exit.USAGE)
    except HookdError as error:
        hint = f"\n  {error.hint}" if error.hint else ""
        text, code = "", _said(stream, f"hookd: {error.message}{hint}", error.code)
    except Exception:  # the boundary of this process: a bug has its exit code
        log.exception("bug")
        text, code = "", _said(stream, traceback.format_exc().rstrip(), Exit.BUG)
    log.debug("answered", exit_code=int(code))
    stream.send({"out": text, "exit_code": int(code)}, within_s=_ANSWER_WITHIN_S)
    connection.close()


def _said(stream: Stream, message: str, code: Exit) -> Exit:
    stream.send({"err": message}, within_s=1.0)
    return code


def _run(
    asked: Mapping[str, Any],
    stream: Stream,
    root: str,
    config: str | None,
    pid: int,
    log: Logger,
) -> tuple[str, int]:
    if asked.get("v") != protocol.VERSION or asked.get("verb") != "run":
        raise ProtocolError(
            f"this is hookd {__version__}, protocol {protocol.VERSION}; it only runs"
        )
    machine = open_machine(root, config, _environment(asked))
    request = Request(
        _phase(asked),
        _number(asked, "began") or clock.up_s(),
        str(asked.get("identity", "")),
        _number(asked, "deadline_s"),
        pid=pid,
        caller_processes=_caller(pid),
        turn=lambda operation, attempt: stream.send({"turn": [operation, attempt]}, within_s=1.0),
    )
    masks = machine.loaded.config.report.mask
    shown = Lines(stream, verbose=bool(asked.get("verbose")), masks=masks)
    observer = shown if asked.get("live") else Observer()
    answer = run_phase(machine, request, Logging(log, observer))
    return reply(machine, answer, as_json=bool(asked.get("json"))), answer.exit_code


def _caller(pid: int) -> tuple[Caller, ...]:
    """Return the peer; none when the kernel shows no pid of it (another pid namespace)."""
    process = read_process(pid)
    if not pid:
        return ()
    return (Caller(pid, process.started if process else 0.0),)


def _phase(asked: Mapping[str, Any]) -> Phase:
    try:
        return Phase(asked.get("phase"))
    except ValueError:
        raise ProtocolError("no such phase") from None


def _number(asked: Mapping[str, Any], name: str) -> float | None:
    value = asked.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ProtocolError(f"{name} is no number")
    return float(value)


def _environment(asked: Mapping[str, Any]) -> dict[str, str]:
    value = asked.get("environment")
    if not isinstance(value, dict):
        return {}
    return {str(name): str(text) for name, text in value.items()}
