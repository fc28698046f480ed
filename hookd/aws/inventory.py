"""The newest operation as custom inventory, left where the SSM agent collects it.

The agent reads `*.json` in /var/lib/amazon/ssm/NODE/inventory/custom when an association of
AWS-GatherSoftwareInventory asks for it, and sends nothing at all when there are more than 20
(amazon-ssm-agent agent/plugins/inventory/gatherers/custom; Systems Manager User Guide, "Working
with custom inventory"). An object has at most 50 attributes, all text of at most 4,096 characters.
"""

from __future__ import annotations

import json
import os
import re
from typing import Any

from hookd.aws.agent import NODES
from hookd.system import durable
from hookd.system.root import Root
from hookd.system.textfile import names_in

TYPE_NAME = "Custom:HookdOperation"
FILE = "hookd-operation.json"
MOST_FILES = 20
MOST_CHARACTERS = 4096

_NODE = re.compile(r"m?i-[0-9a-f]{8,40}\Z")
_BAD = ("failed", "timed-out", "refused", "interrupted", "outstanding")


def leave(root: Root, found: dict[str, Any]) -> str:
    """Write result document `found` for the agent to collect; return why it could not be, or "".

    Without an agent there is nobody to leave it to: its own directories are never made, only
    `inventory/custom` in that of this node.
    """
    node = _node(root, found["host"]["instance_id"])
    if not node:
        return ""
    folder = root.join(f"{NODES}/{node}/inventory/custom")
    try:
        durable.make_directory(folder, mode=0o700)
        others = [n for n in os.listdir(folder) if n.endswith(".json") and n != FILE]
        if len(others) >= MOST_FILES:
            return f"{folder}: {len(others)} files are there, with one more the agent sends none"
        durable.write_file(os.path.join(folder, FILE), content(found))
    except OSError as error:
        return f"{folder}: {error.strerror}"
    return ""


def _node(root: Root, instance_id: str) -> str:
    """Return the agent's directory of this machine: by its id, else the only one there is.

    An image may have left one of the machine it was made on.
    """
    try:
        nodes = [name for name in names_in(root, NODES) if _NODE.match(name)]
    except OSError:
        return ""
    if instance_id in nodes:
        return instance_id
    return nodes[0] if len(nodes) == 1 else ""


def content(found: dict[str, Any]) -> bytes:
    """Return the file: one object, attributes of text."""
    attributes = {name: _text(value) for name, value in _attributes(found).items()}
    body = {"SchemaVersion": "1.0", "TypeName": TYPE_NAME, "Content": attributes}
    return json.dumps(body, separators=(",", ":")).encode("ascii") + b"\n"


def _attributes(found: dict[str, Any]) -> dict[str, Any]:
    operation, changes = found["operation"], found["changes"]
    kernel, boot = changes["kernel"], changes["boot"]
    hooks = [f"{p['phase']}/{h['name']}" for p in found["phases"] for h in p["hooks"] if _bad(h)]
    checks = [c["id"] for c in found["checks"] if c["outcome"] in ("fail", "unknown")]
    return {
        "Operation": operation["id"],
        "Number": operation["number"],
        "State": operation["state"],
        "Path": operation["path"],
        "Verdict": operation["verdict"],
        "Health": operation["health"],
        "Caller": operation["caller"],
        "RunId": operation["run_id"],
        "StartedAt": operation["started_at"],
        "EndedAt": operation["ended_at"],
        "RecoveredAt": operation["recovered_at"],
        "Held": operation["held"],
        "LastPhase": found["phases"][-1]["phase"] if found["phases"] else "",
        "FailedHooks": " ".join(hooks),
        "FailedChecks": " ".join(checks),
        "OutstandingUndos": " ".join(undo["hook"] for undo in operation["outstanding_undos"]),
        "PackagesChanged": len(changes["packages"]),
        "Rebooted": {None: "unknown", True: "yes", False: "no"}[boot["rebooted"]],
        "KernelBefore": kernel["running_before"],
        "KernelAfter": kernel["running_after"],
        "KernelPromised": kernel["promised"],
        "HookdVersion": found["hookd"]["version"],
    }


def _bad(hook: dict[str, Any]) -> bool:
    return hook["outcome"] in _BAD


def _text(value: Any) -> str:
    """Return `value` as text within the limit, which is counted in bytes to be safe."""
    data = str(value).encode("utf-8", "backslashreplace")
    return data[:MOST_CHARACTERS].decode("utf-8", "ignore")
