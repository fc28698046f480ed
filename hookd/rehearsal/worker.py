"""The process `ssm-document-worker RUN-ID`: executes one document step by step, as the agent's.

It talks with the stage in lines, over stdin and stdout: says what it begins and how it ended, and
waits for `go` before each step; `cancel` and `expire` (the step's time is up) may come at any time.
"""

from __future__ import annotations

import json
import os
import sys
from dataclasses import dataclass
from shlex import quote
from typing import IO

from hookd.core.codec import encode
from hookd.rehearsal import rules
from hookd.rehearsal.documents import NOOP, PATCH, steps_of, steps_of_hook_document
from hookd.rehearsal.files import AgentFiles, Known, Run, results_in
from hookd.rehearsal.node import Node
from hookd.rehearsal.patchmanager import PatchManager
from hookd.rehearsal.rules import Status, Step, StepResult
from hookd.system.process import group

GO, CANCEL, EXPIRE = "go", "cancel", "expire"

_CWD = "/usr/bin"  # WorkingDirectory of amazon-ssm-agent.service
_UMASK = 0o022
_BLOCK = 4096


@dataclass(frozen=True)
class Assignment:
    """What a worker is given: `documents` are those that SSM would hand out, by name.

    `fails` says of which steps of the wrapper something goes wrong, and what.
    """

    root: str
    instance: str
    run: Run
    environment: dict[str, str]
    documents: dict[str, str]
    fails: dict[str, str]


class Orders:
    """What the stage has told; without a stage everything is over."""

    def __init__(self, descriptor: int = 0) -> None:
        self.descriptor = descriptor
        self.cancelled = False
        self.expired = False
        self._unread = b""
        self._goes = 0

    def read(self) -> bool:
        """Take what has come, waiting for something; return whether the step is over by that."""
        data = os.read(self.descriptor, _BLOCK)
        if not data:
            raise SystemExit(1)
        *lines, self._unread = (self._unread + data).split(b"\n")
        for line in lines:
            self._goes += line == GO.encode()
            self.cancelled = self.cancelled or line == CANCEL.encode()
            self.expired = self.expired or line == EXPIRE.encode()
        return self.expired

    def await_go(self) -> None:
        while not self._goes:
            self.read()
        self._goes -= 1
        self.expired = False


class Worker:
    """Executes the document of `given`, from where its persisted state says that it stopped."""

    def __init__(self, given: Assignment, orders: Orders) -> None:
        self._given = given
        self._orders = orders
        self._files = AgentFiles(given.root, given.instance)
        self._steps = steps_of(given.run.document, given.run.parameters, given.root)
        self._patches = PatchManager(Node(given.root), given.fails)
        state = self._files.read("current", given.run)
        self._results = results_in(state)
        self._run_count = int(state["DocumentInformation"]["RunCount"])
        self._folder = self._files.orchestration(given.run)

    def run(self) -> None:
        self._persist(Status.IN_PROGRESS)
        for index, step in enumerate(self._steps):
            before = self._results.get(step.name)
            if before is not None and before.status.is_final:
                continue
            result = self._result(index, step)
            self._results[step.name] = result
            _tell("end", step.name, result=encode(result))
            if result.status is Status.SUCCESS_AND_REBOOT:
                break
        status = rules.aggregate(one.status for one in self._results.values())
        self._persist(status)
        _tell("over", "", result={"status": status.value})

    def _persist(self, status: Status) -> None:
        known = Known(status, self._run_count, os.getpid(), self._results)
        self._files.write("current", self._given.run, self._steps, known)

    def _result(self, index: int, step: Step) -> StepResult:
        if rules.is_skipped(self._steps, index, self._results):
            why = f"Plugin with name {step.action} and id {step.name} skipped due to prior step"
            return StepResult(Status.SKIPPED, stdout=f"{why} with an exit condition")
        if not rules.is_met(step):
            return StepResult(Status.SKIPPED, stdout="Step execution skipped: precondition")
        _tell("begin", step.name)
        self._orders.await_go()
        if self._orders.cancelled:
            return StepResult(Status.CANCELLED, 1)
        if step.document:
            return rules.with_modifiers(step, self._run_document(step))
        return self._run_script(step, self._folder, _CWD, self._folder)

    def _run_document(self, step: Step) -> StepResult:
        name = step.document
        if name == NOOP:
            return StepResult(Status.SUCCESS)
        outer = os.path.join(self._folder, step.name)
        if name == PATCH:
            result = self._patch(step, outer)
        elif name not in self._given.documents:
            return StepResult(Status.FAILED, 1, stderr=_no_document(name))
        else:
            result = self._run_hook_document(step, outer, self._given.documents[name])
        self._write(f"awsrunDocument/{step.name}", result)
        return result

    def _patch(self, step: Step, outer: str) -> StepResult:
        os.makedirs(os.path.join(outer, "PatchLinux"), 0o700, exist_ok=True)
        execution = self._given.environment["SSM_COMMAND_ID"]
        code, said = self._patches.run(step.name, dict(step.parameters), execution)
        return rules.of_document([rules.result_of(code, said, "")])

    def _run_hook_document(self, step: Step, outer: str, text: str) -> StepResult:
        """Run a document from its first step: its own state is kept nowhere, over no reboot."""
        downloads = os.path.join(outer, "downloads")
        os.makedirs(downloads, 0o700, exist_ok=True)
        with open(os.path.join(downloads, step.document + ".json"), "w", encoding="utf-8") as file:
            file.write(text)
        inner: tuple[Step, ...] = steps_of_hook_document(text)
        results: dict[str, StepResult] = {}
        for index, one in enumerate(inner):
            if rules.is_skipped(inner, index, results) or not rules.is_met(one):
                results[one.name] = StepResult(Status.SKIPPED)
                continue
            output = os.path.join(outer, step.name)
            results[one.name] = self._run_script(one, outer, downloads, output)
            if results[one.name].status is Status.SUCCESS_AND_REBOOT:
                break
        return rules.of_document(list(results.values()))

    def _run_script(self, step: Step, folder: str, cwd: str, output: str) -> StepResult:
        inner = _file_name(step.name)
        path = os.path.join(folder, inner, "_script.sh")
        os.makedirs(os.path.dirname(path), 0o700, exist_ok=True)
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o700), "w") as file:
            file.write("\n".join(step.commands) + "\n")
        kept = os.path.join(output, "awsrunShellScript", inner)
        os.makedirs(kept, 0o700, exist_ok=True)
        environment = self._given.environment
        with _appending(kept, "stdout") as out, _appending(kept, "stderr") as err:
            process = group.start(("sh", "-c", quote(path)), cwd=cwd, environment=environment)
            ended = group.wait(
                process,
                timeout_s=rules.timeout_s(step.timeout),
                sinks=(out, err),
                ask=self._orders.descriptor,
                is_over=self._orders.read,
            )
        stdout, stderr = (data.decode("utf-8", "replace") for data in (ended.stdout, ended.stderr))
        return rules.result_of(ended.code, stdout, stderr)

    def _write(self, folder: str, result: StepResult) -> None:
        path = os.path.join(self._folder, folder)
        os.makedirs(path, 0o700, exist_ok=True)
        for name, text in (("stdout", result.stdout), ("stderr", result.stderr)):
            with _appending(path, name) as file:
                file.write(text.encode("utf-8"))


def _appending(folder: str, name: str) -> IO[bytes]:
    return open(os.open(f"{folder}/{name}", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "wb")


def _file_name(step: str) -> str:
    return step.replace(":", "")


def _no_document(name: str) -> str:
    return f"InvalidDocument: Document with name {name} does not exist."


def _tell(event: str, step: str, **more: object) -> None:
    sys.stdout.write(json.dumps({"event": event, "step": step, **more}) + "\n")
    sys.stdout.flush()


def main(assignment: str) -> None:
    """Execute what the file `assignment` says."""
    os.umask(_UMASK)
    with open(assignment, encoding="utf-8") as file:
        found = json.load(file)
    os.chdir(_CWD)
    given = Assignment(**{**found, "run": Run(**found["run"])})
    Worker(given, Orders()).run()
