"""Plays one scenario: starts its run, makes happen what is to happen, and tells what came of it."""

from __future__ import annotations

import os
import uuid
from dataclasses import replace
from typing import Callable

from hookd.core.codec import decode
from hookd.rehearsal import hookdocuments
from hookd.rehearsal.agent import Agent, Worker, kill
from hookd.rehearsal.documents import REBOOT_WITH_HOOKS, WITH_HOOKS
from hookd.rehearsal.files import Run
from hookd.rehearsal.node import OLD
from hookd.rehearsal.patchmanager import PatchManager
from hookd.rehearsal.performance import Happening, Performance
from hookd.rehearsal.rules import Status, StepResult
from hookd.rehearsal.scenario import EXTRA, Event, Extra, Scenario
from hookd.rehearsal.stage import Stage
from hookd.rehearsal.worker import CANCEL, EXPIRE, GO

_RUN_ID = "2026-11-23T04-35-02.420Z"
_HOOK = """\
#!/bin/sh
# /// hookd
# description = "rehearsal: {description}"
# required = true
# timeout = "{timeout}"
# ///
{script}exit {code}
"""
_WAIT = """\
touch "$HOOKD_ROOT/.rehearsal/waiting"
until [ -e "$HOOKD_ROOT/.rehearsal/go" ]; do sleep 0.05; done
"""
_TOLD = {
    Event.TIME_IS_UP: "a pre hook takes its time, SSM's is up: SIGKILL to the process group",
    Event.CRASH: "the machine goes down in a pre hook, without a word, and comes up again",
    Event.WORKER_KILLED: "the agent's document worker is killed; script and hook live on",
    Event.AGENT_KILLED: "the agent is killed and starts again: it finds its worker alive",
    Event.CANCEL: "the command is cancelled; the hook that runs is not told",
}
_RECOVERS = (
    "hookd's service finds the run dead at two looks, a minute apart (here at once): recovers"
)
_LOST = "60 s later the agent fails the command: document process failed unexpectedly"


class Player:
    """Plays `scenario` on `stage`, with `agent` as its SSM agent; tells `tell` as it goes."""

    def __init__(
        self, scenario: Scenario, stage: Stage, agent: Agent, tell: Callable[[Happening], None]
    ) -> None:
        self._scenario = scenario
        self._stage = stage
        self._agent = agent
        self._happened = False
        run_id = _RUN_ID if scenario.is_association else ""
        main = Run(WITH_HOOKS, scenario.parameters(), str(uuid.uuid4()), run_id)
        self._performance = Performance(scenario, stage.root, main)
        self._show = tell

    def play(self) -> Performance:
        """Play from a machine without a past to its end. Raises Stuck."""
        stage, scenario = self._stage, self._scenario
        self._agent.install()
        stage.node.lay_out()
        try:
            stage.power_on()
            if scenario.has_past:
                self._live_a_past()
            PatchManager(stage.node).begin(missing=scenario.missing, pending=scenario.pending)
            self._prepare()
            self._run(self._performance.main)
            if scenario.recovers:
                self._recover()
            if scenario.reboots_later:
                self._reboot_later()
        finally:
            stage.power_off()
            self._clear_away()
        self._performance.results = [stage.result(one) for one in stage.operations()]
        return self._performance

    def _live_a_past(self) -> None:
        """Let a run come and go in which nothing is missing."""
        self._tell("an earlier run finds nothing missing")
        PatchManager(self._stage.node).begin(missing=False, pending=False)
        self._run(replace(self._performance.main, command=str(uuid.uuid4())))
        self._tell(f"the run that this is about: {self._performance.main.id}")

    def _run(self, run: Run) -> None:
        """Let the agent have the document until it is done with it."""
        documents = hookdocuments.documents(self._scenario)
        self._agent.submit(run)
        while True:
            worker = self._agent.start(run, documents, dict(self._scenario.fails))
            try:
                status = self._listen(worker)
            finally:
                worker.close()
            if status is not Status.SUCCESS_AND_REBOOT:
                break
            self._reboot()
            self._agent.resume(run)
        if status is None:
            self._tell(_LOST)
        self._performance.statuses[run.id] = status or Status.FAILED
        self._agent.end(run)

    def _listen(self, worker: Worker) -> Status | None:
        """Follow the worker to its end; return the document's status, None when it was lost."""
        status = None
        for message in worker.listen(lambda: self._while_silent(worker)):
            if message["event"] == "begin":
                self._before(worker, message["step"])
            elif message["event"] == "end":
                result = decode(StepResult, message["result"])
                self._note(Happening("", worker.run.id, message["step"], result))
            else:
                status = Status(message["result"]["status"])
        return status

    def _before(self, worker: Worker, step: str) -> None:
        if self._happened:
            # what was killed may have left its engine behind; an installation takes longer
            self._stage.wait_for_engine()
        is_second_wanted = self._scenario.event is Event.SECOND_RUN and not self._happened
        if step == "InstallNoReboot" and is_second_wanted:
            self._happened = True
            other = replace(worker.run, command=str(uuid.uuid4()))
            self._tell(f"a second run begins: {other.id}")
            self._run(other)
            self._tell(f"the first run goes on: {worker.run.id}")
        worker.tell(GO)

    def _while_silent(self, worker: Worker) -> None:
        """Make happen what is to happen, once the rehearsal's own hook waits for it."""
        event = self._scenario.event
        if self._happened or event not in _TOLD or not self._stage.has("waiting"):
            return
        self._happened = True
        self._tell(_TOLD[event])
        if event is Event.TIME_IS_UP:
            worker.tell(EXPIRE)
        elif event is Event.CRASH:
            self._stage.boot()
        elif event is Event.CANCEL:
            worker.tell(CANCEL)
        else:
            kill(worker.agent if event is Event.AGENT_KILLED else worker.pid)
        if event in (Event.CANCEL, Event.AGENT_KILLED, Event.WORKER_KILLED):
            self._stage.touch("go")
        if event is Event.WORKER_KILLED:
            self._stage.wait_for_engine()

    def _reboot(self) -> None:
        release = self._stage.boot(OLD if self._scenario.boots_old_kernel else "")
        self._tell(f"the agent reboots the machine (shutdown -r +1), Linux {release} comes up")

    def _recover(self) -> None:
        """Let hookd do at once what it would do by itself in a while."""
        self._tell(_RECOVERS)
        self._stage.hookd("recover")

    def _reboot_later(self) -> None:
        self._tell(f"later SSM runs {REBOOT_WITH_HOOKS}")
        given = {"PostRebootHookDocName": "hookd-on-exit"}
        self._run(Run(REBOOT_WITH_HOOKS, given, str(uuid.uuid4())))

    def _prepare(self) -> None:
        """Add the hooks that make the scenario."""
        for extra in self._scenario.extra:
            text = _HOOK.format(
                description=self._scenario.title,
                timeout=extra.timeout,
                script=_WAIT if extra.waits else "",
                code=extra.exit_code,
            )
            place = _place(extra)
            self._stage.node.write(place, text)
            os.chmod(os.path.join(self._stage.root, place), 0o755)

    def _clear_away(self) -> None:
        for extra in self._scenario.extra:
            path = os.path.join(self._stage.root, _place(extra))
            if os.path.lexists(path):
                os.unlink(path)

    def _tell(self, text: str) -> None:
        self._note(Happening(text))

    def _note(self, happening: Happening) -> None:
        self._performance.happenings.append(happening)
        self._show(happening)


def _place(extra: Extra) -> str:
    return f"etc/hookd/hooks.d/{extra.phase}/{EXTRA}"
