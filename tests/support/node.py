"""A machine in a folder, as far as hooks need one, and hookd working on it."""

from __future__ import annotations

import json
import pathlib
import subprocess
import sys

from support.fakeroot import CHECKOUT, shown

FILES = {
    "proc/sys/kernel/osrelease": "4.14.154-128.181.amzn2.x86_64\n",
    "proc/sys/kernel/random/boot_id": "1111-22\n",
    "proc/stat": "btime 1612489000\n",
    "proc/uptime": "1000.0 900.0\n",
}


class Node:
    """A root below `path`; `hook` puts hooks in, `start` starts hookd."""

    wrapper = ()

    def __init__(self, path):
        self.path = pathlib.Path(path)
        for name, text in FILES.items():
            self.write(name, text)
        for phase in ("pre", "post", "on-exit"):
            (self.path / "etc/hookd/hooks.d" / phase).mkdir(parents=True)

    def write(self, name, text):
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def hook(self, name, script, *metadata):
        """Write shell hook `name` (PHASE/NAME) with lines of `metadata`."""
        block = "".join(f"# {line}\n" for line in ("/// hookd", *metadata, "///"))
        path = self.write(f"etc/hookd/hooks.d/{name}", f"#!/bin/sh\n{block}{script}\n")
        path.chmod(0o755)
        return path

    def start(self, *words, before=""):
        """Start hookd in a shell that first runs `before`."""
        argv = [sys.executable, "-m", "hookd", "--root", str(self.path), *words]
        return subprocess.Popen(
            [*self.wrapper, "sh", "-c", before + 'exec "$@"', "sh", *argv],
            cwd=str(CHECKOUT),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )

    def run(self, *words, before=""):
        """Run hookd and return its exit code and stdout."""
        process = self.start(*words, before=before)
        stdout, _ = process.communicate(timeout=60)
        return shown(words, process.returncode, stdout)

    def result(self):
        """Return the only operation's result."""
        (path,) = self.path.glob("var/lib/hookd/operations/*/result.json")
        return json.loads(path.read_text())

    def hooks_of(self, phase):
        """Return the hooks of the newest attempt at `phase`, by name."""
        (*_, last) = (one for one in self.result()["phases"] if one["phase"] == phase)
        return {hook["name"]: hook for hook in last["hooks"]}
