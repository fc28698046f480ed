"""Which files of the SSM agent and of Patch Manager there are: names, sizes and times alone.

What stands in them are other people's parameters and output.
"""

from __future__ import annotations

import os
import stat
from typing import Any, Iterator

from hookd.aws.agent import NODES
from hookd.aws.runfiles import CONFIGURATION
from hookd.bundle import masking
from hookd.bundle.part import Part
from hookd.doctor.agent import PROGRAMS
from hookd.system import clock
from hookd.system.hooks.trust import printable
from hookd.system.root import Root
from hookd.system.textfile import names_in

_FIXED = (*PROGRAMS, CONFIGURATION, "/etc/amazon/ssm/seelog.xml", NODES)
_LOGS = "/var/log/amazon/ssm"
_STATES = ("pending", "current", "completed", "corrupt")
_MOST = 500


def part(root: Root) -> Part:
    return Part("ssm-agent.json", "names, sizes and times", lambda _: _pieces(root))


def _pieces(root: Root) -> Iterator[bytes]:
    folders = [_LOGS, f"{_LOGS}/patch-configuration", *_states(root)]
    yield masking.document(
        {
            "version": "see agent.version in doctor.json",
            "files": [_shown(root, path) for path in _FIXED],
            "folders": [_listed(root, folder) for folder in folders],
        }
    )


def _states(root: Root) -> list[str]:
    try:
        nodes = [name for name in names_in(root, NODES) if "i-" in name]
    except OSError:
        return []
    return [f"{NODES}/{node}/document/state/{name}" for node in nodes for name in _STATES]


def _listed(root: Root, folder: str) -> dict[str, Any]:
    """Return the first names in byte order; a folder that is not there has none."""
    try:
        names = sorted(os.listdir(os.fsencode(root.join(folder))))
    except OSError as error:
        return {"path": folder, "reason": error.strerror, "names": 0, "files": []}
    shown = [_shown(root, f"{folder}/{os.fsdecode(name)}") for name in names[:_MOST]]
    return {"path": folder, "reason": "", "names": len(names), "files": shown}


def _shown(root: Root, path: str) -> dict[str, Any]:
    name = printable(os.fsencode(path))
    try:
        found = os.lstat(root.join_nofollow(path))
    except OSError as error:
        return {"path": name, "reason": error.strerror}
    return {
        "path": name,
        "mode": stat.filemode(found.st_mode),
        "bytes": found.st_size,
        "modified_at": clock.utc_text(found.st_mtime),
    }
