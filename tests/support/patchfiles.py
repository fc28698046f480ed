"""The files that Patch Manager leaves on an instance, of the shape that its payload writes."""

from __future__ import annotations

import json
import pathlib

SUMMARY = "patch-configuration/patch-inventory-from-last-operation.json"
STATES = "patch-configuration/patch-states-configuration.json"


class PatchFiles:
    """Patch Manager on the machine below `root`, in the run `run_id`."""

    def __init__(self, root, run_id):
        self.folder = pathlib.Path(root) / "var/log/amazon/ssm"
        self.execution_id = run_id.split(".")[0]

    def write(self, name, text):
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def summary(self, operation, missing=0, failed=0, pending=0, at="04:40:00", **more):
        """Write the summary of a Scan or an Install that ended at `at`."""
        content = {
            "BaselineId": "pb-0123456789abcdef0",
            "PatchGroup": "web",
            "SnapshotId": "7c64b8b8-1274-47db-8f0d-e26f6c0aae7b",
            "ExecutionId": self.execution_id,
            "InstalledCount": "198",
            "InstalledOtherCount": "12",
            "InstalledRejectedCount": "0",
            "InstalledPendingRebootCount": str(pending),
            "NotApplicableCount": "10254",
            "MissingCount": str(missing),
            "FailedCount": str(failed),
            "CriticalNonCompliantCount": "0",
            "SecurityNonCompliantCount": "0",
            "OtherNonCompliantCount": "0",
            "OperationType": operation,
            "OperationStartTime": "2026-11-23T04:36:00Z",
            "OperationEndTime": f"2026-11-23T{at}Z",
            "RebootOption": "NoReboot",
            **more,
        }
        item = {
            "TypeName": "AWS:PatchSummary",
            "SchemaVersion": "1.0",
            "ContentHash": "c0",
            "CaptureTime": f"2026-11-23T{at}Z",
            "Content": [content],
        }
        return self.write(SUMMARY, json.dumps(item, indent=4))

    def states(self, **states):
        """Write the states of packages, by title."""
        found = {
            title: {"id": title.partition(":")[0], "state": state, "installedTime": 1635229702.44}
            for title, state in states.items()
        }
        text = json.dumps({"patchStates": found, "lastNoRebootInstallOperationTime": 1635229000})
        return self.write(STATES, text)
