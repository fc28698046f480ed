"""Runs a command that somebody else wrote: bounded in time and in what is kept of its output."""

from __future__ import annotations

import os
import selectors
import subprocess
import time
from typing import Mapping, Sequence

from hookd.system.process.command import Completed, end, ended
from hookd.system.process.refusal import refusal
from hookd.system.process.spawn import NotStartedError

_AT_ONCE = 1 << 16  # what a pipe holds (pipe(7)), so one reading empties it
_LOOK_EVERY_S = 0.1


def run_bounded(
    argv: Sequence[str], *, timeout_s: float, environment: Mapping[str, str], most: int
) -> Completed:
    """Run `argv` in its own session, in /, on no input; keep `most` bytes of stdout and stderr.

    It has ended when its process has: what it leaves running keeps nobody waiting. One that
    outlives `timeout_s` is killed with its process group. Raises NotStartedError.
    """
    argv = tuple(argv)
    try:
        process = subprocess.Popen(
            argv,
            cwd="/",
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
    except OSError as error:
        raise NotStartedError(refusal(argv[0], error, "/")) from error
    until = time.monotonic() + timeout_s
    with _Output(process, most) as output:
        while process.poll() is None:
            left = until - time.monotonic()
            if left <= 0:
                return Completed(argv, None, error=end(process, argv[0], timeout_s))
            output.read(min(left, _LOOK_EVERY_S))
        output.read(0)
        return ended(process, argv, *output.kept())


class _Output:
    """The two pipes of a process, read without waiting for their ends."""

    def __init__(self, process: subprocess.Popen[bytes], most: int) -> None:
        self._most = most
        self._pipes = [pipe for pipe in (process.stdout, process.stderr) if pipe is not None]
        self._kept = [bytearray() for _ in self._pipes]
        self._selector = selectors.DefaultSelector()
        for pipe, kept in zip(self._pipes, self._kept):
            os.set_blocking(pipe.fileno(), False)
            self._selector.register(pipe, selectors.EVENT_READ, kept)

    def __enter__(self) -> _Output:
        return self

    def __exit__(self, *_error: object) -> None:
        self._selector.close()
        for pipe in self._pipes:
            pipe.close()

    def kept(self) -> tuple[bytes, bytes]:
        out, err = self._kept
        return bytes(out), bytes(err)

    def read(self, within_s: float) -> None:
        """Take in what has come within that time; of one that writes on and on, a part."""
        if not self._selector.get_map():
            time.sleep(min(within_s, 0.01))
            return
        for key, _ in self._selector.select(within_s):
            try:
                data = os.read(key.fd, _AT_ONCE)
            except BlockingIOError:
                continue
            key.data.extend(data[: self._most - len(key.data)])
            if not data:
                self._selector.unregister(key.fileobj)
