"""The hooks that hookd ships (hooks.d/): run by hookd in a root, or one alone as it would."""

from __future__ import annotations

import contextlib
import os
import pathlib
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass, field

from support.fakeroot import CHECKOUT, PATH, FakeRoot

HOOKS = CHECKOUT / "hooks.d"
NAMES = sorted(path.relative_to(HOOKS).as_posix() for path in HOOKS.glob("*/*"))
OPERATION = "20260205T015311Z-7f3a"


def as_vendor(root: FakeRoot) -> FakeRoot:
    """Give `root` the shipped hooks where the package puts them; return it."""
    shutil.copytree(str(HOOKS), str(root.path / "usr/lib/hookd/hooks.d"))
    return root


def configure(root: FakeRoot, more: str = "", **settings) -> None:
    """Write the configuration: `more`, then settings by hook (pre/05-hold), each a dict."""
    tables = [f'[hooks."{name}".settings]\n' + _toml(one) for name, one in settings.items()]
    root.config("\n".join([more, *tables]))


def _toml(values) -> str:
    return "".join(f'{key} = """{value}"""\n' for key, value in values.items())


def executable(path: pathlib.Path, script: str) -> pathlib.Path:
    """Write a program, as a fake that stands on PATH."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(script, encoding="utf-8")
    path.chmod(0o755)
    return path


def _members(session: int) -> set:
    """Tell the processes of a session: timeout(1) makes groups of its own."""
    found = set()
    for pid in map(int, filter(str.isdigit, os.listdir("/proc"))):
        with contextlib.suppress(ProcessLookupError):
            if os.getsid(pid) == session:
                found.add(pid)
    return found


def _tell(session: int, signal_: int) -> None:
    """Send a signal to a whole session, stopped first: a shell whose command is gone runs on."""
    told: set = set()
    new = _members(session)
    while new:
        _send(new, signal.SIGSTOP)
        told |= new
        new = _members(session) - told
    _send(told, signal_)
    _send(told, signal.SIGCONT)


def _send(pids: set, signal_: int) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal_)


@dataclass(frozen=True)
class Done:
    """How a hook ended; `reason` is the last line of stderr, which hookd shows."""

    code: int
    reason: str
    outputs: dict = field(default_factory=dict)
    stdout: str = ""


class Alone:
    """Runs one hook with what the hook contract gives it; `bin` comes first on its PATH.

    The Python of a hook is the one that tests: it has to run on the oldest.
    """

    def __init__(self, tmp_path: pathlib.Path, *, root: str = "") -> None:
        self.root = pathlib.Path(root or tmp_path / "root")
        self.bin = tmp_path / "bin"
        self.scratch = tmp_path / "scratch"
        self.context = tmp_path / "context.json"
        for made in (self.bin, self.scratch, self.root):
            made.mkdir(parents=True, exist_ok=True)
        self.own = tmp_path / "own"
        self.own.mkdir(exist_ok=True)
        with contextlib.suppress(FileExistsError):
            (self.own / "python3").symlink_to(sys.executable)
        self.context.write_text("{}", encoding="utf-8")

    def environment(self, name: str, settings) -> dict:
        return {
            **{key: str(value) for key, value in settings.items()},
            "LANG": "C.UTF-8",
            "PATH": f"{self.bin}:{self.own}:{PATH}",
            "HOME": "/root",
            "HOOKD_PHASE": name.split("/", maxsplit=1)[0],
            "HOOKD_OPERATION": OPERATION,
            "HOOKD_ROOT": str(self.root),
            "HOOKD_SCRATCH": str(self.scratch),
            "HOOKD_OUTPUT": str(self.scratch / ".hookd-output"),
            "HOOKD_CONTEXT": str(self.context),
        }

    def start(self, name: str, *, within=(), **settings) -> subprocess.Popen:
        """Start the hook in a session of its own; `within` is a command that it runs below."""
        (self.scratch / ".hookd-output").unlink() if (
            self.scratch / ".hookd-output"
        ).exists() else None
        return subprocess.Popen(
            [*within, str(HOOKS / name)],
            env=self.environment(name, settings),
            cwd=str(self.scratch),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )

    def run(self, name: str, *, within=(), **settings) -> Done:
        return self.end(self.start(name, within=within, **settings))

    def end(self, process: subprocess.Popen, signal_: int = 0) -> Done:
        """Wait for the hook, after `signal_` to all of its session, and tell how it ended."""
        if signal_:
            _tell(process.pid, signal_)
        try:
            out, err = process.communicate(timeout=30)
        except subprocess.TimeoutExpired:
            _tell(process.pid, signal.SIGKILL)
            process.communicate()
            raise
        said = err.decode("utf-8", "backslashreplace").strip().splitlines()
        reason = said[-1] if said else ""
        return Done(process.returncode, reason, self._outputs(), out.decode("utf-8"))

    def _outputs(self) -> dict:
        path = self.scratch / ".hookd-output"
        lines = path.read_text("utf-8").splitlines() if path.exists() else []
        return dict(line.split("=", 1) for line in lines)
