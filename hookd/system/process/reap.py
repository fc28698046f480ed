"""Learns of every child's death: the signal set-up of a process that runs hooks, and wait4."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING, Any, NamedTuple

_libc: Any = None
try:
    import ctypes

    _libc = ctypes.CDLL(None)
except (ImportError, OSError):  # built without libffi: orphans then go to pid 1
    pass

if TYPE_CHECKING:
    from types import TracebackType

_PR_SET_CHILD_SUBREAPER = 36
_PR_GET_CHILD_SUBREAPER = 37
_ENOUGH = 4096

_IGNORABLE = (
    signal.SIGHUP,
    signal.SIGINT,
    signal.SIGQUIT,
    signal.SIGUSR1,
    signal.SIGUSR2,
    signal.SIGALRM,
    signal.SIGTERM,
    signal.SIGTSTP,
    signal.SIGTTIN,
    signal.SIGTTOU,
)


class Reaped(NamedTuple):
    """How a child ended. `code` is its exit code, or minus the number of the signal."""

    pid: int
    code: int
    cpu_s: float
    max_rss_kb: int


class Reaper:
    """Makes this process the one that all descendants of its hooks come back to.

    While it is entered: a SIGCHLD handler of our own stands (with SIGCHLD ignored the kernel
    throws exit codes away, wait(2)); no signal is blocked, and none is ignored, because both
    survive execve(2) and a hook could not be ended by TERM; we are the child subreaper
    (prctl(2)). `fileno` becomes readable when a signal came. Main thread only.
    """

    def __init__(self) -> None:
        self.subreaper = False
        self.childless = False
        self._handlers: dict[int, Any] = {}

    def __enter__(self) -> Reaper:
        self._wake, self._woken = os.pipe()
        for descriptor in (self._wake, self._woken):
            os.set_blocking(descriptor, False)
        self._wakeup = signal.set_wakeup_fd(self._woken, warn_on_full_buffer=False)
        self._handlers = {signal.SIGCHLD: signal.signal(signal.SIGCHLD, _nothing)}
        for number in _IGNORABLE:
            if signal.getsignal(number) == signal.SIG_IGN:
                self._handlers[number] = signal.signal(number, _nothing)
        self._mask = signal.pthread_sigmask(signal.SIG_SETMASK, ())
        self._was_subreaper = _is_subreaper()
        self.subreaper = _set_subreaper(on=True)
        return self

    def __exit__(
        self,
        _type: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self.reap()
        _set_subreaper(on=self._was_subreaper)
        signal.pthread_sigmask(signal.SIG_SETMASK, self._mask)
        for number, handler in self._handlers.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
        signal.set_wakeup_fd(self._wakeup)
        os.close(self._wake)
        os.close(self._woken)

    def fileno(self) -> int:
        return self._wake

    def quiet(self) -> None:
        """Forget the signals that came so far."""
        try:
            os.read(self._wake, _ENOUGH)
        except BlockingIOError:
            return

    def reap(self) -> list[Reaped]:
        """Collect every child that has ended, orphans too; `childless` says none is left."""
        found: list[Reaped] = []
        self.childless = False
        while True:
            try:
                pid, status, usage = os.wait4(-1, os.WNOHANG)
            except ChildProcessError:
                self.childless = True
                return found
            if pid == 0:
                return found
            code = -os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)
            found.append(Reaped(pid, code, usage.ru_utime + usage.ru_stime, usage.ru_maxrss))


def is_waitable(pid: int) -> bool:
    """Whether `pid` is a child whose exit status can still be had."""
    try:
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return False
    return True


def _nothing(_number: int, _frame: object) -> None:
    """Stand for `ignore` in this process; execve turns it into the default in a hook."""


def _set_subreaper(*, on: bool) -> bool:
    return _prctl(_PR_SET_CHILD_SUBREAPER, int(on)) == 0


def _is_subreaper() -> bool:
    if _libc is None:
        return False
    answer = ctypes.c_int(0)
    return _prctl(_PR_GET_CHILD_SUBREAPER, ctypes.byref(answer)) == 0 and bool(answer.value)


def _prctl(option: int, argument: Any) -> int:
    return -1 if _libc is None else int(_libc.prctl(option, argument, 0, 0, 0))
