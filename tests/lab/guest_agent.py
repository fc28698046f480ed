"""The hands of the tests in a virtual machine: QEMU's guest agent, over a virtio-serial port.

Its protocol is JSON, a line each way (QEMU Guest Agent Protocol Reference).
"""

from __future__ import annotations

import base64
import json
import socket
import time


class NoAnswer(Exception):
    """The guest agent is not there, or no more."""


class GuestAgent:
    """The guest agent of the machine whose QEMU has the other end of `connected`."""

    def __init__(self, connected: socket.socket) -> None:
        self._socket = connected
        self._rest = b""

    def wait(self, timeout: float) -> None:
        """Wait until the machine has started it; what is asked before that is kept by QEMU."""
        self.ask("guest-sync", timeout, id=1)

    def run(self, argv, stdin: bytes, env: dict[str, str], timeout: float):
        """Run `argv` to its end; return its exit code (negative: a signal), stdout and stderr."""
        until = time.monotonic() + timeout
        pid = self.ask(
            "guest-exec",
            **{"path": argv[0], "arg": list(argv[1:]), "capture-output": True},
            env=[f"{key}={value}" for key, value in env.items()],
            **{"input-data": base64.b64encode(stdin).decode()},
        )["pid"]
        while time.monotonic() < until:
            status = self.ask("guest-exec-status", pid=pid)
            if status["exited"]:
                code = -status["signal"] if status.get("signal") else status["exitcode"]
                parts = (status.get(name, "") for name in ("out-data", "err-data"))
                return (code, *map(base64.b64decode, parts))
            time.sleep(0.1)
        raise AssertionError(f"{argv}: not done after {timeout:.0f} s")

    def ask(self, command: str, timeout: float = 60, **arguments):
        """Return what the agent answers to `command`, or raise NoAnswer."""
        request = json.dumps({"execute": command, "arguments": arguments}) + "\n"
        self._socket.settimeout(timeout)
        try:
            self._socket.sendall(request.encode())
            answer = json.loads(self._line())
        except (OSError, ValueError) as error:
            raise NoAnswer(f"{command}: {error}") from error
        if "error" in answer:
            raise AssertionError(f"{command}: {answer['error']}")
        return answer["return"]

    def close(self) -> None:
        self._socket.close()

    def _line(self) -> bytes:
        while b"\n" not in self._rest:
            more = self._socket.recv(1 << 16)
            if not more:
                raise NoAnswer("the machine is off")
            self._rest += more
        line, _, self._rest = self._rest.partition(b"\n")
        return line
