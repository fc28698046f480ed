"""The played agent: what a hook document sees of it, and what it makes of the document."""

from __future__ import annotations

import json
import os
import time

import pytest

from hookd.core.codec import decode
from hookd.rehearsal import ground
from hookd.rehearsal.agent import Agent
from hookd.rehearsal.documents import WITH_HOOKS
from hookd.rehearsal.files import Run
from hookd.rehearsal.node import Node
from hookd.rehearsal.patchmanager import PatchManager
from hookd.rehearsal.rules import Status, StepResult
from hookd.rehearsal.worker import CANCEL, EXPIRE, GO
from hookd.system.process.group import kill_all_below
from hookd.system.process.reap import Reaper
from hookd.system.process.table import read_process

NODE = "i-0123456789abcdef0"
COMMAND = "0f1e2d3c-4b5a-4697-8877-665544332211"
RUN_ID = "2026-11-23T04-35-02.420Z"
PRE = "CustomerProvidedPrePatchHook"
BLANK = {
    "Operation": "Install",
    "RebootOption": "NoReboot",
    "PreInstallHookDocName": "probe",
    "PostInstallHookDocName": "AWS-Noop",
    "OnExitHookDocName": "AWS-Noop",
}


class Played:
    """A machine whose pre document is given by its lines; `play` returns what became of steps."""

    def __init__(self, root):
        ground.given(str(root))
        self.root = root
        self.node = Node(str(root))
        self.agent = Agent(str(root), NODE, "eu-west-1")
        self.agent.install()
        self.node.lay_out()
        PatchManager(self.node).begin(missing=True, pending=False)

    def play(self, *steps, run=None, tell=None, **parameters):
        """Play with a document of `steps`, each a list of lines; `tell` is said in the hook."""
        run = run or Run(WITH_HOOKS, {**BLANK, **parameters}, COMMAND)
        self.agent.submit(run)
        worker = self.agent.start(run, {"probe": _document(*steps)}, {})
        told = []

        def meanwhile():
            if tell and not told and (self.root / "here").exists():
                told.append(tell)
                worker.tell(tell)

        results = {}
        for message in worker.listen(meanwhile):
            if message["event"] == "begin":
                worker.tell(GO)
            elif message["event"] == "end":
                results[message["step"]] = decode(StepResult, message["result"])
        worker.close()
        return results

    def folder(self, run=COMMAND):
        return self.root / "var/lib/amazon/ssm" / NODE / "document/orchestration" / run


def _document(*steps, **inputs):
    return json.dumps(
        {
            "schemaVersion": "2.2",
            "mainSteps": [
                {
                    "action": "aws:runShellScript",
                    "name": f"probe:{n}",
                    "inputs": {"runCommand": list(lines), **inputs},
                }
                for n, lines in enumerate(steps, 1)
            ],
        }
    )


@pytest.fixture
def played(tmp_path):
    with Reaper() as reaper:
        yield Played(tmp_path)
        kill_all_below(reaper)


def test_a_script_gets_the_agents_environment_and_nothing_of_ours(played, monkeypatch):
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "ours")
    found = played.play(["env"])[PRE].stdout
    names = {line.partition("=")[0] for line in found.splitlines()} - {"_", "OLDPWD", "SHLVL"}

    assert names == {
        *("AWS_SSM_INSTANCE_ID", "AWS_SSM_PLATFORM_NAME", "AWS_SSM_PLATFORM_VERSION"),
        *("AWS_SSM_REGION_NAME", "INVOCATION_ID", "JOURNAL_STREAM", "LANG", "PATH", "PWD"),
        *("SSM_COMMAND_ID", "HOOKD_ROOT", "HOOKD_REHEARSAL"),
    }
    assert f"SSM_COMMAND_ID={COMMAND}\n" in found


def test_a_script_runs_where_and_as_the_agent_runs_it(played):
    lines = [
        "pwd; umask; readlink /proc/$$/fd/0",
        "readlink /proc/$$/fd/1 | cut -d: -f1",
        "ps -o pgid=,sid= -p $$ | tr -s ' '; echo $$ $PPID",
        "echo $0",
    ]
    found = played.play(lines)[PRE].stdout.splitlines()
    downloads = played.folder() / PRE / "downloads"
    group, session = found[4].split()

    assert found[:4] == [str(downloads), "0022", "/dev/null", "pipe"]
    # with dash as sh, `sh -c` stays as the parent of its script and leads the group
    assert group in found[5].split()
    assert (session, group != session) == (str(os.getsid(0)), True)
    assert found[6] == str(played.folder() / PRE / "probe1" / "_script.sh")
    assert [path.name for path in downloads.iterdir()] == ["probe.json"]


@pytest.mark.parametrize(
    ("run", "named"),
    [("", COMMAND), (RUN_ID, f"{COMMAND}.{RUN_ID}")],
    ids=["command", "association"],
)
def test_the_scripts_ancestor_is_a_document_worker_with_the_run_id(played, run, named):
    lines = [
        "parent=$PPID",
        'if grep -q _script.sh "/proc/$parent/cmdline"; then',  # dash as sh
        '  parent=$(ps -o ppid= -p "$parent" | tr -d " ")',
        "fi",
        "tr '\\0' ' ' </proc/$parent/cmdline; echo; readlink /proc/$parent/cwd",
    ]
    found = played.play(lines, run=Run(WITH_HOOKS, BLANK, COMMAND, run))[PRE].stdout
    command, cwd = found.splitlines()
    program, argument = command.split()

    assert (os.path.basename(program), argument, cwd) == ("ssm-document-worker", named, "/usr/bin")


def test_the_agents_file_of_the_run_names_its_documents_while_it_runs(played):
    state = "../../../../state/current/" + COMMAND
    found = json.loads(played.play([f"cat {state} || cat ../{state}"])[PRE].stdout)
    information = found["DocumentInformation"]

    assert (information["DocumentID"], information["CommandID"], information["RunCount"]) == (
        COMMAND,
        COMMAND,
        0,
    )
    assert [
        plugin["Configuration"]["Properties"].get("documentPath")
        for plugin in found["InstancePluginsInformation"]
    ] == [
        "AWS-RunPatchBaseline",
        None,
        "probe",
        "AWS-RunPatchBaseline",
        "AWS-Noop",
        None,
        "AWS-RunPatchBaseline",
        "AWS-Noop",
    ]


def test_outputs_are_kept_by_step_and_merged_for_the_document(played):
    found = played.play(["echo out; echo err >&2"], ["echo second"])[PRE]
    own = played.folder() / PRE / PRE / "awsrunShellScript" / "probe1"
    merged = played.folder() / "awsrunDocument" / PRE / "stdout"

    assert (found.stdout, found.stderr) == ("out\n\nsecond\n", "err\n")
    assert [(own / name).read_text() for name in ("stdout", "stderr")] == ["out\n", "err\n"]
    assert merged.read_text() == "out\n\nsecond\n"


def test_the_steps_of_a_hook_document_do_not_stop_each_other(played):
    found = played.play(["exit 3"], ["echo went on"])[PRE]

    assert (found.status, found.stdout.splitlines()[0]) == (Status.FAILED, "went on")


def test_a_script_whose_time_is_up_is_killed_with_its_group_and_patching_goes_on(played):
    lines = ["sleep 60 & echo $! >$HOOKD_ROOT/child; touch $HOOKD_ROOT/here; sleep 60"]
    found = played.play(lines, tell=EXPIRE)
    child = read_process(int((played.root / "child").read_text()))

    assert {name: one.status for name, one in found.items()} == {
        "PreInstallScan": Status.SUCCESS,
        "VerifyLocalPatchStatesLinux": Status.SUCCESS,
        PRE: Status.TIMED_OUT,
        "InstallNoReboot": Status.SUCCESS,
        "CustomerProvidedPostInstallHook": Status.SUCCESS,
        "VerifyIfShouldRebootLinux": Status.SUCCESS,
        "RebootHandlingAndReporting": Status.SKIPPED,
        "CustomerProvidedOnExitHook": Status.SUCCESS,
    }
    assert child is None or child.is_dead


def test_a_cancel_does_not_reach_the_script_and_cancels_every_later_step(played):
    here = "touch $HOOKD_ROOT/here; sleep 2; echo ended in peace"
    found = played.play([here], tell=CANCEL)

    assert (found[PRE].status, found[PRE].stdout) == (Status.SUCCESS, "ended in peace\n")
    assert {one.status for one in list(found.values())[3:]} == {Status.CANCELLED}


def test_a_child_that_keeps_the_output_open_keeps_the_step_waiting(played):
    before = time.monotonic()
    played.play(["sleep 0.4 & echo done"])

    assert time.monotonic() - before >= 0.4


def test_what_keeps_no_output_open_outlives_the_step(played):
    found = played.play(["setsid sleep 60 >/dev/null 2>&1 & echo $!"])[PRE]

    os.kill(int(found.stdout), 0)  # raises when it is gone


def test_a_document_that_asks_for_a_reboot_begins_anew(played):
    once = ['echo run; [ -e "$HOOKD_ROOT/once" ] && exit 0; touch "$HOOKD_ROOT/once"; exit 194']
    first = played.play(["echo first"], once)
    run = Run(WITH_HOOKS, BLANK, COMMAND)
    played.agent.resume(run)
    state = played.agent.files.read("current", run)
    worker = played.agent.start(run, {"probe": _document(["echo first"], once)}, {})
    begun = []
    for message in worker.listen(lambda: None):
        if message["event"] == "begin":
            begun.append(message["step"])
            worker.tell(GO)
    worker.close()
    output = played.folder() / PRE / PRE / "awsrunShellScript"

    assert (first[PRE].status, list(first)[-1]) == (Status.SUCCESS_AND_REBOOT, PRE)
    assert state["DocumentInformation"]["RunCount"] == 1
    assert begun[0] == PRE
    assert (output / "probe1/stdout").read_text() == "first\nfirst\n"
