"""Finding 1,000 hooks, each examined, read and hashed: beside sha256sum, which only hashes."""

from __future__ import annotations

import shutil
from typing import Iterator

from measure import call, fastest, run
from place import Place
from row import Row

from hookd.config import Config
from hookd.core.model import Phase
from hookd.system.hooks.discovery import discover
from hookd.system.root import Root

_COUNT = 1000


def rows(place: Place) -> Iterator[Row]:
    what = f"discovery of {_COUNT:,} hooks"
    if not shutil.which("sha256sum"):
        yield Row(what, skipped="no sha256sum")
        return
    root = place.root()
    root.add_hooks(_COUNT, "#!/bin/sh\n# /// hookd\n# timeout = '5m'\n# ///\n")
    inside, files = Root(str(root.path)), sorted(map(str, root.hooks().iterdir()))
    least = fastest(
        place.fast,
        hookd=lambda: call(lambda: discover(inside, Phase.PRE, Config())),
        sha256sum=lambda: run(["sha256sum", *files], place.environment).ms,
    )
    yield Row(what, place.here.name, least["hookd"], "ms", "sha256sum", least["sha256sum"])
