"""How much memory this process has used at most."""

from __future__ import annotations

import resource


def peak_rss_kb() -> int:
    """Return the peak resident set of this program in kB: VmHWM of proc(5).

    ru_maxrss of getrusage(2) would count what the process was before it became this program.
    """
    try:
        with open("/proc/self/status", "rb") as file:
            for line in file:
                if line.startswith(b"VmHWM:"):
                    return int(line.split()[1])
    except (OSError, ValueError, IndexError):
        pass
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
