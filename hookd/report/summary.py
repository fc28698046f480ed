"""The summary that `hookd run` prints: the verdict first, at most 2,400 characters, JSON last.

SSM keeps the head of the output, 2,500 characters of both streams together, and its agent counts
bytes (amazon-ssm-agent iohandler.go). So do we: a wide character counts as what it takes in UTF-8.
"""

from __future__ import annotations

import json
import posixpath
from typing import Any, Iterable, Iterator

from hookd.report.differences import told_changes
from hookd.report.document import Document

MOST = 2400
MOST_JSON = 980
_MOST_LINE = 260
_MOST_PATH = 600
_MOST_NAMED = 200
_MOST_HOOKS = 4
_SEVERAL = 2
_BAD = ("failed", "timed-out", "refused", "interrupted", "outstanding")


def summary(found: Document, phase: Document, result_path: str, note: str = "") -> str:
    """Return the summary of `phase`, an entry of the document's phases, of at most MOST characters.

    What does not fit is counted; failures come before warnings, warnings before facts.
    """
    where = _cut(f"result: {result_path}", _MOST_PATH)
    last = [where, "hookd-result: " + machine_line(found, phase, result_path)]
    first = _cut(_headline(found, phase), _MOST_LINE)
    room = MOST - sum(_size(line) + 1 for line in (first, *last)) - len("(999999 more lines)\n")
    body = _fitting(_body(found, phase, note), room)
    return "\n".join([first, *body, *last]) + "\n"


def verdict_of(found: Document, phase: Document) -> str:
    """Return what the caller reads first: on-exit speaks for the operation, pre and post not."""
    on_exit = phase["phase"] == "on-exit"
    return str(found["operation"]["verdict"] if on_exit else phase["verdict"])


def _headline(found: Document, phase: Document) -> str:
    operation = found["operation"]
    words = [f"{verdict_of(found, phase)}: {phase['phase']} of operation {operation['id']}"]
    if phase["phase"] == "on-exit":
        if operation["recovered_at"] and phase["caller"] != "recovery":
            words.append(f"recovery had run it at {operation['recovered_at']}")
        words.append(f"path {operation['path']} ({operation['path_reason']})")
    if phase["outcome"] != "passed":
        words.append(f"{phase['outcome']}: {phase['reason']}")
    return ", ".join(words)


def _body(found: Document, phase: Document, note: str) -> Iterator[str]:
    if note:
        yield note
    bad = _bad_hooks(phase, required=True)
    yield from _told_hooks(bad[:_MOST_HOOKS], "required")
    ran = [hook for hook in bad if hook["outcome"] != "outstanding"]
    if ran:
        yield f"  do: Mend what the output names (`hookd show` has all of it){_then(phase, ran)}."
    yield from _checks(found, phase, "fail")
    yield from (f"lost: {n['message']}" for n in found["notes"] if n["code"] == "results.lost")
    others = [hook["name"] for hook in bad[_MOST_HOOKS:]]
    if others:
        yield f"as well: {len(others)} more required hooks{_shortly(others)}"
    yield from _told_hooks(_bad_hooks(phase, required=False), "wanted")
    yield from _checks(found, phase, "warn")
    yield from (f"note: {n['message']}" for n in found["notes"] if n["code"] == "caller.doubt")
    named = {hook["name"] for hook in phase["hooks"]}
    for undo in found["operation"]["outstanding_undos"]:
        if phase["phase"] == "on-exit" and undo["hook"] not in named:
            yield f"outstanding: {undo['hook']} has not put back what {undo['pre_hook']} took away"
    yield _counts(phase)
    yield from _left_running(phase)
    if phase["phase"] != "pre":
        yield from _changes(found["changes"])


def _bad_hooks(phase: Document, *, required: bool) -> list[Document]:
    """Return them, undos first: what they have not put back is worst."""
    bad = [h for h in phase["hooks"] if h["outcome"] in _BAD and h["required"] is required]
    return sorted(bad, key=lambda hook: not hook["undo_of"])


def _then(phase: Document, bad: list[Document]) -> str:
    if bad[0]["undo_of"]:
        return ", then `hookd recover`: it runs the undos again"
    return ", then let the patch run come again" if phase["phase"] == "pre" else ""


def _told_hooks(hooks: Iterable[Document], word: str) -> Iterator[str]:
    for hook in hooks:
        yield f"{hook['outcome']}: {word} hook {hook['name']}: {hook['reason']}"
        if hook["stderr"]["path"] or hook["stdout"]["path"]:
            yield "  output: " + (hook["stderr"]["path"] or hook["stdout"]["path"])


def _checks(found: Document, phase: Document, severity: str) -> Iterator[str]:
    for check in found["checks"]:
        of_phase = phase["phase"] == "on-exit" or check["phase"] == phase["phase"]
        bad = check["outcome"] in ("fail", "warn", "unknown")
        if of_phase and bad and check["severity"] == severity:
            why = check["reason"] or f"found {check['found']}, expected {check['expected']}"
            yield f"{check['outcome']}: check {check['id']}: {why}"
            yield f"  do: {check['remedy']}"


def _counts(phase: Document) -> str:
    count: dict[str, int] = {}
    for hook in phase["hooks"]:
        count[hook["outcome"]] = count.get(hook["outcome"], 0) + 1
    said = ", ".join(f"{number} {outcome}" for outcome, number in sorted(count.items()))
    return f"hooks: {said or 'none'}"


def _left_running(phase: Document) -> Iterator[str]:
    for hook in phase["hooks"]:
        for process in hook["left_running"]:
            holds = ", holds its output open" if process["holds_stdout"] else ""
            what = f"pid {process['pid']} {process['command']}{holds}"
            yield f"left running by {hook['name']}: {what}"


def _changes(changes: Document) -> Iterator[str]:
    packages = changes["packages"]
    yield f"packages: {len(packages)} changes" + _shortly([_package(one) for one in packages])
    kernel, boot = changes["kernel"], changes["boot"]
    promised = f", promised {kernel['promised']}" if kernel["promised"] else ""
    if kernel["running_after"]:
        yield f"kernel: {kernel['running_before']} -> {kernel['running_after']}{promised}"
    yield f"rebooted: {rebooted(boot)}"
    for noun in ("units", "sockets", "mounts", "settings"):
        told = told_changes(changes[noun], noun)
        if told:
            yield f"{noun}: {len(told)} changes" + _shortly(told)


def rebooted(boot: Document) -> str:
    """Say whether the machine rebooted, how often, and how it went down before."""
    if not boot["rebooted"]:
        return "not known" if boot["rebooted"] is None else "no"
    words = ["yes"] if boot["boots"] < _SEVERAL else [f"yes, {boot['boots']} times"]
    if boot["clean"] is False:
        words.append("without a shutdown before")
    elif boot["downtime_s"] is not None:
        words.append(f"down for {boot['downtime_s']:.0f} s")
    folders = sorted({posixpath.dirname(path) for path in boot["crashes"]})
    return ", ".join([*words, *(f"crash dump in {folder}" for folder in folders)])


def _shortly(texts: list[str]) -> str:
    """Return the first of `texts` and as many more as fit, and how many there are besides."""
    named = ""
    for number, text in enumerate(texts):
        if named and len(named) + len(text) > _MOST_NAMED:
            return f"{named} and {len(texts) - number} more"
        named += (": " if number == 0 else ", ") + text
    return named


def _package(change: Document) -> str:
    return f"{change['name']} {change['action']} {'+'.join(change['after'] or change['before'])}"


def _fitting(lines: Iterable[str], room: int) -> Iterator[str]:
    hidden = 0
    for line in lines:
        short = _cut(line, _MOST_LINE)
        if _size(short) + 1 > room:
            hidden += 1
            continue
        room -= _size(short) + 1
        yield short
    if hidden:
        yield f"({hidden} more lines)"


def _size(text: str) -> int:
    return len(text.encode("utf-8"))


def _cut(line: str, most: int) -> str:
    """Return `line` without what is not printable, of at most `most` bytes in UTF-8."""
    plain = "".join(char if char.isprintable() else "?" for char in line)
    if _size(plain) <= most:
        return plain
    mark = "\u2026"
    return plain.encode("utf-8")[: most - _size(mark)].decode("utf-8", "ignore") + mark


def machine_line(found: Document, phase: Document, result_path: str) -> str:
    """Return one-line ASCII JSON, with its name below 1,000 characters, for a program to read."""
    hooks = phase["hooks"]
    body: dict[str, Any] = {
        "operation": found["operation"]["id"],
        "phase": phase["phase"],
        "attempt": phase["attempt"],
        "verdict": verdict_of(found, phase),
        "path": found["operation"]["path"],
        "outcome": phase["outcome"],
        "exit_code": phase["exit_code"],
        "process_exit": phase["process_exit"],
        "hooks": len(hooks),
        "failed_hooks": [hook["name"] for hook in hooks if hook["outcome"] in _BAD],
        "failed_checks": [c["id"] for c in found["checks"] if c["outcome"] in ("fail", "unknown")],
        "packages": len(found["changes"]["packages"]),
        "result": result_path,
    }
    return _shortened(body)


def _shortened(body: dict[str, Any]) -> str:
    """Drop names from the lists, then long texts, until the line is short enough."""
    line = json.dumps(body, separators=(",", ":"))
    for name in ("failed_hooks", "failed_checks"):
        while len(line) > MOST_JSON and body[name]:
            body = {**body, name: body[name][:-1], "cut": True}
            line = json.dumps(body, separators=(",", ":"))
    if len(line) > MOST_JSON:
        line = json.dumps({**body, "result": ""}, separators=(",", ":"))
    return line
