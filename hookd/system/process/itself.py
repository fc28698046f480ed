"""The command that starts the same hookd again, for a child that keeps its libraries to itself."""

from __future__ import annotations

import os
import sys

import hookd

# Wherever this hookd lies, and nothing from the working directory or PYTHONPATH.
_START = "import sys; sys.path.insert(0, sys.argv.pop(1)); from {} import {}; {}()"
_PLACE = os.path.dirname(os.path.dirname(os.path.abspath(hookd.__file__)))


def starts(module: str, function: str, *words: str) -> list[str]:
    """Return the command that calls `function` of `module`, with `words` in sys.argv."""
    start = _START.format(module, function, function)
    return [sys.executable, "-I", "-B", "-c", start, _PLACE, *words]
