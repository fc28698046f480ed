"""Measures hookd against its budgets, each row beside its peer in the same run."""

from __future__ import annotations

import argparse
import json
import os
import pathlib
import platform
import shutil
import sys
import tempfile
from dataclasses import asdict
from typing import Any

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

import discovery
import folding
import interpreter
import node
import output
import packagelog
import parallel
import sequential
import service
import shipped
import snapshot
import start
import syncs
from place import Place, memory_directory
from row import Row, table

GROUPS = {
    "sequential": sequential,
    "service": service,
    "shipped": shipped,
    "syncs": syncs,
    "parallel": parallel,
    "snapshot": snapshot,
    "node": node,
    "packagelog": packagelog,
    "output": output,
    "start": start,
    "folding": folding,
    "discovery": discovery,
}
OUT = interpreter.REPO / "bench" / "out"


def main() -> int:
    """Measure, print, store; 1 when a budget is missed."""
    options = _options()
    groups = options.groups or list(GROUPS)
    directory, reason = memory_directory()
    if reason:
        print(f"no memory for the state: {reason}; it is on disk, so expect more of everything")
    above = pathlib.Path(tempfile.mkdtemp(prefix="hookd-bench-", dir=directory or None))
    disk = pathlib.Path(tempfile.mkdtemp(prefix="hookd-bench-"))
    try:
        found = interpreter.found(options.python)
        environment = interpreter.environment(str(above / "compiled"))
        place = Place(found, environment, above, disk, options.repeat, max(1, options.repeat // 3))
        machine = {**describe(), "pythons": [one.name for one in found]}
        print(_headline(machine), flush=True)
        rows = [row for name in groups for row in _measured(name, place)]
    finally:
        shutil.rmtree(str(above), ignore_errors=True)
        shutil.rmtree(str(disk), ignore_errors=True)
    print(table(rows))
    _store(machine, rows)
    missed = [row for row in rows if row.verdict == "MISSED"]
    if missed:
        print(f"{len(missed)} of {len(rows)} rows miss their budget")
    return 1 if missed and options.gate else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("groups", nargs="*", metavar="GROUP", help=f"of {', '.join(GROUPS)}")
    parser.add_argument("--no-gate", dest="gate", action="store_false", help="end 0 all the same")
    parser.add_argument("--repeat", type=int, default=10, help="how often; the least counts")
    parser.add_argument(
        "--python", action="append", default=[], metavar="FILE", help="measure on this one, too"
    )
    options = parser.parse_args()
    unknown = sorted(set(options.groups) - set(GROUPS))
    if unknown:
        parser.error(f"no group {', '.join(unknown)}")
    return options


def _measured(name: str, place: Place) -> list[Row]:
    print(f"measuring {name} ...", file=sys.stderr, flush=True)
    return list(GROUPS[name].rows(place))


def describe() -> dict[str, Any]:
    """Return what the numbers depend on; never the name of the machine."""
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return {
        "cpu": _cpu(),
        "cpus": os.cpu_count(),
        "memory_gib": round(memory / 2**30, 1),
        "kernel": platform.release(),
        "architecture": platform.machine(),
        "load": [round(one, 2) for one in os.getloadavg()],
    }


def _cpu() -> str:
    with open("/proc/cpuinfo", encoding="ascii", errors="replace") as file:
        for line in file:
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or "unknown"


def _headline(machine: dict[str, Any]) -> str:
    pythons = ", ".join(machine["pythons"])
    return (
        f"{machine['cpus']} x {machine['cpu']}, {machine['memory_gib']} GiB, Linux "
        f"{machine['kernel']}, Python {pythons}, load {machine['load'][0]}"
    )


def _store(machine: dict[str, Any], rows: list[Row]) -> None:
    OUT.mkdir(parents=True, exist_ok=True)
    found = [{**asdict(row), "ratio": row.ratio, "verdict": row.verdict} for row in rows]
    text = json.dumps({"machine": machine, "rows": found}, indent=1)
    (OUT / "bench.json").write_text(text + "\n", encoding="utf-8")


sys.exit(main())
