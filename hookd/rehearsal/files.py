"""The agent's files below a root: the state of a document, and the orchestration folder of a run.

Layout: amazon-ssm-agent 3.3, agent/framework/docmanager and agent/plugins.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import Any, Mapping, Sequence

from hookd.aws.agent import NODES
from hookd.rehearsal.rules import Status, Step, StepResult
from hookd.system import clock

STATES = ("pending", "current", "completed", "corrupt")


@dataclass(frozen=True)
class Run:
    """One run of a document: its wrapper and parameters, and the ids under which it runs.

    `run` is the RunID of a State Manager association's run, empty for Run Command. `command` is the
    command's id, else the association's, which is the same on every run.
    """

    document: str
    parameters: dict[str, str]
    command: str
    run: str = ""

    @property
    def id(self) -> str:
        """The document id: the name of its files, and argv[1] of its worker."""
        return f"{self.command}.{self.run}" if self.run else self.command

    @property
    def folder(self) -> str:
        return f"{self.command}/{self.run}" if self.run else self.command


@dataclass(frozen=True)
class Known:
    """What the agent knows of a run when it persists it."""

    status: Status
    run_count: int
    pid: int
    results: Mapping[str, StepResult]


class AgentFiles:
    """What the agent of node `instance` keeps below `root`."""

    def __init__(self, root: str, instance: str) -> None:
        self._root = root
        self._node = os.path.join(root + NODES, instance)
        self._instance = instance

    def make(self) -> None:
        """Make the folders of a machine on which the agent has started."""
        os.makedirs(self._root + NODES, exist_ok=True)
        os.chmod(self._root + NODES, 0o750)
        for state in STATES:
            _make_private(os.path.join(self._node, "document", "state", state))
        for other in ("ipc", "localcommands", "runtimeconfig"):
            _make_private(os.path.join(self._root + NODES, other))

    def orchestration(self, run: Run) -> str:
        return os.path.join(self._node, "document", "orchestration", run.folder)

    def write(self, state: str, run: Run, steps: Sequence[Step], known: Known) -> None:
        """Write the state of a document, as the agent persists it."""
        is_command = not run.run
        document: dict[str, Any] = {
            "DocumentInformation": {
                "DocumentID": run.id,
                "CommandID": run.command if is_command else "",
                "AssociationID": "" if is_command else run.command,
                "InstanceID": self._instance,
                "MessageID": f"aws.ssm.{run.command}.{self._instance}",
                "RunID": run.run,
                "CreatedDate": clock.utc_now()[:23] + "Z",
                "DocumentName": run.document,
                "DocumentVersion": "",
                "DocumentStatus": known.status.value,
                "RunCount": known.run_count,
                "ProcInfo": {"Pid": known.pid, "StartTime": clock.utc_now()[:19] + "Z"},
            },
            "DocumentType": "SendCommand" if is_command else "Association",
            "SchemaVersion": "2.2",
            "InstancePluginsInformation": [self._plugin(run, s, known.results) for s in steps],
        }
        path = self.path(state, run)
        with open(os.open(path + ".new", os.O_WRONLY | os.O_CREAT, 0o600), "w") as file:
            json.dump(document, file)
        os.rename(path + ".new", path)

    def _plugin(self, run: Run, step: Step, results: Mapping[str, StepResult]) -> dict[str, Any]:
        inputs: dict[str, Any] = {"runCommand": list(step.commands)}
        if step.document:
            inputs = {"documentType": "SSMDocument", "documentPath": step.document}
        if step.parameters:
            inputs["documentParameters"] = json.dumps(dict(step.parameters))
        if step.on_failure:
            inputs["onFailure"] = step.on_failure
        if step.is_finally:
            inputs["finallyStep"] = True
        result = results.get(step.name, StepResult(Status.NOT_STARTED))
        return {
            "Id": step.name,
            "Name": step.action,
            "Configuration": {
                "Properties": inputs,
                "OrchestrationDirectory": os.path.join(self.orchestration(run), step.name),
                "PluginName": step.action,
                "PluginID": step.name,
            },
            "Result": {"status": result.status.value, "code": result.code},
            "HasExecuted": result.status.is_final,
        }

    def read(self, state: str, run: Run) -> dict[str, Any]:
        """Return the state of a document as it was persisted."""
        with open(self.path(state, run), encoding="ascii") as file:
            found: dict[str, Any] = json.load(file)
        return found

    def move(self, run: Run, old: str, new: str) -> None:
        os.rename(self.path(old, run), self.path(new, run))

    def path(self, state: str, run: Run) -> str:
        return os.path.join(self._node, "document", "state", state, run.id)


def results_in(state: Mapping[str, Any]) -> dict[str, StepResult]:
    """Return the results of steps that a persisted state holds."""
    found = {}
    for plugin in state["InstancePluginsInformation"]:
        result = plugin["Result"]
        found[plugin["Id"]] = StepResult(Status(result["status"]), result["code"])
    return {name: one for name, one in found.items() if one.status is not Status.NOT_STARTED}


def _make_private(path: str) -> None:
    os.makedirs(path, mode=0o700, exist_ok=True)
