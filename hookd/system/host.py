"""Who this machine is: what the environment and its own files say, never a service."""

from __future__ import annotations

import re
from typing import Mapping

from hookd.system.root import Root
from hookd.system.snapshot import os_name
from hookd.system.textfile import read_text

_INSTANCE = re.compile(r"^m?i-[0-9a-f]{8,40}$")
_BOARD = "/sys/devices/virtual/dmi/id/board_asset_tag"


def facts(root: Root, environment: Mapping[str, str]) -> dict[str, str]:
    """Return instance_id, region, machine_id and os; what is not known is left out."""
    found = {
        "instance_id": environment.get("AWS_SSM_INSTANCE_ID") or _board(root),
        "region": environment.get("AWS_SSM_REGION_NAME", ""),
        "machine_id": _first_line(root, "/etc/machine-id"),
        "os": os_name(root),
    }
    return {name: value for name, value in found.items() if value}


def _board(root: Root) -> str:
    """Nitro instances carry their id as the board's asset tag (DMI)."""
    tag = _first_line(root, _BOARD)
    return tag if _INSTANCE.match(tag) else ""


def _first_line(root: Root, path: str) -> str:
    return read_text(root, path, at_most=4096).text.strip().split("\n")[0]
