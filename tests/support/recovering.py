"""The service of a machine in a folder, and waiting for what it does by itself."""

from __future__ import annotations

import contextlib
import subprocess
import time


@contextlib.contextmanager
def service(root):
    """Run the service; yield where its log goes."""
    log = root.path / "service.log"
    with open(log, "wb") as to:
        process = subprocess.Popen(
            root.command("daemon"),
            env=root.environment(None),
            stdin=subprocess.DEVNULL,
            stdout=to,
            stderr=to,
        )
    try:
        eventually((root.path / "run/hookd/hookd.sock").exists)
        yield log
    finally:
        process.terminate()
        process.wait(10)


def eventually(condition, patience_s=15.0):
    until = time.monotonic() + patience_s
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.05)
