"""`hookd daemon` as a process of its own, and what the kernel tells of it."""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import signal
import socket
import subprocess
import time

from hookd.daemon import protocol


class Service:
    """The service of `root` (a FakeRoot or FaultRoot); its log is a file beside the root."""

    def __init__(self, root, environment):
        self.root = root
        self.path = os.path.join(str(root.path), protocol.SOCKET[1:])
        self.log_path = pathlib.Path(str(root.path) + ".service.log")
        self._environment = environment
        self.process = None

    def start(self, before=""):
        """Start it in a shell that first runs `before`, and wait until it serves."""
        told = len(self.log())
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                ["sh", "-c", before + 'exec "$@"', "sh", *self.root.command("daemon")],
                env=self._environment,
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        until = time.monotonic() + 30
        while not [line for line in self.log()[told:] if line["event"] == "serving"]:
            assert self.process.poll() is None, self.log_path.read_text()
            assert time.monotonic() < until
            time.sleep(0.01)
        return self

    def stop(self, number=signal.SIGTERM):
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(number)
            self.process.send_signal(signal.SIGCONT)
        return self.process.wait(20)

    def connect(self):
        connection = socket.socket(socket.AF_UNIX)
        connection.connect(
            self.path
        )  # waits for room in the queue, which one with a limit does not
        connection.settimeout(30)
        return connection

    def log(self):
        """Return the lines of the log as far as they are whole."""
        try:
            text = self.log_path.read_text()
        except FileNotFoundError:
            return []
        return [json.loads(line) for line in text.splitlines(keepends=True) if line[-1:] == "\n"]

    @property
    def rss_kb(self):
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.split("VmRSS:")[1].split()[0])

    @property
    def descriptors(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    @property
    def children(self):
        """Return the pids of its children, zombies too."""
        pid = self.process.pid
        text = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text()
        return [int(word) for word in text.split()]


def said(connection):
    """Return the messages until the other side closes."""
    with connection, connection.makefile("rb") as stream:
        return [json.loads(line) for line in stream]


def request(**fields):
    return protocol.to_bytes({"v": protocol.VERSION, **fields})
