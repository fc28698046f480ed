"""Every scenario with hooks that do their work: steps, path, verdict, codes, hooks, summary.

The steps are those of AWS's document as the agent is known to treat them. A letter each: S Success,
F Failed, T TimedOut, C Cancelled, R SuccessAndReboot, - Skipped; `!` is something that happens to
the run (a reboot, a kill, recovery).
"""

from __future__ import annotations

import json
import pathlib
import re
import shutil
import tempfile
from typing import NamedTuple

import pytest
from support.fakeroot import FakeRoot, metadata, says

from hookd.rehearsal.scenarios import SCENARIOS

SUMMARIES = pathlib.Path(__file__).resolve().parents[1] / "data" / "rehearsal"
LETTERS = {
    "Success": "S",
    "Failed": "F",
    "TimedOut": "T",
    "Cancelled": "C",
    "SuccessAndReboot": "R",
    "Skipped": "-",
}
PRE = ["pre/20-note", "pre/30-leave"]
POST = ["post/50-note"]
EXIT = ["on-exit/60-note", "on-exit/70-join"]
ALL = PRE + POST + EXIT
CODES = {"pre": 0, "post": 0, "on-exit": 0}


class Course(NamedTuple):
    """`codes` are what hookd ended with, by phase; `ran` the hooks in the order they ran."""

    steps: str
    path: str
    verdict: str
    codes: dict
    ran: list


NO_CALL = Course("SS------", "", "", {}, [])
PRE_FAILED = Course("SSF----F", "pre-failed", "failed", {"pre": 1, "on-exit": 1}, PRE + EXIT)
ON_EXIT_ALONE = Course("SS-----S", "nothing-to-do", "passed", {"on-exit": 0}, EXIT[:1])
REBOOTED = Course("SSSSSSR!SS", "patched-rebooted", "passed", CODES, ALL)
AND_FAILED = {"pre": 0, "post": 0, "on-exit": 1}
COURSES = {
    "patched": REBOOTED,
    "association": REBOOTED,
    "no-reboot": Course("SSSSSS-S", "patched-reboot-pending", "passed-with-warnings", CODES, ALL),
    "nothing-missing": ON_EXIT_ALONE,
    "pending-no-reboot": ON_EXIT_ALONE._replace(verdict="passed-with-warnings"),
    "pending-reboot": REBOOTED,
    "scan": NO_CALL,
    "scan-fails": Course("F------F", "unclear", "incomplete", {"on-exit": 1}, EXIT[:1]),
    "pre-hook-1": PRE_FAILED,
    "pre-hook-137": PRE_FAILED,
    "pre-hook-168": PRE_FAILED,
    "pre-hook-169": PRE_FAILED,
    "pre-hook-194": PRE_FAILED,
    "pre-hook-hangs": PRE_FAILED,
    "pre-times-out": REBOOTED._replace(
        steps="SS!TSSSR!SF", verdict="failed", codes={"pre": 130, "post": 0, "on-exit": 1}
    ),
    "pre-ignored": REBOOTED._replace(
        steps="SSSSSSR!SF", verdict="failed", codes={"pre": 1, "post": 0, "on-exit": 1}
    ),
    "pre-reboots": REBOOTED._replace(steps="SSR!SSSSR!SS"),
    "pre-document-missing": Course("SSF----F", "pre-missing", "failed", {"on-exit": 1}, EXIT[:1]),
    "install-fails": Course(
        "SSSF---F", "install-failed", "failed", {"pre": 0, "on-exit": 1}, PRE + EXIT
    ),
    "post-fails": Course(
        "SSSSF--F", "post-failed", "failed", {"pre": 0, "post": 1, "on-exit": 1}, ALL[:-1]
    ),
    "post-veto": Course(
        "SSSSF--F", "post-failed", "failed", {"pre": 0, "post": 1, "on-exit": 1}, ALL[:-1]
    ),
    "old-kernel": Course("SSSSSSR!SF", "patched-rebooted", "failed", AND_FAILED, ALL[:-1]),
    "on-exit-fails": Course("SSSSSSR!SF", "patched-rebooted", "failed", AND_FAILED, ALL),
    "crash-in-pre": Course("SS!!!", "interrupted", "failed", {"pre": 1, "on-exit": 1}, PRE + EXIT),
    "worker-killed": Course("SS!!!", "interrupted", "failed", {"pre": 0, "on-exit": 1}, PRE + EXIT),
    "agent-killed": REBOOTED._replace(steps="SS!SSSSR!SS"),
    "cancelled": Course(
        "SS!SCCCCC!", "interrupted", "failed", {"pre": 0, "on-exit": 1}, PRE + EXIT
    ),
    "two-runs": REBOOTED._replace(steps="SSS!SSF----F!SSSR!SS", ran=PRE + EXIT[:1] + POST + EXIT),
    "only-on-exit": Course(
        "!SS-----S!SSSSSSR!SS", "patched-rebooted", "passed", {"on-exit": 0}, EXIT[:1] * 2
    ),
    "only-pre": Course(
        "SSSSSSR!SS!", "patched-rebooted", "passed", {"pre": 0, "on-exit": 0}, PRE + EXIT
    ),
    "scheduled-reboot": Course("SSSSSS-S!!R!SSS", "patched-rebooted", "passed", CODES, ALL),
}


def _root(place):
    root = FakeRoot(place)
    shutil.rmtree(str(root.path / "proc"))  # a rehearsal makes the machine
    for hook in (*PRE, *POST, EXIT[0]):
        phase, name = hook.split("/")
        root.hook(phase, name, metadata("required = true") + says(hook))
    root.undo("70-join", "30-leave", says(EXIT[1]), "only_if_healthy = true")
    return root


def _steps(report):
    return "".join(LETTERS.get(one.get("status"), "!") for one in report["happenings"])


def _codes(report):
    document = _document(report)
    return {phase["phase"]: phase["exit_code"] for phase in document["phases"]} if document else {}


def _document(report):
    found = [one for one in report["results"] if one["operation"]["run_id"] == report["run_id"]]
    return found[-1] if found else None


def test_every_scenario_has_its_course():
    assert list(COURSES) == list(SCENARIOS)


@pytest.fixture
def place():
    """A folder with a name as long as that in which the files were written: a summary has room."""
    with tempfile.TemporaryDirectory() as found:
        yield pathlib.Path(found)


@pytest.mark.parametrize("name", COURSES)
def test_a_scenario_takes_its_course_and_the_console_has_the_summaries(name, place):
    root = _root(place)
    code, out, err = root.run("--json", "rehearse", name)
    assert out, (code, err)
    report = json.loads(out)
    path, verdict = report["found"]["path"], report["found"]["verdict"]
    outputs = [one["output"] for one in report["happenings"] if "output" in one]

    found = Course(_steps(report), path, verdict, _codes(report), root.ran())
    assert (found, report["problems"], code) == (COURSES[name], [], 0)
    assert _console(report, root) == (SUMMARIES / f"{name}.txt").read_text(encoding="utf-8")
    assert [text for text in outputs if "truncated" in text] == []
    assert max(len(text.encode("utf-8")) for text in outputs) <= 2500


_VOLATILE = (
    (re.compile(r"\b\d{8}T\d{6}Z-[0-9a-f]{4}\b"), "OPERATION"),
    (re.compile(r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b"), "UUID"),
    (re.compile(r"\b\d{4}-\d\d-\d\dT[0-9:.]+Z"), "TIME"),
    (re.compile(r"\bpid \d+"), "pid PID"),
)


def _console(report, root):
    """Return what SSM's console has of the calls of hookd, without what differs each time."""
    parts = []
    for one in report["happenings"]:
        is_call = one.get("step", "").startswith("CustomerProvided")
        if is_call and one["output"] and one["status"] != "Skipped":
            parts.append(f"== {one['step']}: {one['status']}\n{one['output'].rstrip()}\n")
    text = "".join(parts).replace(str(root.path), "ROOT")
    for pattern, name in _VOLATILE:
        text = pattern.sub(name, text)
    return text


def _write_summaries():
    """Write the files that the console is compared with: `python FILE`, then read each of them."""
    for name in COURSES:
        with tempfile.TemporaryDirectory() as place:
            root = _root(pathlib.Path(place))
            _, out, _ = root.run("--json", "rehearse", name)
            text = _console(json.loads(out), root)
        (SUMMARIES / f"{name}.txt").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    _write_summaries()
