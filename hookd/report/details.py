"""The whole result of an operation for people: what ran, what changed, what was judged."""

from __future__ import annotations

from typing import Iterator

from hookd.report.differences import told_changes
from hookd.report.document import Document
from hookd.report.summary import rebooted


def details(found: Document) -> Iterator[str]:
    """Yield the lines of `hookd show`."""
    operation = found["operation"]
    yield f"operation {operation['id']} ({operation['state']}), called by {operation['caller']}"
    if operation["run_id"]:
        yield f"run       {operation['run_id']}"
    yield f"verdict   {operation['verdict']}"
    yield f"path      {operation['path']} ({operation['path_reason']})"
    yield f"time      {operation['started_at']} to {operation['ended_at'] or 'now'}"
    for phase in found["phases"]:
        yield ""
        yield from _phase(phase)
    yield ""
    yield from _changes(found["changes"])
    yield ""
    yield from _checks(found["checks"])
    for note in found["notes"]:
        yield f"note {note['code']}: {note['message']}"


def _phase(phase: Document) -> Iterator[str]:
    times = f"{phase['started_at']} to {phase['ended_at'] or 'now'}"
    yield f"{phase['phase']} (attempt {phase['attempt']}): {phase['outcome']}, {times}"
    if phase["reason"]:
        yield f"  {phase['reason']}"
    for hook in phase["hooks"]:
        need = "required" if hook["required"] else "wanted"
        yield f"  {hook['outcome']:<11} {hook['name']} ({need}, {hook['duration_s']:.2f} s)"
        if hook["reason"]:
            yield f"              {hook['reason']}"
        for name, value in hook["outputs"].items():
            yield f"              {name}={value}"
        for stream in ("stdout", "stderr"):
            if hook[stream]["path"]:
                yield f"              {stream}: {hook[stream]['path']} ({hook[stream]['bytes']} B)"


def _changes(changes: Document) -> Iterator[str]:
    yield f"packages: {len(changes['packages'])} changes"
    for change in changes["packages"]:
        before, after = "+".join(change["before"]) or "-", "+".join(change["after"]) or "-"
        seen = ", ".join(change["seen_in"])
        name = f"{change['name']}.{change['arch']}"
        yield f"  {change['action']:<11} {name} {before} -> {after} ({change['between']}; {seen})"
    for name, value in changes["kernel"].items():
        if value:
            yield f"kernel {name.replace('_', ' ')}: {value}"
    yield f"rebooted: {rebooted(changes['boot'])}"
    for noun in ("units", "sockets", "mounts", "settings"):
        told = told_changes(changes[noun], noun)
        if told:
            yield f"{noun}: {len(told)} changes"
            yield from (f"  {text}" for text in told)


def _checks(checks: list[Document]) -> Iterator[str]:
    for check in checks:
        why = check["reason"] or f"found {check['found']}"
        yield f"{check['outcome']:<7} {check['id']} ({check['severity']}): {why}"
        if check["before"] and check["outcome"] in ("fail", "warn"):
            yield f"        before: {check['before']}"
        if check["outcome"] in ("fail", "warn", "unknown") and check["remedy"]:
            yield f"        {check['remedy']}"
