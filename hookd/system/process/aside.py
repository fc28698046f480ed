"""Asks several probes at once, each in a forked process that may hang, break or be killed."""

from __future__ import annotations

import contextlib
import fcntl
import gc
import json
import os
import selectors
import signal
import time
from dataclasses import dataclass, replace
from typing import Callable, Sequence, Tuple, TypeVar

from hookd.core.codec import decode, to_json
from hookd.core.readings import Reading, Standing
from hookd.system.clock import up_s
from hookd.system.process.table import descendants, read_process

R = TypeVar("R", bound=Reading)

_LAST_STANDARD = 2
_BLOCK = 1 << 20
_WIDE_PIPE = 1 << 20
_F_SETPIPE_SZ = 1031  # fcntl has the name from Python 3.10 on
_MOST_BYTES = 8 << 20
_GOES_ON_S = 1.0
_ENDS_WITHIN_S = 1.0
_LOOK_S = 0.0005
_ORPHAN_S = 60.0  # who was killed cannot kill us; who only reads something else comes back by then
_SIGNALS = frozenset(signal.Signals)
_NEVER_CAUGHT = (signal.SIGKILL, signal.SIGSTOP)


@dataclass(frozen=True)
class Question:
    """A probe, and the empty reading of its type that stands, as unknown, for an answer it has
    not given `limit_s` seconds after it was started.
    """

    probe: Callable[[], Reading]
    failed: Reading
    limit_s: float


Collect = Callable[[], Tuple[Reading, ...]]
Ask = Callable[[Sequence[Question]], Collect]


def ask(questions: Sequence[Question]) -> Collect:
    """Start a process for each question; what is returned waits for them and has their readings,
    in the order of the questions. Never raises.

    What is late is killed with all that it has started, and left behind if it will not die (a
    process in an uninterruptible sleep: a dead NFS mount). An answer that is being given when its
    time is up may be given to its end. Meanwhile nobody else may collect children of ours.
    """
    asked = [_start(question) for question in questions]
    return lambda: _collect(asked)


def at_once(questions: Sequence[Question]) -> Collect:
    """Answer in this process, one after the other and without limits: an Ask as well."""
    readings = tuple(guarded(one.probe, one.failed) for one in questions)
    return lambda: readings


def guarded(probe: Callable[[], R], failed: R) -> R:
    """Return what `probe` reads; `failed`, as unknown, when there is a bug in it."""
    try:
        return probe()
    except Exception as error:  # noqa: BLE001 - the one place: a broken probe costs its reading only
        return unknown(failed, f"the probe broke: {type(error).__name__}: {error}")


def unknown(failed: R, reason: str) -> R:
    return replace(failed, standing=Standing.UNKNOWN, reason=reason[:300])


class _Asked:
    """A question that was put to a process of its own, `pid`, which answers through `pipe`."""

    def __init__(self, question: Question, pid: int, pipe: int) -> None:
        process = read_process(pid)
        self.question, self.pid, self.pipe = question, pid, pipe
        self.until = up_s() + question.limit_s
        self.is_gone = self.is_whole = self.is_late = False
        self._started = process.started if process else 0.0
        self._answer = bytearray()
        self._status: int | None = None

    def read(self) -> None:
        """Take what is there."""
        try:
            data = os.read(self.pipe, _BLOCK)
        except BlockingIOError:
            return
        self._answer += data
        self.is_whole = not data
        self.until = max(self.until, up_s() + _GOES_ON_S)

    @property
    def is_due(self) -> bool:
        """Whether to wait no longer: it is late, or says more than can be true."""
        return up_s() >= self.until or len(self._answer) > _MOST_BYTES

    def kill(self) -> None:
        """Kill it and all that it has started, in whatever session that is."""
        process = read_process(self.pid)
        if process is None or process.started != self._started:
            return  # the number may be somebody else's, where the caller had SIGCHLD ignored
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(self.pid, signal.SIGSTOP)  # so that it starts nothing while we look
        for pid in (self.pid, *descendants(self.pid)):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)

    def reap(self) -> bool:
        """Collect it if it has ended, and return whether it has."""
        try:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
        except ChildProcessError:  # the caller had SIGCHLD ignored
            self.is_gone = True
            return True
        if pid:
            self.is_gone, self._status = True, status
        return self.is_gone

    def reading(self) -> Reading:
        """Return what it answered, or why it did not."""
        if self.is_whole:
            with contextlib.suppress(ValueError):
                return decode(type(self.question.failed), json.loads(self._answer))
        return unknown(self.question.failed, f"the probe {self._why()}")

    def _why(self) -> str:
        if len(self._answer) > _MOST_BYTES:
            return f"answered more than {_MOST_BYTES >> 20} MiB"
        number = os.WTERMSIG(self._status) if self._status and os.WIFSIGNALED(self._status) else 0
        if self.is_late or number == signal.SIGALRM:
            left = "" if self.is_gone else " and will not die"
            return f"did not answer within {self.question.limit_s:g} s{left}"
        if number:
            return f"was killed by {signal.Signals(number).name}"
        return "ended without an answer"


def _start(question: Question) -> _Asked | Reading:
    try:
        answers, answer_to = os.pipe()
    except OSError as error:
        return unknown(question.failed, f"the probe could not be asked: {error.strerror}")
    # a signal between fork and _alone would wake the loop of our parent, or be forgotten
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
    try:
        pid = os.fork()
        if pid == 0:
            _answer(question, answer_to)
    except OSError as error:
        os.close(answers)
        return unknown(question.failed, f"the probe could not be asked: {error.strerror}")
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        os.close(answer_to)
    os.set_blocking(answers, False)
    return _Asked(question, pid, answers)


def _answer(question: Question, pipe: int) -> None:
    """Be the process that answers: nothing of what our parent has open, handles or remembers."""
    code = 1
    try:
        gc.disable()  # it would write to, and so copy, every page that we share with our parent
        pipe = _alone(pipe)
        signal.setitimer(signal.ITIMER_REAL, question.limit_s + _ORPHAN_S)
        reading = guarded(question.probe, question.failed)
        data = memoryview(to_json(reading).encode("ascii"))
        signal.setitimer(signal.ITIMER_REAL, 0)  # from here on it is our parent that we wait for
        while data:
            data = data[os.write(pipe, data) :]
        code = 0
    finally:
        os._exit(code)


def _alone(pipe: int) -> int:
    """Keep no descriptor but `pipe`, which is returned under another number.

    A copy of a lock's descriptor would hold the lock, one of a connection would keep it open, for
    as long as we hang.
    """
    os.setsid()
    signal.set_wakeup_fd(-1)
    for number in _SIGNALS.difference(_NEVER_CAUGHT):
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    kept = fcntl.fcntl(pipe, fcntl.F_DUPFD_CLOEXEC, _LAST_STANDARD + 1)
    null = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
    for standard in range(_LAST_STANDARD + 1):
        os.dup2(null, standard)
    for name in os.listdir("/proc/self/fd"):
        if _LAST_STANDARD < int(name) != kept:
            with contextlib.suppress(OSError):
                os.close(int(name))
    with contextlib.suppress(OSError):  # over the user's limit, pipe(7)
        fcntl.fcntl(kept, _F_SETPIPE_SZ, _WIDE_PIPE)
    return kept


def _collect(asked: Sequence[_Asked | Reading]) -> tuple[Reading, ...]:
    children = [one for one in asked if isinstance(one, _Asked)]
    _listen(children)
    give_up_at = up_s() + _ENDS_WITHIN_S
    for child in children:
        while not child.reap() and up_s() < give_up_at:
            time.sleep(_LOOK_S)
        if not child.is_gone:
            child.kill()
    return tuple(one.reading() if isinstance(one, _Asked) else one for one in asked)


def _listen(children: Sequence[_Asked]) -> None:
    """Read until all have said everything, or are killed because their time is up."""
    with selectors.PollSelector() as selector:  # which takes no descriptor
        for child in children:
            selector.register(child.pipe, selectors.EVENT_READ, child)
        while selector.get_map():
            waiting: list[_Asked] = [key.data for key in selector.get_map().values()]
            due = min(child.until for child in waiting)
            for key, _ in selector.select(max(0.0, due - up_s())):
                key.data.read()
            for child in waiting:
                if child.is_whole or child.is_due:
                    child.is_late = not child.is_whole
                    if child.is_late:
                        child.kill()
                    selector.unregister(child.pipe)
                    os.close(child.pipe)
