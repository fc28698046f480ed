"""What hookd costs before it does anything: its start, and a run without hooks."""

from __future__ import annotations

from typing import Iterator

from interpreter import Interpreter
from measure import fastest, run
from place import Place
from row import Row


def rows(place: Place) -> Iterator[Row]:
    """Yield rows beside the start of Python itself; the values are whole, not beyond it."""
    for python in place.interpreters:
        least = _measure(place, python)
        bare = least.pop("bare")
        for name, value in least.items():
            note = f"{value - bare:.0f} ms beyond it"
            yield Row(_WHATS[name], python.name, value, "ms", "python -c pass", bare, note=note)


_WHATS = {
    "version": "hookd --version",
    "status": "hookd status",
    "run": "hookd run pre, empty root",
}


def _measure(place: Place, python: Interpreter) -> dict[str, float]:
    root = place.root()

    def hookd(*words: str) -> float:
        root.forget()
        argv = python.hookd("--root", str(root.path), *words)
        return run(argv, place.environment).ms

    hookd("run", "pre")  # compiles the modules
    return fastest(
        place.fast,
        bare=lambda: run([python.path, "-c", "pass"], place.environment).ms,
        version=lambda: hookd("--version"),
        status=lambda: hookd("status"),
        run=lambda: hookd("run", "pre"),
    )
