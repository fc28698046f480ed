"""A recorded fake of the SSM agent's files below a root (amazon-ssm-agent 3.3.987).

It does what the agent does with the files of a document's life: submit, start, end, and what is
left of them by a reboot that a step asked for (exit 194), by a crash, and by an agent that takes up
again what it finds when it starts.
"""

from __future__ import annotations

import json
import pathlib

NODE = "i-0123456789abcdef0"
COMMAND = "0f1e2d3c-4b5a-4697-8877-665544332211"
ASSOCIATION = "7a6b5c4d-3e2f-4110-9a8b-7c6d5e4f3a2b"
RUN = "2026-11-23T04-35-02.420Z"
STATES = ("pending", "current", "completed", "corrupt")
COMMAND_RETRY_LIMIT = 15  # Mds.CommandRetryLimit


class AgentTree:
    """`workers` are the document ids of its `ssm-document-worker` processes.

    `steps` are those of the documents that it takes over (support/patchrun.py), `name` is theirs.
    """

    name = "AWS-RunPatchBaselineWithHooks"
    steps = ()

    def __init__(self, root, node: str = NODE) -> None:
        self.node = pathlib.Path(str(root) + "/var/lib/amazon/ssm") / node
        self.workers: set[str] = set()
        for state in STATES:
            self.folder(state).mkdir(parents=True, exist_ok=True)
        for other in ("ipc", "localcommands", "runtimeconfig"):
            (self.node.parent / other).mkdir(exist_ok=True)

    def folder(self, state: str) -> pathlib.Path:
        return self.node / "document" / "state" / state

    def submit(self, document_id: str) -> None:
        """Take a document over from the service: it waits for a place in the pool."""
        self._write("pending", document_id, run_count=0)

    def start(self, document_id: str) -> None:
        """Begin it: its file moves, a worker runs it."""
        self._move(document_id, "pending", "current")
        self.workers.add(document_id)

    def end(self, document_id: str) -> None:
        """End it: the file moves to `completed`, the worker leaves."""
        self._move(document_id, "current", "completed")
        self.workers.discard(document_id)

    def go_down(self) -> None:
        """Reboot, asked for or not: the files stay as they are, no process does."""
        self.workers.clear()

    def come_up(self) -> None:
        """Start the agent, which takes up again what stands in `current` (processor.go)."""
        for file in sorted(self.folder("current").iterdir()):
            count = json.loads(file.read_text())["DocumentInformation"]["RunCount"]
            if count >= COMMAND_RETRY_LIMIT:
                self._move(file.name, "current", "corrupt")
                continue
            self._write("current", file.name, run_count=count + 1)
            self.workers.add(file.name)

    def fail_lost_worker(self, document_id: str) -> None:
        """Fail a document whose worker went down without a word, 60 s after the start."""
        self.end(document_id)

    def _write(self, state: str, document_id: str, *, run_count: int) -> None:
        command, _, run = document_id.partition(".")
        document = {
            "DocumentInformation": {
                "DocumentID": document_id,
                "CommandID": "" if run else command,
                "AssociationID": command if run else "",
                "InstanceID": self.node.name,
                "MessageID": f"aws.ssm.{command}.{self.node.name}",
                "RunID": run,
                "CreatedDate": "2026-11-23T04:35:02.420Z",
                "DocumentName": self.name,
                "DocumentVersion": "",
                "DocumentStatus": "InProgress",
                "RunCount": run_count,
                "ProcInfo": {"Pid": 4711, "StartTime": "2026-11-23T04:35:03Z"},
            },
            "DocumentType": "Association" if run else "SendCommand",
            "SchemaVersion": "2.2",
            "InstancePluginsInformation": list(self.steps),
        }
        file = self.folder(state) / document_id
        file.write_text(json.dumps(document))
        file.chmod(0o600)

    def _move(self, document_id: str, old: str, new: str) -> None:
        (self.folder(old) / document_id).rename(self.folder(new) / document_id)
