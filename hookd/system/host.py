"""Who this machine is: what the environment and its own files say, never a service."""

from __future__ import annotations

from typing import Mapping

from hookd.core.host import INSTANCE_ID
from hookd.system.root import Root
from hookd.system.snapshot import os_name
from hookd.system.textfile import read_text

_BOARD = "/sys/devices/virtual/dmi/id/board_asset_tag"


def facts(root: Root, environment: Mapping[str, str]) -> dict[str, str]:
    """Return instance_id and region by `environment`, machine_id and os, as far as known."""
    found = {
        "instance_id": environment.get("AWS_SSM_INSTANCE_ID", ""),
        "region": environment.get("AWS_SSM_REGION_NAME", ""),
        "machine_id": _first_line(root, "/etc/machine-id"),
        "os": os_name(root),
    }
    return {name: value for name, value in found.items() if value}


def by_firmware(root: Root) -> str:
    """Return the instance id that Nitro instances carry as the board's asset tag (DMI), or ""."""
    tag = _first_line(root, _BOARD)
    return tag if INSTANCE_ID.fullmatch(tag) else ""


def _first_line(root: Root, path: str) -> str:
    return read_text(root, path, at_most=4096).text.strip().split("\n")[0]
