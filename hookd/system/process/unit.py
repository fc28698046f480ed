"""The systemd unit that a process belongs to, by its control group (cgroups(7))."""

from __future__ import annotations

import re

from hookd.system.process.printable import printable_line
from hookd.system.process.table import DELETED, read_entry

_LARGEST = 64 << 10
_LONGEST_NAME = 255  # systemd's UNIT_NAME_MAX
_VERSION_1, _VERSION_2 = b"name=systemd", b""
_KIND = re.compile(r".+\.(?:service|scope|socket|mount|swap)")
_INIT = b"/init.scope"


class Units:
    """Tells the unit of each process below `proc`, which is /proc but in tests."""

    def __init__(self, proc: str = "/proc") -> None:
        self._proc = proc
        self._above = {version: _above(path) for version, path in self._paths(1).items()}

    def of(self, pid: int) -> str:
        """Return the name of the system's unit, empty for a process that is in none or gone.

        A user's own service counts as `user@UID.service`, a child group of a service as the
        service: the first name that is no slice, as systemd itself has it (cg_path_get_unit).
        """
        paths = self._paths(pid)
        for version in (_VERSION_1, _VERSION_2):
            path, above = paths.get(version, b""), self._above.get(version, b"")
            if (path + b"/").startswith(above + b"/"):
                name = _unit(path[len(above) :])
                if name:
                    return name
        return ""

    def _paths(self, pid: int) -> dict[bytes, bytes]:
        """Return the path in each hierarchy that can be systemd's: both where both are mounted."""
        found = {}
        for line in read_entry(pid, "cgroup", _LARGEST, self._proc).split(b"\n"):
            _, _, rest = line.partition(b":")
            version, colon, path = rest.partition(b":")
            if colon and version in (_VERSION_1, _VERSION_2):
                found[version] = path[: -len(DELETED)] if path.endswith(DELETED) else path
        return found


def _above(path: bytes) -> bytes:
    """Return what stands before systemd's own tree, from the path of pid 1.

    In a container without a cgroup namespace that is the container's group (cg_get_root_path).
    """
    return path[: -len(_INIT)] if path.endswith(_INIT) else path.rstrip(b"/")


def _unit(path: bytes) -> str:
    for part in path.split(b"/"):
        name = (
            part[1:] if part.startswith(b"_") else part
        )  # cg_escape: not to look like the kernel's
        if not name or name.endswith(b".slice"):
            continue
        text = printable_line(name, _LONGEST_NAME)
        return text if _KIND.fullmatch(text) else ""
    return ""
