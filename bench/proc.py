"""What the kernel says of a process (proc(5))."""

from __future__ import annotations


def rss_bytes(pid: int) -> int:
    """Return the resident memory of `pid`."""
    return int(_status(pid)["VmRSS"].split()[0]) * 1024


def sleeps(pid: int) -> int:
    """Return how often `pid` went to sleep: once for each time that it woke up."""
    return int(_status(pid)["voluntary_ctxt_switches"])


def _status(pid: int) -> dict[str, str]:
    with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as file:
        fields = (line.partition(":") for line in file)
        return {name: value.strip() for name, _, value in fields}
