"""hookd as a fork of this process, which has it imported: a start of Python costs 0.2 s."""

from __future__ import annotations

import os
import signal
import sys
import tempfile
import time

from hookd.cli import main
from hookd.commands import command
from hookd.commands.words import HELP

# main imports them late, and each fork would again
for verb in HELP:
    command(verb)


def start(argv, environment, *, out: int | None = None, err: int | None = None) -> int:
    """Start hookd, in a session of its own and with that environment alone; return its pid."""
    pid = os.fork()
    if pid:
        return pid
    code = 70
    try:
        os.setsid()
        os.chdir("/")
        null = os.open(os.devnull, os.O_RDWR)
        for descriptor, to in enumerate((null, out or null, err or null)):
            os.dup2(to, descriptor)
        sys.stdout = os.fdopen(1, "w", encoding="utf-8", closefd=False)
        sys.stderr = os.fdopen(2, "w", encoding="utf-8", closefd=False)
        os.environ.clear()
        os.environ.update(environment)
        code = main(list(argv))
        sys.stdout.flush()
        sys.stderr.flush()
    except SystemExit as left:  # argparse
        code = left.code
    finally:
        os._exit(code)


def run(argv, environment, timeout_s: float = 60) -> tuple[int, bytes, bytes, float]:
    """Run hookd to its end; return its exit code, stdout, stderr and what it cost in seconds.

    A code is negative for a signal; its hooks cost as well.
    """
    until = time.monotonic() + timeout_s
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        pid = start(argv, environment, out=out.fileno(), err=err.fileno())
        code, cpu_s = _wait(pid, until)
        for file in (out, err):
            file.seek(0)
        return code, out.read(), err.read(), cpu_s


def _wait(pid: int, until: float) -> tuple[int, float]:
    while True:
        found, status, used = os.wait4(pid, os.WNOHANG)
        if found:
            code = os.WEXITSTATUS(status) if os.WIFEXITED(status) else -os.WTERMSIG(status)
            return code, used.ru_utime + used.ru_stime
        if time.monotonic() > until:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            raise AssertionError("hookd did not end in time")
        time.sleep(0.003)
