"""How much memory this process has used at most, and how it gives back what it needs no more."""

from __future__ import annotations

import ctypes
import gc
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


def give_back() -> None:
    """Give the kernel what is garbage, and what the C library keeps (malloc_trim(3) of glibc).

    What stays is not looked through again: a forked process would have to copy all of it.
    """
    gc.unfreeze()
    gc.collect()
    gc.freeze()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
