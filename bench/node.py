"""A whole look at a running node, beside its slowest probe, and the memory of all of it."""

from __future__ import annotations

import json
import os
import pathlib
import shlex
import shutil
import subprocess
from typing import Any, Iterator

import snapshot
from interpreter import REPO
from place import Place
from row import Row

_PROCESSES = 300
_UNITS = 150
_WHAT = f"snapshot of {snapshot.COUNT:,} packages, {_UNITS} units, {_PROCESSES} processes"
_BUDGET = 1.5
_MEMORY_MB = 60.0
_NEEDED = ("rpm", "rpmbuild", "unshare")

# a machine of its own: its processes, its network, its databases, a systemd that answers
_INSIDE = """\
set -eu
python=$1 machine=$2 times=$3 bench=$4
mount --bind "$machine/var/lib/rpm" /var/lib/rpm
mount -t tmpfs tmpfs /run
[ ! -d /var/lib/dpkg ] || mount -t tmpfs tmpfs /var/lib/dpkg
mkdir -p /run/systemd/system
ip link set lo up 2>/dev/null || true
mkfifo /run/ready
"$python" "$bench/crowd.py" {processes} >/run/ready &
read -r _ </run/ready
PATH=$machine/bin:$PATH "$python" "$bench/node_inside.py" "$times"
"""


def rows(place: Place) -> Iterator[Row]:
    """Yield what the look takes and what memory."""
    missing = [name for name in _NEEDED if not shutil.which(name)]
    why = f"no {' and no '.join(missing)}" if missing else ""
    if os.geteuid() != 0:
        why = "only root can make such a machine"
    if why:
        yield Row(_WHAT, budget=_BUDGET, skipped=why)
        return
    told = _look(place)
    ms = dict(told["ms"])
    whole = ms.pop("look")
    slowest = max(ms, key=ms.get)
    peer = f"its slowest probe ({slowest})"
    yield Row(_WHAT, place.here.name, whole, "ms", peer, ms[slowest], _BUDGET, note=_each(ms))
    used = told["peak"] / 1e6
    yield Row(
        "memory of that, all processes of it",
        place.here.name,
        used,
        "MB",
        "the budget",
        _MEMORY_MB,
        1.0,
    )


def _each(ms: dict[str, float]) -> str:
    ordered = sorted(ms.items(), key=lambda one: -one[1])
    return ", ".join(f"{name} {round(took)}" for name, took in ordered)


def _look(place: Place) -> dict[str, Any]:
    """Return what node_inside.py tells. Raises RuntimeError when it saw another machine."""
    machine = snapshot.machine(place)
    _put_systemctl(machine, place.here.path)
    script = _INSIDE.format(processes=_PROCESSES)
    argv = ["unshare", "--mount", "--pid", "--net", "--fork", "--kill-child", "--mount-proc"]
    words = ("sh", place.here.path, str(machine), str(place.fast), str(REPO / "bench"))
    done = subprocess.run(
        [*argv, "sh", "-c", script, *words],
        env={**place.environment, "PYTHONPATH": str(REPO), "PATH": os.environ["PATH"]},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        check=True,
    )
    told = json.loads(done.stdout)
    found = told["found"]
    if (found["packages"], found["units"]) != (snapshot.COUNT, _UNITS):
        raise RuntimeError(f"another machine was seen: {found}")
    return told


def _put_systemctl(machine: pathlib.Path, python: str) -> None:
    fake = machine / "bin/systemctl"
    fake.parent.mkdir()
    program = shlex.quote(str(REPO / "bench" / "systemctl.py"))
    fake.write_text(f'#!/bin/sh\nexec {shlex.quote(python)} -ISE {program} "$@"\n')
    fake.chmod(0o755)
