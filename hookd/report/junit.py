"""An operation as JUnit XML: a suite for each phase, one for the checks, one for the verdict.

There is no specification; the elements are those that Jenkins and GitLab read. What failed the
operation is a `failure`, what a required answer is missing for an `error`. JUnit knows no
warnings: they are `skipped` with a message that says so.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from typing import Iterable

from hookd.report.document import Document

_NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_RESULTS = ("failure", "error", "skipped")


def junit(found: Document) -> str:
    """Return the XML of a result document, in ASCII, without a newline at its end."""
    root = ET.Element("testsuites", name=_text(f"hookd {found['operation']['id']}"))
    for phase in found["phases"]:
        cases = [_hook(phase["phase"], hook) for hook in phase["hooks"]]
        cases.append(_phase(phase))
        name = f"{phase['phase']}-{phase['attempt']}"
        root.append(_suite(name, cases, phase["started_at"]))
    root.append(_suite("checks", [_check(check) for check in found["checks"]]))
    root.append(_suite("operation", [_operation(found)], found["operation"]["started_at"]))
    for total in ("tests", "failures", "errors", "skipped"):
        root.set(total, str(sum(int(suite.get(total, "0")) for suite in root)))
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root).decode("ascii")


def _suite(name: str, cases: Iterable[ET.Element], began: str = "") -> ET.Element:
    suite = ET.Element("testsuite", name=_text(name))
    suite.extend(cases)
    results = [child.tag for case in suite for child in case]
    suite.set("tests", str(len(suite)))
    for attribute, tag in zip(("failures", "errors", "skipped"), _RESULTS):
        suite.set(attribute, str(results.count(tag)))
    suite.set("time", f"{sum(float(case.get('time', '0')) for case in suite):.3f}")
    if began:
        suite.set("timestamp", _text(began[:19]))
    return suite


def _case(place: str, name: str, seconds: float = 0.0) -> ET.Element:
    return ET.Element(
        "testcase", classname=_text(f"hookd.{place}"), name=_text(name), time=f"{seconds:.3f}"
    )


def _hook(phase: str, hook: Document) -> ET.Element:
    case = _case(phase, hook["name"], hook["duration_s"])
    outcome, reason = hook["outcome"], hook["reason"]
    if outcome == "skipped":
        _add(case, "skipped", reason)
    elif outcome == "running":
        _add(case, "error", "it has not ended")
    elif outcome != "passed" and hook["required"]:
        _add(case, "failure", f"{outcome}: {reason}")
    elif outcome != "passed":
        _add(case, "skipped", f"warning: {outcome}: {reason}")
    for stream, tag in (("stdout", "system-out"), ("stderr", "system-err")):
        text = hook[stream]["head"]
        if hook[stream]["tail"]:
            text += f"\n[...]\n{hook[stream]['tail']}"
        if text:
            ET.SubElement(case, tag).text = _text(text)
    return case


def _phase(phase: Document) -> ET.Element:
    case = _case(phase["phase"], "the phase itself")
    if phase["outcome"] == "running":
        _add(case, "error", "it has not ended")
    elif phase["outcome"] != "passed":
        _add(case, "failure", f"{phase['outcome']}: {phase['reason']}")
    return case


def _check(check: Document) -> ET.Element:
    case = _case("checks", check["id"])
    outcome, severity = check["outcome"], check["severity"]
    why = check["reason"] or f"found {check['found']}, expected {check['expected']}"
    if outcome == "skip":
        _add(case, "skipped", why)
    elif outcome != "pass" and severity != "fail":
        _add(case, "skipped", f"{'ignored' if severity == 'ignore' else 'warning'}: {why}")
    elif outcome != "pass":
        kind = "error" if outcome == "unknown" else "failure"
        _add(case, kind, f"{outcome}: {why}", check["remedy"])
    return case


def _operation(found: Document) -> ET.Element:
    operation = found["operation"]
    case = _case("operation", f"the verdict on {operation['id']}")
    why = f"{operation['verdict']}: path {operation['path']} ({operation['path_reason']})"
    if operation["verdict"] == "failed":
        _add(case, "failure", why)
    elif operation["verdict"] == "incomplete":
        _add(case, "error", why)
    ET.SubElement(case, "system-out").text = _text(why)
    return case


def _add(case: ET.Element, tag: str, message: str, text: str = "") -> None:
    ET.SubElement(case, tag, message=_text(message)).text = _text(text) or None


def _text(text: str) -> str:
    """Return `text` with `?` for what XML 1.0 cannot hold; a parser reads no other line ends."""
    return _NO_XML.sub("?", text.replace("\r\n", "\n").replace("\r", "\n"))
