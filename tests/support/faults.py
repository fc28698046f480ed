"""A throw-away root for faults: hooks as shell text, hookd as a real process, its journal read."""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import signal
import subprocess
import sys
import time

from hookd.core.fold import fold
from hookd.system import journal
from hookd.system.process.table import Table
from hookd.system.root import Root
from hookd.system.state import State
from support import forked

KERNEL = "4.14.154-128.181.amzn2.x86_64"
BOOT_ID = "11111111-2222-3333-4444-555555555555"
RESERVED = (137, 168, 169, 194, 195, 196)
REPOSITORY = pathlib.Path(__file__).parents[2]


class FaultRoot:
    """A root with a kernel, a boot id and a yum.log; `hook` puts a hook into it."""

    def __init__(self, folder: pathlib.Path) -> None:
        self.path = folder
        self.write("proc/sys/kernel/osrelease", KERNEL + "\n")
        self.write("proc/sys/kernel/random/boot_id", BOOT_ID + "\n")
        self.write("proc/stat", "cpu 1 2 3\nbtime 1612489000\n")
        self.write("proc/uptime", "1000.0 900.0\n")
        self.write("var/log/yum.log", "Jan 01 00:00:00 Installed: foo-1-1.noarch\n")
        for phase in ("pre", "post", "on-exit"):
            (self.path / "etc/hookd/hooks.d" / phase).mkdir(parents=True)
        for directory in [folder, *folder.rglob("*")]:
            if directory.is_dir():
                directory.chmod(0o755)

    def write(self, path: str, text: str | bytes) -> pathlib.Path:
        file = self.path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
        file.chmod(0o644)
        return file

    def hook(self, name: str, script: str | bytes = "exit 0\n", **metadata: object) -> pathlib.Path:
        """Write executable `PHASE/NAME`; text without a #! line gets /bin/sh and the metadata."""
        if isinstance(script, str) and not script.startswith("#!"):
            script = "#!/bin/sh\n" + _metadata(metadata) + script
        file = self.write("etc/hookd/hooks.d/" + name, script)
        file.chmod(0o755)
        return file

    def remove_hook(self, name: str) -> None:
        (self.path / "etc/hookd/hooks.d" / name).unlink()

    def configure(self, text: str) -> None:
        self.write("etc/hookd/hookd.toml", text)

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "hookd", "--root", str(self.path), *arguments]

    def hookd(self, *arguments: str, timeout: float = 60) -> Done:
        """Run hookd to its end as a fork of this process."""
        began = time.monotonic()
        argv = ("--root", str(self.path), *arguments)
        code, out, err, cpu_s = forked.run(argv, environment(), timeout)
        texts = (text.decode("utf-8", "backslashreplace") for text in (out, err))
        return Done(code, *texts, time.monotonic() - began, cpu_s)

    def executed(self, *arguments: str, timeout: float = 60) -> Done:
        """Run hookd to its end as a program of its own, with nothing of this process in it."""
        began = time.monotonic()
        done = subprocess.run(
            self.command(*arguments),
            capture_output=True,
            timeout=timeout,
            check=False,
            env=environment(),
            cwd="/",
        )
        texts = (text.decode("utf-8", "backslashreplace") for text in (done.stdout, done.stderr))
        return Done(done.returncode, *texts, time.monotonic() - began)

    def start(self, *arguments: str, **more: object) -> subprocess.Popen:
        """Start hookd in a session of its own and do not wait."""
        options = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, **more}
        return subprocess.Popen(
            self.command(*arguments),
            env=environment(),
            cwd="/",
            start_new_session=True,
            **options,
        )

    def fork(self, *arguments: str, out: int | None = None, err: int | None = None) -> int:
        """Start hookd as a fork of this process; return its pid."""
        argv = ("--root", str(self.path), *arguments)
        return forked.start(argv, environment(), out=out, err=err)

    @property
    def state(self) -> pathlib.Path:
        return self.path / "var/lib/hookd"

    def operations(self) -> list[str]:
        """Return the ids of the operations that were opened, by their counter."""
        return list(State(Root(str(self.path))).ids())

    def folder(self) -> pathlib.Path:
        """Return the folder of the only operation."""
        (name,) = self.operations()
        return self.state / "operations" / name

    def journal(self) -> pathlib.Path:
        return self.folder() / "journal.jsonl"

    def operation(self):
        """Return the fold of the only operation's journal."""
        return fold(journal.read(str(self.journal())).events)

    def operation_of(self, name: str):
        """Return operation `name` as hookd itself reads it."""
        return State(Root(str(self.path))).load(name)

    def executor(self):
        """Return who executes a phase now, as the lock says."""
        return State(Root(str(self.path))).executor()

    def result(self) -> dict:
        return json.loads((self.folder() / "result.json").read_text())

    def phase(self, name: str) -> dict:
        """Return the last attempt at phase `name` as result.json has it."""
        return [phase for phase in self.result()["phases"] if phase["phase"] == name][-1]

    def hook_result(self, name: str) -> dict:
        phase, _, hook = name.partition("/")
        return next(one for one in self.phase(phase)["hooks"] if one["name"] == hook)

    def lines(self) -> list[dict]:
        """Return results.jsonl."""
        text = (self.path / "var/log/hookd/results.jsonl").read_text()
        return [json.loads(line) for line in text.splitlines()]


class Done:
    """How a call of hookd ended."""

    def __init__(
        self, code: int, out: str, err: str, took_s: float, cpu_s: float | None = None
    ) -> None:
        self.code, self.out, self.err = code, out, err
        self.took_s, self.cpu_s = took_s, cpu_s

    def __repr__(self) -> str:
        return f"exit {self.code}\n{self.out}\n{self.err}"

    @property
    def first(self) -> str:
        return self.out.splitlines()[0] if self.out else ""

    @property
    def machine(self) -> dict:
        last = self.out.splitlines()[-1]
        return json.loads(last[len("hookd-result: ") :])


def environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HOOKD_")}
    return {**kept, "PYTHONPATH": str(REPOSITORY), "PYTHONDONTWRITEBYTECODE": "1"}


def _metadata(fields: dict[str, object]) -> str:
    if not fields:
        return ""
    lines = [f"# {name} = {json.dumps(value)}\n" for name, value in fields.items()]
    return "# /// hookd\n" + "".join(lines) + "# ///\n"


def living(marker: str) -> list[int]:
    """Return the pids whose environment or command line holds `marker`."""
    return [
        process.pid
        for process in Table(0.0).processes.values()
        if not process.is_dead and process.pid != os.getpid() and _mentions(process.pid, marker)
    ]


def _mentions(pid: int, marker: str) -> bool:
    with contextlib.suppress(OSError):
        for name in ("cmdline", "environ"):
            if marker.encode() in pathlib.Path(f"/proc/{pid}/{name}").read_bytes():
                return True
    return False


def end_all(marker: str) -> None:
    """KILL whoever still mentions `marker`."""
    for pid in living(marker):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def wait_for(what, patience_s: float = 10.0):
    """Wait until `what()` is true and return it; fail after `patience_s`."""
    give_up_at = time.monotonic() + patience_s
    while True:
        found = what()
        if found:
            return found
        assert time.monotonic() < give_up_at, "it did not happen in time"
        time.sleep(0.01)
