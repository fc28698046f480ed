"""What the SSM agent's files tell of a run, while they are there: each fact with its source.

amazon-ssm-agent 3.3: document/state/current/RUN holds the outer document with its parameters
resolved (agent/contracts), document/ORCHESTRATION/RUN/ a folder of each step that was entered. Both
are internal to the agent: what is not as described is unknown, with the reason.
"""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass, field
from typing import Any, Iterator, Mapping

from hookd.aws.agent import LONGEST_STATE, NODES, Agent
from hookd.core import runid, steptime
from hookd.core.called import NOBODY, Called, Facts
from hookd.core.model import Json
from hookd.core.slot import INSTALL, REBOOT, SCAN, SHOULD_REBOOT, VERIFY, Slot
from hookd.system.root import Root
from hookd.system.textfile import names_in, read_text

CONFIGURATION = "/etc/amazon/ssm/amazon-ssm-agent.json"
NOOP = "AWS-Noop"
_OF_WRAPPER = {VERIFY, SCAN, Slot.PRE.value, Slot.POST.value, Slot.ON_EXIT.value}
_FOLDERS = (VERIFY, INSTALL, Slot.POST.value, SHOULD_REBOOT, REBOOT)
_LARGEST = 1 << 20
_OPERATIONS, _REBOOTS = ("Scan", "Install"), ("RebootIfNeeded", "NoReboot")
# parameters stand where the document has {{Operation}} and {{RebootOption}}
_OPERATION = re.compile(r'^\s*(?:el)?if \[ "?(\w+)"? = "Scan" \]', re.MULTILINE)
_REBOOT_OPTION = re.compile(r'^\s*(?:el)?if \[ "?(\w+)"? = "NoReboot" \]', re.MULTILINE)


@dataclass
class _Look:
    """One look, as it is gathered."""

    known: dict[str, Json] = field(default_factory=dict)
    sources: dict[str, str] = field(default_factory=dict)
    unknown: dict[str, str] = field(default_factory=dict)

    def take(self, name: str, value: Json, source: str) -> None:
        """Note a fact; the first source that has one is believed."""
        if value not in ("", None) and name not in self.known:
            self.known[name], self.sources[name] = value, source
            self.unknown.pop(name, None)

    def miss(self, name: str, reason: str) -> None:
        if name not in self.known:
            self.unknown[name] = reason

    def facts(self) -> Facts:
        return Facts(self.known, self.sources, self.unknown)


def look(root: Root, run_id: str, called: Called = NOBODY) -> Facts:
    """Return what the files below `root` tell of run `run_id`; `called` is who calls for it.

    Never raises, writes nothing, and knows nothing of a run that is none of SSM's.
    """
    found = _Look()
    _of_called(found, run_id, called)
    command, run = runid.parts(run_id)
    if command:
        found.take("association_id" if run else "command_id", command, "the run id")
        _tell_folder(found, root, run_id, called)
        _State(root, run_id, called).tell(found)
    if called.kind.is_ssm:
        _tell_document(found, root, called)
    return found.facts()


def _of_called(found: _Look, run_id: str, called: Called) -> None:
    by_processes = called.sources.get("run_id", "") if called.run_id == run_id else ""
    found.take("run_id", run_id, by_processes or "--operation-id")
    found.take("slot", called.slot.value if called.slot else "", called.sources.get("slot", ""))
    found.take("step", called.step, called.sources.get("step", ""))


class _State:
    """The state file of a run: its outer document, and the steps of it."""

    def __init__(self, root: Root, run_id: str, called: Called) -> None:
        self.path, why = Agent(root).state_file(run_id)
        text = read_text(root, self.path, at_most=LONGEST_STATE) if self.path else None
        self._why = why or (text.reason if text else "the agent has no file of the run")
        self._document = _parsed(text.text) if text else {}
        if text and text.is_ok and not self._document:
            self._why = f"{self.path} is no JSON object"
        self._slot = called.slot

    def tell(self, found: _Look) -> None:
        information = self._document.get("DocumentInformation")
        information = information if isinstance(information, dict) else {}
        names = (
            ("outer_document", "DocumentName"),
            ("outer_document_version", "DocumentVersion"),
        )
        for name, key in names:
            found.take(name, _text(information.get(key)), self.path)
        runs = information.get("RunCount")
        found.take("run_count", runs if type(runs) is int else None, self.path)
        steps = dict(self._steps())
        for step in (VERIFY, SHOULD_REBOOT):
            _tell_parameters(found, _script_text(steps.get(step, {})), self.path)
        documents = {name: _text(inputs.get("documentPath")) for name, inputs in steps.items()}
        if steps:
            noop = [slot.value for slot in Slot if documents.get(slot.value) == NOOP]
            found.take("noop_slots", noop, self.path)
        if self._slot:
            name, version = _document_name(documents.get(self._slot.value, ""))
            found.take("document", name, self.path)
            found.take("document_version", version, self.path)
        for name in ("outer_document", "run_count", "noop_slots"):
            found.miss(name, self._why or f"{self.path} does not say")

    def timeout_s(self, step: str) -> tuple[int, str]:
        """Return the seconds that a step of the outer document has, and where they come from."""
        inputs = dict(self._steps()).get(step)
        if inputs is None:
            return steptime.DEFAULT_S, f"default: {self._why or self.path + ' has no such step'}"
        return steptime.of_inputs(inputs, self.path)

    def _steps(self) -> Iterator[tuple[str, Mapping[str, Any]]]:
        plugins = self._document.get("InstancePluginsInformation")
        for plugin in plugins if isinstance(plugins, list) else ():
            configuration = plugin.get("Configuration") if isinstance(plugin, dict) else None
            inputs = configuration.get("Properties") if isinstance(configuration, dict) else None
            if isinstance(inputs, dict):
                yield _text(plugin.get("Id")), inputs


def _parsed(text: str) -> Mapping[str, Any]:
    try:
        value = json.loads(text or "null")
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _text(value: Json) -> str:
    return value if isinstance(value, str) and value.isprintable() else ""


def _script_text(inputs: Mapping[str, Any]) -> str:
    lines = inputs.get("runCommand")
    return (
        "\n".join(line for line in lines if isinstance(line, str))
        if isinstance(lines, list)
        else ""
    )


def _document_name(path: str) -> tuple[str, str]:
    """Return (name, version) of a documentPath: `NAME`, `NAME:VERSION` or an ARN of it."""
    name, _, version = path.rpartition("/")[2].partition(":")
    return name, version


def _tell_parameters(found: _Look, text: str, source: str) -> None:
    for name, pattern, values in (
        ("operation", _OPERATION, _OPERATIONS),
        ("reboot_option", _REBOOT_OPTION, _REBOOTS),
    ):
        match = pattern.search(text)
        if match and match.group(1) in values:
            found.take(name, match.group(1), source)


def _tell_folder(found: _Look, root: Root, run_id: str, called: Called) -> None:
    """Tell which steps were entered, and what the wrapper's scripts have of its parameters."""
    folder, why = run_folder(root, run_id, called)
    if not folder:
        for name in ("folders", "operation", "reboot_option"):
            found.miss(name, why)
        return
    try:
        names = set(os.listdir(root.join(folder)))
    except OSError as error:
        found.miss("folders", f"{folder}: {error.strerror}")
        names = set()
    else:
        if names & _OF_WRAPPER:
            found.take("folders", {name: name in names for name in _FOLDERS}, folder)
        else:
            found.miss("folders", f"{folder} is no run of AWS-RunPatchBaselineWithHooks")
    for step in (VERIFY, SHOULD_REBOOT):
        script = f"{folder}/{step}/_script.sh"
        text = read_text(root, script, at_most=_LARGEST) if step in names else None
        _tell_parameters(found, text.text if text else "", script)
    for name in ("operation", "reboot_option"):
        found.miss(name, f"{folder}/{VERIFY}/_script.sh does not say")


def run_folder(root: Root, run_id: str, called: Called = NOBODY) -> tuple[str, str]:
    """Return the run's folder of steps below `root`, else "" and why there is none."""
    for path in _may_be_folders(root, run_id, called):
        if os.path.isdir(root.join(path)):
            return path, ""
    return "", f"the agent has no folder of the run below {NODES}"


def _may_be_folders(root: Root, run_id: str, called: Called) -> Iterator[str]:
    command, run = runid.parts(run_id)
    if called.folder and called.run_id == run_id:
        yield root.shown(os.path.realpath(called.folder))
    try:
        nodes = names_in(root, NODES)
    except OSError:
        return
    for node in nodes:
        yield "/".join(filter(None, (NODES, node, "document", _orchestration(root), command, run)))


def _orchestration(root: Root) -> str:
    agent = _parsed(read_text(root, CONFIGURATION).text).get("Agent")
    name = _text(agent.get("OrchestrationRootDir")) if isinstance(agent, dict) else ""
    return name.strip("/") or "orchestration"


def _tell_document(found: _Look, root: Root, called: Called) -> None:
    """Tell which document calls, and how long its step may take."""
    place = runid.of_script(called.script)
    if place and len(place.steps) == 1:
        state = _State(root, called.run_id, called)
        found.take("document", found.known.get("outer_document"), state.path)
        found.take("document_version", found.known.get("outer_document_version"), state.path)
        seconds, source = state.timeout_s(called.step)
        found.take("timeout_s", seconds, source)
        return
    path, why = _document_file(root, called)
    document = _parsed(read_text(root, path, at_most=_LARGEST).text) if path else {}
    if path:
        found.known["document"] = os.path.basename(path)[: -len(".json")]
        found.sources["document"] = path
    found.miss("document", why)
    seconds, source = steptime.of_document(document, called.step)
    if not document:
        source = f"default: {why or path + ' is no JSON object'}"
    found.take("timeout_s", seconds, source)


def _document_file(root: Root, called: Called) -> tuple[str, str]:
    """Return the path of the calling document, which lies in the nearest `downloads` above."""
    folder, why = run_folder(root, called.run_id, called)
    place = runid.of_script(called.script)
    steps = place.steps[:-1] if place else ((called.slot.value,) if called.slot else ())
    for depth in range(len(steps), 0, -1) if folder else ():
        downloads = "/".join((folder, *steps[:depth], "downloads"))
        try:
            documents = [n for n in names_in(root, downloads) if n.endswith(".json")]
        except OSError as error:
            return "", f"{downloads}: {error.strerror}"
        if len(documents) == 1:
            return f"{downloads}/{documents[0]}", ""
        if documents:
            return "", f"{downloads} has several documents"
    return "", why or "the calling document is not in its downloads folder"
