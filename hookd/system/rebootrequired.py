"""Reads whether a package has asked for a reboot: the flag files of Debian and of SUSE."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from hookd.core.node import RebootRequired
from hookd.core.readings import Standing
from hookd.system.textfile import read_text

if TYPE_CHECKING:
    from hookd.system.root import Root

FLAG = "/run/reboot-required"  # Debian policy 9.12; one package a line in .pkgs
PACKAGES = f"{FLAG}.pkgs"
SUSE = "/run/reboot-needed"  # libzypp

_KEEPERS = ("/var/lib/dpkg/status", "/etc/zypp")
_MOST = 200


def read(root: Root) -> RebootRequired:
    """Return whether a reboot was asked for and by which packages, at most 200, sorted.

    Absent where neither flag is and no package manager that would raise one.
    """
    is_required = any(os.path.lexists(root.join_nofollow(flag)) for flag in (FLAG, SUSE))
    if not is_required and not any(os.path.exists(root.join(keeper)) for keeper in _KEEPERS):
        return RebootRequired(Standing.ABSENT, "packages here raise no flag for a reboot")
    if not is_required:
        return RebootRequired()
    file = read_text(root, PACKAGES)
    names = {line.strip() for line in file.text.splitlines()}
    named = sorted(name for name in names if name and name.isprintable())
    reason = file.reason if file.standing is Standing.UNKNOWN else ""
    return RebootRequired(reason=reason, is_required=True, packages=tuple(named[:_MOST]))
