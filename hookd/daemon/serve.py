"""One request, in a process of its own: is the engine, and says the answer."""

from __future__ import annotations

import contextlib
import json
import math
import os
import signal
import socket
import traceback
from dataclasses import dataclass
from typing import Any, Mapping

from hookd import __version__
from hookd.core.model import Phase
from hookd.daemon import protocol
from hookd.daemon.incoming import peer
from hookd.daemon.protocol import ProtocolError
from hookd.engine.call import run_phase
from hookd.engine.calling import Request
from hookd.engine.cancel import cancel
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


@dataclass(frozen=True)
class Call:
    """Who asks, where the answer goes, and what the service was started with."""

    pid: int
    stream: Stream
    root: str
    config: str | None
    log: Logger


def serve(
    connection: socket.socket, line: bytes, root: str, config: str | None, log: Logger
) -> None:
    """Answer one client. Never raises: whatever goes wrong is said to it with an exit code."""
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    pid, _ = peer(connection)
    call = Call(pid, Stream(connection), root, config, log.bind(caller_pid=pid))
    call.stream.send({"v": protocol.VERSION, "hello": f"hookd {__version__}"}, within_s=1.0)
    text, code = _answered(call, line)
    call.stream.send({"out": text, "exit_code": int(code)}, within_s=_ANSWER_WITHIN_S)
    connection.close()


def _answered(call: Call, line: bytes) -> tuple[str, int]:
    """Return the text and the exit code of the answer."""
    asked: Mapping[str, Any] = {}
    try:
        asked = protocol.from_bytes(line)
        text, code = _verb(asked)(asked, call)
    except ProtocolError as error:
        text, code = _refused(call, asked, HookdError(str(error), code=Exit.USAGE))
    except HookdError as error:
        text, code = _refused(call, asked, error)
    except Exception:  # the boundary of this process: a bug has its exit code
        call.log.exception("bug")
        call.stream.send({"err": traceback.format_exc().rstrip()}, within_s=1.0)
        text, code = "", Exit.BUG
    return text, code


def _refused(call: Call, asked: Mapping[str, Any], error: HookdError) -> tuple[str, int]:
    call.log.warning("refused", reason=error.message, exit_code=int(error.code))
    call.stream.send({"err": error.text}, within_s=1.0)
    return json.dumps(error.document) + "\n" if asked.get("json") else "", error.code


def _verb(asked: Mapping[str, Any]) -> Any:
    if asked.get("v") != protocol.VERSION:
        raise ProtocolError(f"this is hookd {__version__}, it speaks version {protocol.VERSION}")
    verb = asked.get("verb")
    found = {"run": _run, "cancel": _cancel}.get(verb) if isinstance(verb, str) else None
    if found is None:
        raise ProtocolError(f"this is hookd {__version__}, it knows no such verb")
    return found


def _cancel(asked: Mapping[str, Any], call: Call) -> tuple[str, int]:
    machine = open_machine(call.root, call.config, {})
    text = cancel(machine, as_json=bool(asked.get("json")))
    call.log.info("cancelled", told=text.strip())
    return text, Exit.OK


def _run(asked: Mapping[str, Any], call: Call) -> tuple[str, int]:
    stream = call.stream
    machine = open_machine(call.root, call.config, _environment(asked))
    request = Request(
        _phase(asked),
        _began(asked),
        _text(asked, "identity"),
        _number(asked, "deadline_s"),
        pid=call.pid,
        caller_processes=_caller(call.pid),
        turn=lambda operation, attempt: stream.send({"turn": [operation, attempt]}, within_s=1.0),
        due=lambda at, late: stream.send({"answer_by": [at, int(late)]}, within_s=1.0),
    )
    masks = machine.loaded.config.report.mask
    shown = Lines(stream, verbose=bool(asked.get("verbose")), masks=masks)
    observer = shown if asked.get("live") else Observer()
    for problem in machine.loaded.problems:
        if problem.is_warning:
            stream.send({"err": f"warning: {problem}"}, within_s=1.0)
    call.log.info("called", phase=request.phase.value, identity=request.identity)
    answer = run_phase(machine, request, Logging(call.log, observer))
    told = {"operation": answer.operation.id, "exit_code": answer.exit_code}
    call.log.info("answered", phase=request.phase.value, **told)
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


def _began(asked: Mapping[str, Any]) -> float:
    """Return when the call began: the service may have been started by it, much later."""
    now = clock.up_s()
    found = _number(asked, "began")
    return now if found is None else min(found, now)


def _text(asked: Mapping[str, Any], name: str) -> str:
    value = asked.get(name, "")
    if not isinstance(value, str):
        raise ProtocolError(f"{name} is no text")
    return value


def _number(asked: Mapping[str, Any], name: str) -> float | None:
    value = asked.get(name)
    if value is None:
        return None
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        with contextlib.suppress(OverflowError):  # JSON's integers have no end
            if math.isfinite(value) and value > 0:
                return float(value)
    raise ProtocolError(f"{name} is no positive number")


def _environment(asked: Mapping[str, Any]) -> dict[str, str]:
    """Return the caller's variables, each of which a process can be given."""
    found = asked.get("environment", {})
    if not isinstance(found, dict):
        raise ProtocolError("environment is no object")
    for name, value in found.items():
        if not isinstance(value, str) or not _is_variable(name, value):
            raise ProtocolError(f"environment holds what is no variable: {name!r}")
    return found


def _is_variable(name: str, value: str) -> bool:
    try:
        data = os.fsencode(name), os.fsencode(value)
    except UnicodeEncodeError:
        return False
    return bool(name) and b"=" not in data[0] and b"\0" not in b"".join(data)
