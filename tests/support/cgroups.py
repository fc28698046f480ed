"""A cgroup named as the service's, made in a real hierarchy and entered for one test."""

from __future__ import annotations

import contextlib
import os
import pathlib

import pytest

from hookd.system.process.cgroup import locate, pids, remove

_PREFIXES = {"version 1": "name=systemd", "version 2": ""}
VERSIONS = tuple(_PREFIXES)


class Service:
    """`directory` is that of hookd.service; `outside` is where the tests are else."""

    def __init__(self, version: str):
        self.version = version
        controllers = _PREFIXES[version]
        self._path = f"/hookd-test-{os.getpid()}.slice/hookd.service"
        mounts = pathlib.Path("/proc/self/mountinfo").read_text()
        found = locate(f"9:{controllers}:{self._path}\n", mounts)
        if not found:
            pytest.skip(f"no cgroup hierarchy of {version} is mounted")
        self.directory = pathlib.Path(found[0])
        self.outside = pathlib.Path(found[0][: -len(self._path)] + _where(controllers))

    def make(self):
        try:
            self.directory.mkdir(parents=True)
        except OSError as error:
            pytest.skip(f"no cgroup can be made: {error}")

    def enter(self):
        (self.directory / "cgroup.procs").write_text("0")

    def leave(self):
        (self.outside / "cgroup.procs").write_text("0")

    def hooks(self) -> list[pathlib.Path]:
        """Return the cgroups of hooks that are there now."""
        return sorted(path for path in self.directory.iterdir() if path.is_dir())

    def clean(self):
        """Leave, end whatever is still below, remove all of it."""
        self.leave()
        for hook in self.hooks():
            for pid in pids(str(hook)):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, 9)
        for _ in range(200):
            for hook in self.hooks():
                remove(str(hook))
            with contextlib.suppress(OSError):
                self.directory.rmdir()
                break
            os.sched_yield()
        with contextlib.suppress(OSError):
            self.directory.parent.rmdir()


def _where(controllers: str) -> str:
    for line in pathlib.Path("/proc/self/cgroup").read_text().splitlines():
        name, _, path = line.partition(":")[2].partition(":")
        if name == controllers:
            return path
    pytest.skip(f"this process is in no cgroup of {controllers!r}")
    raise AssertionError
