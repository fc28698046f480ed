"""The service: what a served call costs, what it holds in memory, how often it wakes up.

Beside run-parts, and beside networkd-dispatcher: a service in Python that runs a directory of
scripts when something happens.
"""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import time
from typing import Iterator

import dispatcher
import proc
from interpreter import Interpreter
from measure import fastest, run
from place import FakeRoot, Place
from row import Row
from sequential import COUNT, WHAT, why_no_run_parts

_START_MS = 60.0
_SERVED = "hookd run pre, served, no hooks, beyond python -c pass"
_WATCHED_S = 65.0
_BETWEEN_WAKE_UPS_S = 30.0
_MIB = 1 << 20


def rows(place: Place) -> Iterator[Row]:
    """Yield the rows of each interpreter, then those that are measured on one only."""
    for python in place.interpreters:
        yield from _calls(place, python)
        yield from _memory(place, python)
    yield _wake_ups(place, place.here)


def _calls(place: Place, python: Interpreter) -> Iterator[Row]:
    full, empty = place.root(), place.root()
    full.add_hooks(COUNT, "#!/bin/sh\n")
    with _service(place, python, full), _service(place, python, empty):
        actions = {
            "bare": lambda: run([python.path, "-c", "pass"], place.environment).ms,
            "empty": lambda: _served(place, python, empty),
            "full": lambda: _served(place, python, full),
        }
        no_peer = why_no_run_parts()
        if not no_peer:
            peer = ["run-parts", str(full.hooks())]
            actions["run_parts"] = lambda: run(peer, place.environment).ms
        least = fastest(place.fast, **actions)
    beyond = least["empty"] - least["bare"]
    yield Row(_SERVED, python.name, beyond, "ms", "the budget", _START_MS, 1.0)
    cost, what = least["full"] - least["empty"], f"{WHAT}, served"
    if no_peer:
        yield Row(what, python.name, budget=python.hook_budget, skipped=no_peer)
    else:
        peer_ms = least["run_parts"]
        yield Row(what, python.name, cost, "ms", "run-parts", peer_ms, python.hook_budget)
    missing = dispatcher.why_not()
    if missing:
        yield Row(what, python.name, skipped=missing)
    else:
        peer_ms = dispatcher.cost_ms(place, full.hooks())
        yield Row(what, python.name, cost, "ms", "networkd-dispatcher", peer_ms)


def _memory(place: Place, python: Interpreter) -> Iterator[Row]:
    """Measure the service that nobody has called, with its engine in a phase, and after that.

    Nothing open it leaves after a minute. With an operation open it has loaded all it may need.
    """
    root = place.root()
    root.add_hooks(1, "#!/bin/sh\ntouch $HOOKD_ROOT/runs\nsleep 1\n")
    allowed = python.memory_budget_mib

    def row(when: str, used: int, budget: float | None = None) -> Row:
        what = f"memory of the service, {when}"
        return Row(what, python.name, used / _MIB, "MiB", "the budget", allowed, budget)

    with _service(place, python, root) as service:
        yield row("nothing open", proc.rss_bytes(service.pid))
        argv = python.hookd("--root", str(root.path), "run", "pre")
        call = subprocess.Popen(argv, env=place.environment, stdout=subprocess.DEVNULL)
        while not (root.path / "runs").exists() and call.poll() is None:
            time.sleep(0.01)
        engines = proc.children(service.pid)
        yield row("in a phase, with its engine", sum(map(proc.pss_bytes, [service.pid, *engines])))
        call.wait(30)
        yield row("an operation open", proc.rss_bytes(service.pid), 1.0)


def _wake_ups(place: Place, python: Interpreter) -> Row:
    root, what = place.root(), "wake-ups in 65 s, an operation open"
    with _service(place, python, root) as service:
        _served(place, python, root)
        time.sleep(2)  # the engine's end wakes it, too
        before = proc.sleeps(service.pid)
        time.sleep(_WATCHED_S)
        count = proc.sleeps(service.pid) - before
    allowed = _WATCHED_S / _BETWEEN_WAKE_UPS_S
    return Row(what, python.name, count, "times", "one in 30 s", allowed, 1.0)


def _served(place: Place, python: Interpreter, root: FakeRoot) -> float:
    """Return the milliseconds of a first pre; the socket stays."""
    for folder in ("var/lib/hookd", "var/log/hookd"):
        shutil.rmtree(str(root.path / folder), ignore_errors=True)
    return run(python.hookd("--root", str(root.path), "run", "pre"), place.environment).ms


@contextlib.contextmanager
def _service(place: Place, python: Interpreter, root: FakeRoot) -> Iterator[subprocess.Popen]:
    argv = python.hookd("--root", str(root.path), "daemon")
    service = subprocess.Popen(argv, env=place.environment, stderr=subprocess.DEVNULL)
    try:
        until = time.monotonic() + 30
        while not (root.path / "run/hookd/hookd.sock").exists():
            if service.poll() is not None or time.monotonic() > until:
                raise RuntimeError("the service does not start")
            time.sleep(0.02)
        yield service
    finally:
        service.terminate()
        service.wait(30)
