"""What the kernel says of a process (proc(5))."""

from __future__ import annotations


def rss_bytes(pid: int) -> int:
    """Return the resident memory of `pid`."""
    return int(_status(pid)["VmRSS"].split()[0]) * 1024


def pss_bytes(pid: int) -> int:
    """Return the memory of `pid`, of what it shares with others its part."""
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
        return sum(int(line.split()[1]) for line in file if line.startswith("Pss:")) * 1024


def children(pid: int) -> list[int]:
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
        return list(map(int, file.read().split()))


def sleeps(pid: int) -> int:
    """Return how often `pid` went to sleep: once for each time that it woke up."""
    return int(_status(pid)["voluntary_ctxt_switches"])


def _status(pid: int) -> dict[str, str]:
    with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as file:
        fields = (line.partition(":") for line in file)
        return {name: value.strip() for name, _, value in fields}
