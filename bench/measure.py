"""Times programs and functions: in turns, so that a busy moment meets all of them; the minimum."""

from __future__ import annotations

import subprocess
import time
from dataclasses import dataclass
from typing import Callable, Mapping, Sequence


@dataclass(frozen=True)
class Ran:
    """How long a program took, and what it printed."""

    ms: float
    stdout: bytes


def run(argv: Sequence[str], environment: Mapping[str, str], *, keep: bool = False) -> Ran:
    """Run `argv` to its end; `keep` its output. Raises RuntimeError when it fails."""
    began = time.perf_counter()
    process = subprocess.Popen(
        argv,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE if keep else subprocess.DEVNULL,
    )
    out = process.stdout.read() if process.stdout else b""
    code = process.wait()
    ms = (time.perf_counter() - began) * 1e3
    if process.stdout:
        process.stdout.close()
    if code:
        raise RuntimeError(f"{' '.join(argv)} ended with {code}")
    return Ran(ms, out)


def call(function: Callable[[], object]) -> float:
    """Return the milliseconds that `function` takes."""
    began = time.perf_counter()
    function()
    return (time.perf_counter() - began) * 1e3


def fastest(times: int, **actions: Callable[[], float]) -> dict[str, float]:
    """Return the least that each action returned, `times` times in turn."""
    least = dict.fromkeys(actions, float("inf"))
    for _ in range(times):
        for name, action in actions.items():
            least[name] = min(least[name], action())
    return least
