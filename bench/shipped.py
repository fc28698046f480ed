"""What the hooks that come along cost where none is configured: beside hooks that do nothing."""

from __future__ import annotations

import shutil
from typing import Iterator

from interpreter import REPO, Interpreter
from measure import fastest, run
from place import FakeRoot, Place
from row import Row

WHAT = "hooks.d of pre and post, none configured, beyond no hooks"
BUDGET = 1.5
_PHASES = ("pre", "post")


def rows(place: Place) -> Iterator[Row]:
    """Yield a row for each interpreter; the peers are as many scripts of the same shell."""
    shipped, no_op, empty = place.root(), place.root(), place.root()
    for phase in _PHASES:
        for hook in sorted((REPO / "hooks.d" / phase).iterdir()):
            shutil.copy(str(hook), str(shipped.hooks(phase)))
            no_op.write(f"etc/hookd/hooks.d/{phase}/{hook.name}", "#!/bin/bash\n").chmod(0o755)
    for python in place.interpreters:
        least = fastest(
            place.fast,
            shipped=lambda: _phases(place, python, shipped),  # noqa: B023 - called right here
            no_op=lambda: _phases(place, python, no_op),  # noqa: B023
            empty=lambda: _phases(place, python, empty),  # noqa: B023
        )
        cost, peer = (least[name] - least["empty"] for name in ("shipped", "no_op"))
        yield Row(WHAT, python.name, cost, "ms", "no-op hooks in bash", peer, BUDGET)


def _phases(place: Place, python: Interpreter, root: FakeRoot) -> float:
    root.forget()
    call = python.hookd("--root", str(root.path), "run")
    return sum(run([*call, phase], place.environment).ms for phase in _PHASES)
