"""Reads what crashes of the kernel have left: pstore and the dumps of kdump."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from hookd.core.node import Crashes
from hookd.core.readings import Standing
from hookd.system.textfile import names_in

if TYPE_CHECKING:
    from hookd.system.root import Root

_RECORDS = ("/sys/fs/pstore", "/var/lib/systemd/pstore")
_DUMPS = "/var/crash"  # kdump.conf(5), kdump-tools(5): a directory for each dump
_MOST = 100


def read(root: Root) -> Crashes:
    """Return paths of at most 100 crash records, sorted; absent where none could be left.

    Plain files in /var/crash are of programs (apport of Ubuntu) and no crash of the machine.
    """
    there = [path for path in (*_RECORDS, _DUMPS) if os.path.isdir(root.join(path))]
    if not there:
        return Crashes(Standing.ABSENT, f"neither {' nor '.join((*_RECORDS, _DUMPS))} exists")
    found, problems = [], []
    for directory in there:
        try:
            paths = [f"{directory}/{name}" for name in names_in(root, directory)]
        except OSError as error:
            problems.append(f"{directory}: {error.strerror}")
            continue
        found += [one for one in paths if directory != _DUMPS or os.path.isdir(root.join(one))]
    standing = Standing.UNKNOWN if problems else Standing.OK
    return Crashes(standing, "; ".join(problems), tuple(sorted(found)[:_MOST]))
