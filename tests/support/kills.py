"""Phases that are killed: hooks that note their own starts and ends, and the journal held to it."""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import signal
import time
import traceback

from hookd.core.journal import HookEnded, HookStarted
from hookd.core.model import HookOutcome
from hookd.system import journal
from hookd.system.process.table import Table
from support.faults import FaultRoot, wait_for

_PR_SET_CHILD_SUBREAPER = 36  # prctl(2): orphans come to us

RUN_ID = "3b1c0a52-0000-4000-8000-000000000001"
NOTES = 'echo "start $HOOKD_HOOK" >> {log}\nsleep {seconds}\necho "end $HOOKD_HOOK" >> {log}\n'
NEVER_STARTED = (HookOutcome.SKIPPED, HookOutcome.REFUSED, HookOutcome.OUTSTANDING)


def build(folder, hooks, seconds=0.01, phases=("pre",)):
    """Return a root with `hooks` hooks a phase and an undo of pre/05-hook, and their own log."""
    root = FaultRoot(folder)
    log = folder / "hooks.log"
    log.touch()
    script = NOTES.format(log=log, seconds=seconds)
    for phase in phases:
        for number in range(1, hooks + 1):
            root.hook(f"{phase}/{number:02}-hook", script)
    root.hook("on-exit/70-undo", script, undoes="pre/05-hook")
    return root, log


def told(log):
    """Return the tokens of who started and of who ended by the hooks' own log, each in order."""
    lines = [line.split() for line in log.read_text().splitlines()]
    started = [token for word, token in lines if word == "start"]
    return started, [token for word, token in lines if word == "end"]


def name_of(token):
    """Return `05-hook` of `OPERATION/pre-1/05-hook#1`."""
    return token.rpartition("/")[2].partition("#")[0]


def names_in(tokens, phase):
    return [name_of(token) for token in tokens if f"/{phase}-" in token]


def events_of(root):
    return journal.read(str(root.journal())).events if root.operations() else ()


def bodies_of(events, kind):
    return [event.body for event in events if isinstance(event.body, kind)]


def recorded_ends(events, phase):
    """Return how the hooks of `phase` have ended so far, by name."""
    return {body.hook: body.outcome for body in bodies_of(events, HookEnded) if body.phase == phase}


def check_against_hooks(root, log):
    """Nothing ran that the journal does not declare, twice or at all, and what passed did run."""
    started, ended = told(log)
    events = events_of(root)
    declared = [body.token for body in bodies_of(events, HookStarted)]
    assert len(started) == len(set(started)), "one start of a hook ran twice"
    assert set(started) <= set(declared), "a hook ran of which nothing is recorded"
    assert len(declared) == len(set(declared)), "two starts are recorded as one"
    for run in root.operation().phases:
        for hook in run.hooks.values():
            if hook.outcome is HookOutcome.PASSED:
                assert hook.token in ended, f"{hook.token} is said to have passed"
            if hook.outcome in NEVER_STARTED:
                own = f"/{run.phase}-{run.attempt}/{hook.name}#"
                assert not [token for token in started if own in token], f"{own} is said not to run"
            assert hook.outcome is not None, f"nothing is said of {hook.name}"
    once = [token for token in started if name_of(token) != "70-undo"]
    places = [(token.split("/")[1].rpartition("-")[0], name_of(token)) for token in once]
    assert len(places) == len(set(places)), "a hook that is no undo ran twice"


def check_nothing_forgotten(run, recorded, ended_by_then):
    """What was recorded before the kill is so still, and who had ended is known to have started."""
    for name, outcome in recorded.items():
        assert run.hooks[name].outcome is outcome, f"{name} was forgotten"
    for token in ended_by_then:
        if f"/{run.phase}-" in token:
            assert run.hooks[name_of(token)].was_started


def in_lanes(folder, jobs, lanes, work):
    """Do `work(folder of the job, job)` for all `jobs` in so many processes at a time.

    Return what they returned, and what went wrong in words: a process that a job left, too.
    """
    jobs = list(enumerate(jobs))
    pids = [_fork_lane(folder, lane, jobs[lane::lanes], work) for lane in range(lanes)]
    for pid in pids:
        os.waitpid(pid, 0)
    said = [json.loads((folder / f"lane-{lane}").read_text()) for lane in range(lanes)]
    results = [one for lane in said for one in lane["results"]]
    return results, [one for lane in said for one in lane["wrong"]]


def _fork_lane(folder, lane, jobs, work):
    pid = os.fork()
    if pid:
        return pid
    found = {"results": [], "wrong": []}
    try:
        assert ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0
        for number, job in jobs:
            own = folder / f"job-{number}"
            own.mkdir()
            try:
                found["results"].append(work(own, job))
                wait_for(_is_childless)
            except BaseException:  # noqa: BLE001 - told to the parent
                found["wrong"].append(f"{own}, {job}: {traceback.format_exc()}")
            finally:
                _end_children()
    finally:
        (folder / f"lane-{lane}").write_text(json.dumps(found))
        os._exit(0)


def _is_childless():
    """Collect who has ended, orphans too, and tell whether nobody is left."""
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
        return False
    return True


def _end_children():
    while not _is_childless():
        for process in Table(0.0).processes.values():
            if process.parent == os.getpid():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(process.pid, signal.SIGKILL)
        time.sleep(0.01)
