"""Patch Manager's part on the machine: scans, installs, and the summary that it leaves."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import Mapping

from hookd.core.codec import decode, encode
from hookd.rehearsal.documents import LOGS, SUMMARY
from hookd.rehearsal.node import PATCHES, Node
from hookd.rehearsal.rules import REBOOT
from hookd.system import clock

STATES = f"{LOGS}/patch-configuration/patch-states-configuration.json"
_REBOOTING = f"{LOGS}/patch-baseline-operations-reboot-194"
_KEPT = ".rehearsal/patches.json"
_BASELINE = "pb-0123456789abcdef0"


@dataclass(frozen=True)
class Patches:
    """What the baseline finds: how many patches are missing, installed, failed.

    Those installed in boot `pending_in` wait for a reboot as long as the machine is in it.
    """

    missing: int = len(PATCHES)
    installed: int = 0
    failed: int = 0
    pending_in: str = ""


class PatchManager:
    """Plays AWS-RunPatchBaseline on `node`; `fails` are the steps of a wrapper that shall fail."""

    def __init__(self, node: Node, fails: Mapping[str, str] | None = None) -> None:
        self._node = node
        self._fails = fails or {}

    def begin(self, *, missing: bool, pending: bool) -> None:
        """Set what the first scan will find; `pending`: installed before, and not booted since."""
        if not pending:
            self._keep(Patches() if missing else Patches(0, len(PATCHES)))
            return
        self._node.patch()
        self._keep(Patches(0, len(PATCHES), pending_in=self._node.boot_id))

    def run(self, step: str, given: Mapping[str, str], execution: str) -> tuple[int, str]:
        """Do one step; return its exit code and what it prints. `execution` is SSM_COMMAND_ID."""
        if self._fails.get(step) == "fails":
            return 1, "Unable to download the baseline: connect timeout"
        operation, option = given["Operation"], given["RebootOption"]
        if operation == "Install":
            self._install(partly=self._fails.get(step) == "installs-partly")
        if self._fails.get(step) == "leaves-no-initramfs":
            self._node.empty_initramfs()
        found = self._kept()
        self._write_summary(found, operation, option, execution)
        if found.failed:
            return 1, f"{found.failed} patches failed to install"
        pending = self._pending(found)
        if operation == "Install" and option == "RebootIfNeeded" and pending:
            os.makedirs(self._node.root + _REBOOTING, exist_ok=True)
            return REBOOT, f"{pending} patches are pending a reboot"
        return 0, f"{operation}: {found.missing} missing, {found.installed} installed"

    def _install(self, *, partly: bool) -> None:
        found = self._kept()
        if not found.missing:
            return
        most = len(PATCHES) // 2 if partly else len(PATCHES)
        lines = self._node.patch(most=most)
        found = Patches(0, len(lines), len(PATCHES) - len(lines), self._node.boot_id)
        self._keep(found)

    def _pending(self, found: Patches) -> int:
        return found.installed if found.pending_in == self._node.boot_id else 0

    def _write_summary(self, found: Patches, operation: str, option: str, execution: str) -> None:
        """Write AWS:PatchSummary, all values text, a line each: the wrapper reads it by grep."""
        now, pending = clock.utc_now()[:19] + "Z", self._pending(found)
        counts = {
            "InstalledCount": found.installed - pending,
            "InstalledOtherCount": 400,
            "InstalledRejectedCount": 0,
            "InstalledPendingRebootCount": pending,
            "NotApplicableCount": 1000,
            "MissingCount": found.missing,
            "FailedCount": found.failed,
        }
        content = {
            "BaselineId": _BASELINE,
            "PatchGroup": "",
            "SnapshotId": "",
            "ExecutionId": execution,
            **{name: str(count) for name, count in counts.items()},
            "OperationType": operation,
            "OperationStartTime": now,
            "OperationEndTime": now,
            "RebootOption": option,
        }
        item = {
            "TypeName": "AWS:PatchSummary",
            "SchemaVersion": "1.0",
            "CaptureTime": now,
            "Content": [content],
        }
        self._write(SUMMARY, item)
        state = "InstalledPendingReboot" if pending else "Installed"
        titles = [line.split()[-1] for line in PATCHES[: found.installed]]
        states = {name: {"id": name, "state": state, "installedTime": now} for name in titles}
        self._write(STATES, {"patchStates": states, "lastNoRebootInstallOperationTime": 0})

    def _kept(self) -> Patches:
        return decode(Patches, json.loads(self._node.read(_KEPT)))

    def _keep(self, found: Patches) -> None:
        self._node.write(_KEPT, json.dumps(encode(found)))

    def _write(self, path: str, value: object) -> None:
        self._node.write(path.lstrip("/"), json.dumps(value, indent=4) + "\n")
