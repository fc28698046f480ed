"""Where a benchmark happens: throw-away roots in memory or on disk, and what all rows share."""

from __future__ import annotations

import os
import pathlib
import shutil
import sys
from dataclasses import dataclass, field

from interpreter import REPO, Interpreter

CACHE = REPO / ".cache" / "bench"
_HOOKS = "etc/hookd/hooks.d"


class FakeRoot:
    """A root below which hookd runs: a kernel, a boot, a package log, no hooks yet."""

    def __init__(self, path: pathlib.Path) -> None:
        self.path = path
        self.write("proc/sys/kernel/osrelease", "4.14.154-128.181.amzn2.x86_64\n")
        self.write("proc/sys/kernel/random/boot_id", "11111111-2222-3333-4444-555555555555\n")
        self.write("proc/stat", "cpu 1 2 3\nbtime 1612489000\n")
        self.write("proc/uptime", "1000.0 900.0\n")
        self.write("var/log/yum.log", "Jan 01 00:00:00 Installed: foo-1-1.noarch\n")
        for phase in ("pre", "post", "on-exit"):
            self.hooks(phase).mkdir(parents=True)

    def write(self, name: str, text: str) -> pathlib.Path:
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def hooks(self, phase: str = "pre") -> pathlib.Path:
        return self.path / _HOOKS / phase

    def add_hooks(self, count: int, text: str) -> None:
        """Make `count` hooks of pre with the same text."""
        for number in range(count):
            self.write(f"{_HOOKS}/pre/{number:05}", text).chmod(0o755)

    def forget(self) -> None:
        """Remove what hookd has written: the next run is a first run again."""
        for folder in ("var/lib/hookd", "var/log/hookd", "run/hookd"):
            shutil.rmtree(str(self.path / folder), ignore_errors=True)


@dataclass
class Place:
    """What every row gets. `memory` is on a tmpfs where there is one, `disk` is where files go.

    `fast` are repetitions of what takes less than a second, `slow` of the rest.
    """

    interpreters: list[Interpreter]
    environment: dict[str, str]
    memory: pathlib.Path
    disk: pathlib.Path
    fast: int
    slow: int
    made: list[FakeRoot] = field(default_factory=list)

    @property
    def here(self) -> Interpreter:
        """The interpreter that runs the benchmark, for what is measured inside it."""
        return next(one for one in self.interpreters if one.version == sys.version_info[:3])

    def root(self, *, on_disk: bool = False) -> FakeRoot:
        above = self.disk if on_disk else self.memory
        made = FakeRoot(above / f"root-{len(self.made)}")
        self.made.append(made)
        return made


def memory_directory() -> tuple[str, str]:
    """Return a directory in memory where programs may run, else "", and why there is none."""
    directory = "/dev/shm"
    if not os.path.isdir(directory):
        return "", f"{directory} does not exist"
    flags = os.statvfs(directory).f_flag
    if flags & os.ST_NOEXEC:
        return "", f"{directory} is mounted noexec"
    return directory, ""
