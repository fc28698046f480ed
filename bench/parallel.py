"""20 hooks that wait half a second, all at the same time: beside the slowest of them."""

from __future__ import annotations

import json
from typing import Iterator

from interpreter import Interpreter
from measure import fastest, run
from place import FakeRoot, Place
from row import Row

WHAT = "20 parallel hooks of 0.5 s, beyond none"
_HOOK = "#!/bin/sh\n# /// hookd\n# parallel = true\n# ///\nsleep 0.5\n"
_COUNT = 20


def rows(place: Place) -> Iterator[Row]:
    full, empty = place.root(), place.root()
    full.add_hooks(_COUNT, _HOOK)
    full.write("etc/hookd/hookd.toml", f"[run]\nmax_parallel = {_COUNT}\n")
    for python in place.interpreters:
        slowest: list[float] = []

        def run_all(python: Interpreter = python, slowest: list[float] = slowest) -> float:
            took, longest = _once(place, python, full)
            slowest.append(longest)
            return took

        least = fastest(
            place.slow,
            full=run_all,
            empty=lambda python=python: _once(place, python, empty)[0],
        )
        cost = least["full"] - least["empty"]
        yield Row(WHAT, python.name, cost, "ms", "the slowest", min(slowest), 1.2)


def _once(place: Place, python: Interpreter, root: FakeRoot) -> tuple[float, float]:
    """Return how long the run took and how long its slowest hook, in milliseconds."""
    root.forget()
    argv = python.hookd("--root", str(root.path), "--json", "run", "pre")
    ran = run(argv, place.environment, keep=True)
    hooks = json.loads(ran.stdout)["phases"][-1]["hooks"]
    return ran.ms, max((hook["duration_s"] * 1e3 for hook in hooks), default=0.0)
