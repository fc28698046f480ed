"""Starts one try of a hook: its own session, two pipes, nothing else of ours."""

from __future__ import annotations

import contextlib
import os
import subprocess
from dataclasses import dataclass
from typing import Mapping, NamedTuple, Sequence

from hookd.system.process.cgroup import Cgroups
from hookd.system.process.command import PATH
from hookd.system.process.posix_spawn import IS_HERE, posix_spawn
from hookd.system.process.refusal import refusal

_LAST_STANDARD = 2


@dataclass(frozen=True)
class Start:
    """Everything needed to start one try.

    `environment` is complete and holds HOOKD_HOOK=`token`. Times are seconds. The kept output is
    appended to `stdout_path` and `stderr_path`, created at the first byte, at most `output_cap`
    bytes of each stream of each try. `argv[0]` is an absolute path.
    """

    argv: tuple[str, ...]
    cwd: str
    environment: Mapping[str, str]
    token: str
    timeout_s: float
    grace_s: float
    stdout_path: str
    stderr_path: str
    output_cap: int


class Spawned(NamedTuple):
    """A started process and the read ends of its pipes, non-blocking.

    `cgroup` is the directory of the control group of its own, empty when it has none.
    """

    pid: int
    stdout: int
    stderr: int
    cgroup: str = ""


class NotStartedError(Exception):
    """The process could not be started; the message says why, for people."""


def spawn(start: Start, null: int, cgroups: Cgroups) -> Spawned:
    """Start it with stdin from descriptor `null`, in its own cgroup. Raises NotStartedError."""
    descriptors: list[int] = []
    try:
        descriptors += os.pipe()
        descriptors += os.pipe()
        stdout, stdout_write, stderr, stderr_write = descriptors
        os.set_blocking(stdout, False)
        os.set_blocking(stderr, False)
        with cgroups.entered(start.token) as cgroup:
            pid = _execute(start, (null, stdout_write, stderr_write))
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        for descriptor in descriptors:
            os.close(descriptor)
        raise NotStartedError(_why(start, error)) from error
    os.close(stdout_write)
    os.close(stderr_write)
    return Spawned(pid, stdout, stderr, cgroup)


def keep_reading(descriptor: int, null: int) -> bool:
    """Hand a pipe's read end to a process of its own that reads it to its end.

    Whoever still writes to it (an application that the hook has started) would die of SIGPIPE at
    its next line once we close it, or with us. False when that process could not be started.
    """
    os.set_blocking(descriptor, True)
    try:
        _popen(("cat",), cwd="/", environment={"PATH": PATH}, stdio=(descriptor, null, null))
    except OSError:
        return False
    return True


def open_null() -> int:
    """Return a descriptor of /dev/null above 2, and leave 0, 1 and 2 open."""
    null = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
    while null <= _LAST_STANDARD:
        null = os.dup(null)
    return null


def keep_descriptors() -> None:
    """Make everything above 2 that we have inherited close-on-exec, so that no hook gets it."""
    for name in os.listdir("/proc/self/fd"):
        with contextlib.suppress(OSError):
            if int(name) > _LAST_STANDARD:
                os.set_inheritable(int(name), False)


def _execute(start: Start, stdio: tuple[int, int, int]) -> int:
    execute = posix_spawn if IS_HERE else _popen
    return execute(start.argv, cwd=start.cwd, environment=start.environment, stdio=stdio)


def _popen(
    argv: Sequence[str], *, cwd: str, environment: Mapping[str, str], stdio: Sequence[int]
) -> int:
    stdin, stdout, stderr = stdio
    process = subprocess.Popen(
        argv,
        cwd=cwd,
        env=environment,
        stdin=stdin,
        stdout=stdout,
        stderr=stderr,
        start_new_session=True,
    )
    process.returncode = 0  # wait4 in reap.py reaps it; subprocess shall neither poll nor warn
    return process.pid


def _why(start: Start, error: Exception) -> str:
    if isinstance(error, OSError):
        return refusal(start.argv[0], error, start.cwd)
    return f"cannot be started: {error}"
