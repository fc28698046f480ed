"""Reads the files that Patch Manager leaves on an instance. They are hostile, and never written.

Payload of AWS-RunPatchBaseline (common_startup_entrance.py, patch_states_configuration.py,
main_entrance.py); the AWS documentation says that they must not be touched.
"""

from __future__ import annotations

import hashlib
import json
import os
from typing import Any, Mapping

from hookd.core.model import Json
from hookd.core.patch import PatchState, PendingReading, Summary, SummaryReading
from hookd.core.readings import Standing
from hookd.system.root import Root
from hookd.system.textfile import read_text

_SSM = "/var/log/amazon/ssm"
SUMMARY = f"{_SSM}/patch-configuration/patch-inventory-from-last-operation.json"
STATES = f"{_SSM}/patch-configuration/patch-states-configuration.json"
LOCK = f"{_SSM}/patch-baseline-concurrent.lock"
_MARKER = f"{_SSM}/patch-baseline-operations-reboot-"
_REBOOTS = ("194", "195", "196")
_PENDING = "InstalledPendingReboot"
_LARGEST_SUMMARY, _LARGEST_STATES = 1 << 20, 16 << 20
_MOST_PENDING, _LONGEST, _MOST_DIGITS = 500, 200, 9


def read(root: Root) -> PatchState:
    """Return what the files below `root` say, whosever they are. Never raises."""
    asked = tuple(code for code in _REBOOTS if os.path.isdir(root.join(_MARKER + code)))
    return PatchState(_summary(root), _pending(root), asked, _locked_by(root))


def _summary(root: Root) -> SummaryReading:
    text = read_text(root, SUMMARY, at_most=_LARGEST_SUMMARY)
    if not text.is_ok:
        return SummaryReading(text.standing, text.reason)
    content = _object(text.text).get("Content")
    found = content[0] if isinstance(content, list) and content else None
    if not isinstance(found, dict):
        return SummaryReading(Standing.UNKNOWN, f"{SUMMARY} holds no summary")
    digest = hashlib.sha256(text.text.encode("utf-8", "surrogateescape")).hexdigest()
    summary = Summary(
        _text(found, "ExecutionId"),
        _text(found, "OperationType").lower(),
        _text(found, "RebootOption"),
        _text(found, "BaselineId"),
        _text(found, "PatchGroup"),
        _text(found, "SnapshotId"),
        _text(found, "OperationStartTime"),
        _text(found, "OperationEndTime"),
        _count(found, "MissingCount"),
        _count(found, "FailedCount"),
        _count(found, "InstalledPendingRebootCount"),
    )
    return SummaryReading(summary=summary, sha256=digest)


def _pending(root: Root) -> PendingReading:
    """Return the first packages that wait for a reboot, of thousands that are installed.

    Their names are `NAME.ARCH:EPOCH:VERSION-RELEASE`, on Debian `NAME.ARCH:VERSION`.
    """
    text = read_text(root, STATES, at_most=_LARGEST_STATES)
    if not text.is_ok:
        return PendingReading(text.standing, text.reason)
    states = _object(text.text).get("patchStates")
    if not isinstance(states, dict):
        return PendingReading(Standing.UNKNOWN, f"{STATES} holds no states")
    found = []
    for title, state in states.items():
        if not isinstance(state, dict) or state.get("state") != _PENDING:
            continue
        key, _, evr = title.partition(":")
        if key and evr and title.isprintable() and len(title) <= _LONGEST:
            found.append((key, evr[2:] if evr.startswith("0:") else evr))
    return PendingReading(packages=tuple(sorted(found)[:_MOST_PENDING]))


def _locked_by(root: Root) -> str:
    return _text(_object(read_text(root, LOCK).text), "commandId")


def _object(text: str) -> Mapping[str, Any]:
    try:
        value = json.loads(text or "null")
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _text(found: Mapping[str, Json], name: str) -> str:
    value = found.get(name)
    is_fit = isinstance(value, str) and value.isprintable() and len(value) <= _LONGEST
    return str(value) if is_fit else ""


def _count(found: Mapping[str, Json], name: str) -> int | None:
    """Return a count, which the file has as text; None when it is none."""
    value = found.get(name)
    text = str(value) if type(value) in (int, str) else ""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS else None
