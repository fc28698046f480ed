"""A machine in a folder: hooks, a package log, a kernel and a boot id for `hookd --root`."""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import sys
import time

from support import forked

CHECKOUT = pathlib.Path(__file__).resolve().parents[2]
OLD_KERNEL = "4.14.154-128.181.amzn2.x86_64"
NEW_KERNEL = "4.14.214-160.339.amzn2.x86_64"
KERNEL_LINE = "Feb 05 01:52:53 Installed: kernel-4.14.214-160.339.amzn2.x86_64"
PACKAGE_LINE = "Feb 05 01:52:14 Updated: 1:openssl-libs-1.0.2k-19.amzn2.0.4.x86_64"
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class FakeRoot:
    """A root that `hookd` runs in; the only package source is its yum.log."""

    def __init__(self, tmp_path):
        self.path = pathlib.Path(tmp_path) / "root"
        self.boots = 0
        self.started = []
        for name in ("proc/sys/kernel/random", "var/log", "etc/hookd"):
            (self.path / name).mkdir(parents=True)
        self.log("Jan 01 00:00:00 Installed: old-1-1.noarch")
        self.boot(OLD_KERNEL)

    def boot(self, kernel: str = OLD_KERNEL):
        """Boot into `kernel`: another boot id, boot time and uptime."""
        self.boots += 1
        self.write("proc/sys/kernel/osrelease", kernel + "\n")
        self.write(
            "proc/sys/kernel/random/boot_id", f"{self.boots:08d}-2222-3333-4444-{'5' * 12}\n"
        )
        self.write("proc/stat", f"cpu 1 2 3\nbtime {1612489000 + 1000 * self.boots}\n")
        self.write("proc/uptime", "100.0 90.0\n")

    def log(self, line: str):
        """Append one line to yum.log."""
        with open(self.path / "var/log/yum.log", "a", encoding="ascii") as file:
            file.write(line + "\n")

    def write(self, name: str, text: str, mode: int = 0o644):
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        path.chmod(mode)
        return path

    def config(self, toml: str):
        return self.write("etc/hookd/hookd.toml", toml)

    def hook(self, phase: str, name: str, script: str, mode: int = 0o755):
        """Write a shell hook. Lines of `script` that begin with `# ///` or `# ` stay metadata."""
        for above in ("etc/hookd", "etc/hookd/hooks.d"):
            (self.path / above).mkdir(exist_ok=True)
        return self.write(f"etc/hookd/hooks.d/{phase}/{name}", "#!/bin/sh\n" + script + "\n", mode)

    def undo(self, name: str, undoes: str, script: str, more: str = ""):
        """Write an on-exit hook that undoes pre hook `undoes`."""
        lines = [f'undoes = "pre/{undoes}"', *more.splitlines()]
        return self.hook("on-exit", name, metadata(*lines) + script)

    def command(self, *words: str):
        return [sys.executable, "-m", "hookd", "--root", str(self.path), *words]

    def environment(self, more):
        return {"PATH": PATH, "PYTHONPATH": str(CHECKOUT), "R": str(self.path), **(more or {})}

    def run(self, *words: str, environment=None):
        """Run hookd, as a fork, and return its exit code, stdout and stderr."""
        argv = ("--root", str(self.path), *words)
        code, out, err, _ = forked.run(argv, self.environment(environment))
        return shown(words, code, out, err)

    def executed(self, *words: str, environment=None):
        """Run hookd as a program of its own; returns what `run` does."""
        process = self.start(*words, environment=environment)
        out, err = process.communicate(timeout=60)
        return shown(words, process.returncode, out, err)

    def start(self, *words: str, environment=None):
        """Start hookd and return its Popen; `end` ends what is still there."""
        process = subprocess.Popen(
            self.command(*words),
            env=self.environment(environment),
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        self.started.append(process)
        return process

    def end(self):
        for process in self.started:
            if process.poll() is None:
                process.kill()
            process.communicate()

    def json(self, *words: str):
        code, out, err = self.run(*words, "--json")
        assert out, (code, err)
        return json.loads(out)

    def result(self, which: str = "last"):
        return self.json("show", which)

    def journal(self, which: str = ""):
        """Return the events of an operation (default: the newest by counter)."""
        folder = self.path / "var/lib/hookd/operations"
        found = {}
        for path in folder.glob("*/journal.jsonl"):
            events = [json.loads(line) for line in path.read_bytes().splitlines()]
            if events:
                found[events[0]["number"]] = events
        chosen = [events for events in found.values() if events[0]["id"] == which]
        return chosen[0] if which else found[max(found)]

    def events(self, kind: str, which: str = ""):
        return [event for event in self.journal(which) if event["event"] == kind]

    def ran(self):
        """Return what hooks appended to `$R/ran`, one word a line."""
        path = self.path / "ran"
        return path.read_text(encoding="utf-8").split() if path.exists() else []

    def wait_for(self, name: str, patience_s: float = 10.0):
        """Wait until a hook has made the file `name` in the root."""
        until = time.monotonic() + patience_s
        while not (self.path / name).exists():
            assert time.monotonic() < until, f"{name} did not appear"
            time.sleep(0.01)


def shown(words, code: int, *streams: bytes):
    """Decode what a call of hookd printed, and print it: pytest shows it when the test fails."""
    told = [stream.decode("utf-8") for stream in streams]
    print(f"$ hookd {' '.join(words)}: {code}", *(text[:4000] for text in told), sep="\n")
    return (code, *told)


def metadata(*lines: str) -> str:
    return "".join(f"# {line}\n" for line in ("/// hookd", *lines, "///"))


def says(word: str, then: str = "") -> str:
    """Return a script that notes `word` in `$HOOKD_ROOT/ran`, then does more."""
    return f'echo {word} >> "$HOOKD_ROOT/ran"\n{then}'


def hooks_of(result, phase: str, attempt: int = -1):
    """Return name -> (outcome, reason) of the newest (or that) attempt at `phase`."""
    found = [one for one in result["phases"] if one["phase"] == phase]
    chosen = found[attempt] if attempt < 0 else found[attempt - 1]
    return {hook["name"]: (hook["outcome"], hook["reason"]) for hook in chosen["hooks"]}


def check_of(result, check_id: str):
    return next((one for one in result["checks"] if one["id"] == check_id), None)


def is_root() -> bool:
    return os.geteuid() == 0
