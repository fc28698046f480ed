"""A hook that prints 1 GiB: how fast it is taken in, beside `hook > file`, in how much memory."""

from __future__ import annotations

import json
from typing import Iterator

from interpreter import Interpreter
from measure import fastest, run
from place import FakeRoot, Place
from row import Row

_BLOCKS = 16384
# VmHWM of proc(5), not wait4's figure: that one has the memory of the parent before execve as well.
_PEAK = "sed -n 's/^VmHWM:[[:space:]]*\\([0-9]*\\) kB/peak_kb=\\1/p' /proc/$PPID/status"
_HOOK = f"""\
#!/bin/sh
dd if=/dev/zero bs=64k count={{}} 2>/dev/null
{_PEAK} >> "${{{{HOOKD_OUTPUT:-/dev/null}}}}"
"""


def rows(place: Place) -> Iterator[Row]:
    """Yield speed and memory for each interpreter; the file and the state are on the same disk."""
    huge, tiny = place.root(on_disk=True), place.root(on_disk=True)
    huge.add_hooks(1, _HOOK.format(_BLOCKS))
    tiny.add_hooks(1, _HOOK.format(1))
    for python in place.interpreters:
        least = fastest(
            place.slow,
            huge=lambda python=python: _once(place, python, huge)[0],
            tiny=lambda python=python: _once(place, python, tiny)[0],
            written=lambda: _written(place, huge),
        )
        cost = least["huge"] - least["tiny"]
        what = "a hook that prints 1 GiB, beyond one that prints 64 KiB"
        yield Row(what, python.name, cost, "ms", "hook > file", least["written"], 2.0)
        peak, usual = _once(place, python, huge)[1], _once(place, python, tiny)[1]
        what = "memory for a hook that prints 1 GiB"
        yield Row(what, python.name, peak / 1024, "MiB", "that prints 64 KiB", usual / 1024, 1.2)


def _once(place: Place, python: Interpreter, root: FakeRoot) -> tuple[float, int]:
    """Return how long the run took, in ms, and the most memory that hookd had, in KiB."""
    root.forget()
    argv = python.hookd("--root", str(root.path), "--json", "run", "pre")
    ran = run(argv, place.environment, keep=True)
    hook = json.loads(ran.stdout)["phases"][-1]["hooks"][0]
    return ran.ms, int(hook["outputs"]["peak_kb"])


def _written(place: Place, root: FakeRoot) -> float:
    file = place.disk / "written"
    hook = root.hooks() / "00000"
    ran = run(["sh", "-c", '"$1" > "$2"', "peer", str(hook), str(file)], place.environment)
    file.unlink()
    return ran.ms
