"""How often the journal is synced for hooks that run one after the other: n + 2 times for n."""

from __future__ import annotations

import shutil
from typing import Iterator

from measure import run
from place import Place
from row import Row

_COUNT = 50


def rows(place: Place) -> Iterator[Row]:
    """Yield one row. strace names the file behind each descriptor (-y)."""
    what = f"syncs of the journal for {_COUNT} hooks"
    if not shutil.which("strace"):
        yield Row(what, budget=1.0, skipped="no strace")
        return
    root, log = place.root(), place.memory / "syncs"
    root.add_hooks(_COUNT, "#!/bin/sh\n")
    strace = ["strace", "-f", "-y", "-e", "trace=fsync,fdatasync", "-o", str(log)]
    run([*strace, *place.here.hookd("--root", str(root.path), "run", "pre")], place.environment)
    count = sum("/journal.jsonl>" in line for line in log.read_text().splitlines())
    yield Row(what, place.here.name, count, "times", "n + 2", _COUNT + 2, 1.0)
