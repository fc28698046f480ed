"""Who this instance is: the environment first, then IMDS by a child, then the firmware.

The child, `hookd identity`, leaves its answer in /run/hookd, which a reboot empties and no image
keeps; even so an answer is believed only in the boot that it is from.
"""

from __future__ import annotations

import contextlib
import json
import os
import stat
from typing import Any, Mapping

from hookd.core.host import IMAGE_ID, INSTANCE_ID, REGION
from hookd.system import clock, durable, host
from hookd.system.machine import Machine
from hookd.system.process import itself
from hookd.system.root import Root
from hookd.system.textfile import open_regular

CACHE = "/run/hookd/identity.json"
WITHIN_S = 2.0
_AGAIN_S = 300.0
_LARGEST = 4096
_SHAPES = {"instance_id": INSTANCE_ID, "region": REGION, "image_id": IMAGE_ID}
_PASSED_ON = ("AWS_EC2_METADATA_SERVICE_ENDPOINT", "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE")
_OFF = "AWS_EC2_METADATA_DISABLED"


def facts(machine: Machine) -> dict[str, str]:
    """Return what is known of this machine at once, without asking anybody."""
    return _with(machine, read_cache(machine.root, machine.boot.boot_id) or {})


def settled(machine: Machine) -> dict[str, str]:
    """Return what can be known within two seconds: asks IMDS where nobody has in this boot."""
    known = read_cache(machine.root, machine.boot.boot_id)
    if known is None and _may_ask(machine):
        _ask(machine)
        known = read_cache(machine.root, machine.boot.boot_id)
        if known is None:  # it was ended before it had an answer
            write_cache(machine.root, machine.boot.boot_id, {})
    return _with(machine, known or {})


def _with(machine: Machine, cached: Mapping[str, str]) -> dict[str, str]:
    found = host.facts(machine.root, machine.environment)
    known = {name: cached[name] for name, shape in _SHAPES.items() if _fits(cached, name)}
    by_firmware = host.by_firmware(machine.root)
    instance = {"instance_id": by_firmware} if by_firmware else {}
    return {**instance, **known, **found}


def _fits(cached: Mapping[str, Any], name: str) -> bool:
    value = cached.get(name)
    return isinstance(value, str) and bool(_SHAPES[name].fullmatch(value))


def _may_ask(machine: Machine) -> bool:
    """Whether IMDS may know: not of a root that does not run, nor of a node outside EC2."""
    environment = machine.environment
    if not machine.boot.boot_id or environment.get(_OFF, "").lower() == "true":
        return False
    is_named = any(environment.get(name) for name in _PASSED_ON)
    is_hybrid = environment.get("AWS_SSM_INSTANCE_ID", "").startswith("mi-")
    return is_named or (machine.root.is_host and not is_hybrid)


def _ask(machine: Machine) -> None:
    """Let `hookd identity` ask and leave its answer; it keeps its library to itself."""
    passed = {**os.environ, **machine.environment}
    environment = {name: passed[name] for name in _PASSED_ON if passed.get(name)}
    argv = itself.starts("hookd.cli", "entry", "--root", str(machine.root), "identity")
    machine.command(argv, timeout_s=WITHIN_S, environment=environment)


def read_cache(root: Root, boot_id: str) -> dict[str, str] | None:
    """Return what `hookd identity` found in this boot; None when it is to be asked again.

    That it found nothing holds for five minutes: the network may not have been up.
    """
    value = _read(root.join(CACHE))
    if not isinstance(value, dict) or not boot_id or value.get("boot_id") != boot_id:
        return None
    found = {name: value[name] for name in _SHAPES if _fits(value, name)}
    asked = value.get("up_s")
    is_fresh = isinstance(asked, (int, float)) and 0 <= clock.up_s() - asked < _AGAIN_S
    return found if found or is_fresh else None


def _read(path: str) -> Any:
    """Return the JSON of a file that only root (or we) can have written, else None."""
    try:
        with open_regular(path) as file:
            status = os.fstat(file.fileno())
            data = file.read(_LARGEST + 1)
    except OSError:
        return None
    is_ours = status.st_uid in (0, os.geteuid()) and not stat.S_IMODE(status.st_mode) & 0o077
    if not is_ours or len(data) > _LARGEST:
        return None
    try:
        return json.loads(data.decode("utf-8"))
    except (ValueError, RecursionError):
        return None


def write_cache(root: Root, boot_id: str, found: Mapping[str, str]) -> None:
    """Leave what was found for the calls of this boot; losing it costs another question."""
    path = root.join(CACHE)
    value = {"boot_id": boot_id, "up_s": round(clock.up_s(), 3), **found}
    with contextlib.suppress(OSError):
        durable.make_directory(os.path.dirname(path), mode=0o711)
        durable.write_file(path, json.dumps(value).encode("ascii") + b"\n")
