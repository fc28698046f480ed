"""Rules for every test: unit tests start no process, no child outlives a test."""

from __future__ import annotations

import os
import pathlib
import subprocess

import pytest
from hypothesis import HealthCheck, settings

# a busy machine is no finding, and neither is a red run that nobody can repeat
settings.register_profile(
    "hookd",
    deadline=None,
    derandomize=bool(os.environ.get("CI")),
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
settings.load_profile("hookd")

UNIT = pathlib.Path(__file__).parent / "unit"


class ProcessStarted(BaseException):
    """Raised when a unit test starts a process; a BaseException so that nobody swallows it."""


@pytest.fixture(autouse=True)
def _no_processes_in_unit_tests(request, monkeypatch):
    if UNIT not in pathlib.Path(str(request.node.fspath)).parents:
        return
    if request.node.get_closest_marker("allow_process"):
        return

    def refuse(self, args, *_rest, **_more):
        raise ProcessStarted(f"a unit test may not start {args!r}")

    def refuse_fork():
        raise ProcessStarted("a unit test may not fork")

    monkeypatch.setattr(subprocess.Popen, "__init__", refuse)
    monkeypatch.setattr(os, "fork", refuse_fork)


@pytest.fixture(autouse=True)
def _no_leaked_children():
    yield
    try:
        child = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return
    if child is None:
        pytest.fail("a child process outlived the test")
    os.waitpid(child.si_pid, 0)
