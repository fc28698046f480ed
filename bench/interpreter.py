"""The Pythons that hookd is measured on: this one, and what else of 3.7, 3.9 and 3.11 is found."""

from __future__ import annotations

import glob
import json
import os
import pathlib
import shutil
import subprocess
import sys
from dataclasses import dataclass

REPO = pathlib.Path(__file__).resolve().parent.parent
WANTED = ((3, 7), (3, 9), (3, 11))

_ASK = """
import json, sys
try:
    import tomllib
except ImportError:
    try:
        import tomli
    except ImportError:
        sys.exit("it has no tomli")
print(json.dumps([list(sys.version_info[:3]), sys.executable]))
"""


@dataclass(frozen=True)
class Interpreter:
    """A Python that can run hookd."""

    path: str
    version: tuple[int, ...]

    @property
    def name(self) -> str:
        return ".".join(map(str, self.version))

    @property
    def hook_budget(self) -> float:
        """What no-op hooks may cost, in times of run-parts."""
        return 1.5 if self.version >= (3, 11) else 2.0

    @property
    def memory_budget_mib(self) -> float:
        """What the service may hold while an operation is open: 30 MB, 36 MB on 3.11."""
        return (36e6 if self.version >= (3, 11) else 30e6) / (1 << 20)

    def hookd(self, *words: str) -> list[str]:
        return [self.path, "-m", "hookd", *words]


def found(extra: list[str]) -> list[Interpreter]:
    """Return this Python, those named in `extra`, and one of each version that is WANTED."""
    candidates = [sys.executable, *extra]
    candidates += sorted(glob.glob(str(REPO / ".venv*/bin/python")))
    names = [f"python{major}.{minor}" for major, minor in WANTED]
    candidates += filter(None, map(shutil.which, names))
    kept: dict[tuple[int, ...], Interpreter] = {}
    for path in candidates:
        one = _examine(path)
        is_asked_for = path in (sys.executable, *extra)
        if one and (is_asked_for or one.version[:2] in WANTED):
            kept.setdefault(one.version[:2], one)
    return sorted(kept.values(), key=lambda one: one.version)


def _examine(path: str) -> Interpreter | None:
    asked = subprocess.run(
        [path, "-c", _ASK],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=_plain(),
        check=False,
    )
    if asked.returncode:
        return None
    version, executable = json.loads(asked.stdout)
    return Interpreter(executable, tuple(version))


def _plain() -> dict[str, str]:
    unwanted = ("PYTHON", "HOOKD_", "AWS_", "SSM_")
    return {k: v for k, v in os.environ.items() if not k.startswith(unwanted)}


def environment(cache: str) -> dict[str, str]:
    """Return the environment of what is measured; compiled modules are kept, below `cache`."""
    return {**_plain(), "PYTHONPATH": str(REPO), "PYTHONPYCACHEPREFIX": cache}
