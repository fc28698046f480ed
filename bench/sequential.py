"""100 hooks that do nothing, one after the other: beside run-parts, and beside a loop in sh."""

from __future__ import annotations

import shutil
import subprocess
from typing import Iterator

from interpreter import Interpreter
from measure import fastest, run
from place import FakeRoot, Place
from row import Row

WHAT = "100 no-op hooks, beyond none"
COUNT = 100
_LOOP = 'for hook in "$1"/*; do "$hook"; done'


def rows(place: Place) -> Iterator[Row]:
    """Yield two rows for each interpreter. The output of the peers goes to /dev/null."""
    full, empty = place.root(), place.root()
    full.add_hooks(COUNT, "#!/bin/sh\n")
    reason = why_no_run_parts()
    for python in place.interpreters:
        least = _measure(place, python, full, empty, with_run_parts=not reason)
        cost = least["full"] - least["empty"]
        if reason:
            yield Row(WHAT, python.name, budget=python.hook_budget, skipped=reason)
        else:
            peer = least["run_parts"]
            yield Row(WHAT, python.name, cost, "ms", "run-parts", peer, python.hook_budget)
        yield Row(WHAT, python.name, cost, "ms", "for loop in sh", least["loop"])


def _measure(
    place: Place, python: Interpreter, full: FakeRoot, empty: FakeRoot, *, with_run_parts: bool
) -> dict[str, float]:
    def hookd(root: FakeRoot) -> float:
        root.forget()
        return run(python.hookd("--root", str(root.path), "run", "pre"), place.environment).ms

    def peer(*argv: str) -> float:
        return run([*argv, str(full.hooks())], place.environment).ms

    actions = {
        "full": lambda: hookd(full),
        "empty": lambda: hookd(empty),
        "loop": lambda: peer("sh", "-c", _LOOP, "loop"),
    }
    if with_run_parts:
        actions["run_parts"] = lambda: peer("run-parts")
    hookd(empty)  # compiles the modules
    return fastest(place.fast, **actions)


def why_no_run_parts() -> str:
    """Return why there is no peer, or ""; that of crontabs is a shell script, ten times as slow."""
    if not shutil.which("run-parts"):
        return "no run-parts"
    asked = subprocess.run(
        ["run-parts", "--version"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False
    )
    return "" if b"Debian run-parts" in asked.stdout else "run-parts is not that of debianutils"
