"""Which machine an operation was opened on, and whether it is this one."""

from __future__ import annotations

import re
from typing import Mapping, Optional

from hookd.core.snapshot import Snapshot

HOST = "host"
"""The subject under which what a look tells of the host is journalled."""

INSTANCE_ID = re.compile(r"m?i-[0-9a-f]{8,40}")
REGION = re.compile(r"[a-z]{2,4}(-[a-z]{2,12}){1,3}-\d{1,2}")
IMAGE_ID = re.compile(r"ami-[0-9a-f]{8,17}")


def is_here(then: Mapping[str, str], now: Mapping[str, str]) -> Optional[bool]:
    """Whether a machine that was `then` is this one, `now`; None is not known.

    The same instance id is the same machine, whatever the machine id, which images share; another
    one is another. `mi-` ids are given by SSM and say nothing of EC2's. Where the two cannot be
    compared the machine id decides, but its difference alone does not prove another machine where
    an instance id is known. Without any id on one side nothing speaks against it.
    """
    instance = then.get("instance_id", ""), now.get("instance_id", "")
    machine = then.get("machine_id", ""), now.get("machine_id", "")
    if all(instance) and _kind(instance[0]) == _kind(instance[1]):
        return instance[0] == instance[1]
    if all(machine):
        if machine[0] == machine[1]:
            return True
        return None if any(instance) else False
    if not (instance[0] or machine[0]) or not (instance[1] or machine[1]):
        return True
    return None


def _kind(instance_id: str) -> str:
    return instance_id.partition("-")[0]


_AGENT = "amazon-ssm-agent."


def agent_version(look: Snapshot) -> str:
    """Return the version of the SSM agent's package, "" when it is not known."""
    for database in look.packages:
        for key, instances in database.installed.items():
            if key.startswith(_AGENT) and instances:
                return instances[-1][0]
    return ""
