"""Reads in which mode SELinux is (selinux(8), selinuxfs)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hookd.core.node import Selinux
from hookd.core.readings import Standing
from hookd.system.root import NOTHING_RUNS
from hookd.system.textfile import read_text

if TYPE_CHECKING:
    from hookd.system.root import Root

ENFORCE = "/sys/fs/selinux/enforce"
CONFIG = "/etc/selinux/config"

_MODES = {"0": "permissive", "1": "enforcing"}


def read(root: Root) -> Selinux:
    """Return the mode; disabled where SELinux is configured and the kernel has none.

    Absent where it is not configured either.
    """
    return _read(root) if root.is_host else Selinux(Standing.ABSENT, NOTHING_RUNS)


def _read(root: Root) -> Selinux:
    file = read_text(root, ENFORCE, at_most=16)
    if file.standing is Standing.ABSENT:
        if read_text(root, CONFIG).standing is Standing.ABSENT:
            return Selinux(Standing.ABSENT, "there is no SELinux here")
        return Selinux(mode="disabled")
    if not file.is_ok:
        return Selinux(file.standing, file.reason)
    mode = _MODES.get(file.text.strip("\n"), "")
    if not mode:
        return Selinux(Standing.UNKNOWN, f"{ENFORCE} holds {file.text!r}")
    return Selinux(mode=mode)
