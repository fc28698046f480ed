"""Runs a short command of the system (rpm, dpkg-query) and returns what it said as a value."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from dataclasses import dataclass
from typing import Callable, Mapping, Sequence

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True)
class Completed:
    """How a command ended. `exit_code` is None when it never ran, was killed or timed out."""

    argv: tuple[str, ...]
    exit_code: int | None
    stdout: bytes = b""
    stderr: bytes = b""
    error: str = ""

    @property
    def is_ok(self) -> bool:
        return self.exit_code == 0 and not self.error

    def why(self) -> str:
        """Return one line that says what went wrong, for `reason` fields."""
        said = self.stderr.decode("utf-8", "replace").strip().splitlines()
        parts = [self.error or f"{self.argv[0]} exited {self.exit_code}", *said[:1]]
        return ": ".join(parts)[:300]


Run = Callable[..., Completed]


def run(
    argv: Sequence[str],
    *,
    timeout_s: float,
    environment: Mapping[str, str] | None = None,
    stdin: bytes | None = None,
) -> Completed:
    """Run `argv` in its own session on `stdin`. Missing programs and time-outs are results.

    A command that outlives `timeout_s` is killed with its process group; one that will not die
    (a dead NFS mount) is left behind.
    """
    base = {"PATH": os.environ.get("PATH", PATH), "LC_ALL": "C.UTF-8"}
    try:
        process = subprocess.Popen(
            list(argv),
            stdin=subprocess.DEVNULL if stdin is None else subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**base, **(environment or {})},
            start_new_session=True,
        )
    except OSError as error:
        return Completed(tuple(argv), None, error=f"{argv[0]}: {error.strerror}")
    try:
        out, err = process.communicate(stdin, timeout=timeout_s)
    except subprocess.TimeoutExpired:
        return Completed(tuple(argv), None, error=end(process, argv[0], timeout_s))
    return ended(process, tuple(argv), out, err)


def ended(
    process: subprocess.Popen[bytes], argv: tuple[str, ...], out: bytes, err: bytes
) -> Completed:
    """Return how a process ended that was waited for."""
    if process.returncode < 0:
        name = signal.Signals(-process.returncode).name
        return Completed(argv, None, out, err, f"{argv[0]} was killed by {name}")
    return Completed(argv, process.returncode, out, err)


def end(process: subprocess.Popen[bytes], name: str, timeout_s: float) -> str:
    """Kill a process that outlives `timeout_s` with its process group; say that it did."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    for pipe in (process.stdin, process.stdout, process.stderr):
        if pipe is not None:
            pipe.close()
    try:
        process.wait(timeout=1)
    except subprocess.TimeoutExpired:
        return f"{name} did not answer within {timeout_s:g} s and will not die"
    return f"{name} did not answer within {timeout_s:g} s"
