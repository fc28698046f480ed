"""hookd in the process tree of the SSM agent: it knows its run, its slot and its document."""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import signal
import subprocess
import sys
import time

import psutil
import pytest
from support.agenttree import RUN, AgentTree
from support.fakeroot import CHECKOUT, FakeRoot, check_of, says
from support.patchrun import (
    ASSOCIATION,
    COMMAND,
    ON_EXIT,
    POST,
    POST_REBOOT,
    PRE,
    PatchRun,
    wrapper_steps,
)

OF_ASSOCIATION = f"{ASSOCIATION}.{RUN}"
OTHER = "99999999-8888-4777-8666-555555555555"
IDS = [
    pytest.param(COMMAND, "ssm-command", id="command"),
    pytest.param(OF_ASSOCIATION, "ssm-association", id="association"),
]


@pytest.fixture
def root(tmp_path):
    found = FakeRoot(tmp_path)
    yield found
    found.end()


@pytest.fixture(params=["in-process", "served"])
def way(request, root):
    """Whether the engine is a child of the caller, or of the service."""
    with service(root) if request.param == "served" else contextlib.nullcontext():
        yield request.param


@contextlib.contextmanager
def service(root):
    process = subprocess.Popen(
        root.command("daemon"), env=root.environment(None), stdin=subprocess.DEVNULL
    )
    socket = root.path / "run/hookd/hookd.sock"
    until = time.monotonic() + 15
    while not socket.exists():
        assert time.monotonic() < until
        time.sleep(0.02)
    try:
        yield
    finally:
        process.terminate()
        process.wait(10)


def lines(root, *words, before=""):
    """Return the lines of a hook document that calls hookd."""
    argv = ["-m", "hookd", "--root", str(root.path), "run", *words]
    hookd = f"{before}env PYTHONPATH={CHECKOUT} {sys.executable} "
    return [hookd + " ".join(shlex.quote(word) for word in argv)]


def call(root, run, slot, phase, *words, before="", how=None, **hook):
    """Let `run` call hookd from `slot`, as the agent does."""
    script = run.hook(slot, lines(root, phase, *words, before=before), **hook)
    return run.call(script, **(how or {}))


def told(root):
    """Return what the result says of the newest call."""
    result = root.result()
    phase = result["phases"][-1]
    names = ("slot", "document", "step")
    return (
        result["operation"]["caller"],
        result["operation"]["run_id"],
        (phase["phase"], phase["caller"]),
        tuple(result["ssm"].get(name) for name in names),
    )


# -- what the processes tell ------------------------------------------------------------------


@pytest.mark.parametrize("sh", ["/bin/dash", "/bin/bash"])
@pytest.mark.parametrize("shebang", ["", "#!/bin/bash", "#!/bin/sh -e"])
@pytest.mark.parametrize(("run_id", "caller"), IDS)
def test_run_slot_and_document_are_known(root, way, run_id, caller, shebang, sh):
    if not os.path.exists(sh):
        pytest.skip(f"no {sh} here")
    run = PatchRun(root.path, run_id)

    code, out, err = call(
        root, run, PRE, "pre", document="DrainNode", shebang=shebang, how={"sh": sh}
    )

    assert (code, err) == (0, ""), out
    expected = (PRE, "DrainNode", "runHookd")
    assert told(root) == (caller, run_id, ("pre", caller), expected)
    sources = root.result()["ssm"]["sources"]
    assert sources["run_id"] == "argv of ssm-document-worker"
    assert sources["slot"] == sources["step"] == "path of the script"
    assert sources["document"].endswith(f"/{PRE}/downloads/DrainNode.json")


@pytest.mark.parametrize("before", ["sudo -n ", "setsid -w ", "nice ", "timeout 60 "])
def test_what_stands_between_changes_nothing(root, way, before):
    if before.startswith("sudo") and (os.geteuid() or not shutil.which("sudo")):
        pytest.skip("sudo is not here, or not without a password")
    run = PatchRun(root.path, COMMAND)
    code, out, _ = call(root, run, PRE, "pre", before=before)
    assert (code, told(root)[:3]) == (0, ("ssm-command", COMMAND, ("pre", "ssm-command"))), out


def test_the_script_tells_the_run_when_its_worker_is_gone(root, way):
    run = PatchRun(root.path, OF_ASSOCIATION)
    script = run.hook(ON_EXIT, lines(root, "on-exit"))

    subprocess.run(
        ["sh", "-c", str(script)], env=run.environment(), check=False, stdout=subprocess.DEVNULL
    )

    result = root.result()
    assert result["operation"]["run_id"] == OF_ASSOCIATION
    assert result["operation"]["caller"] == "ssm-association"
    assert result["ssm"]["sources"]["run_id"] == "path of the script"


def test_where_worker_and_script_disagree_the_worker_is_believed_and_it_is_said(root, way):
    run = PatchRun(root.path, COMMAND)
    _, out, _ = call(root, run, PRE, "pre", how={"worker": OTHER})

    result = root.result()
    doubt = (
        f"ssm-document-worker has run {OTHER}, its script lies in the folder of {COMMAND}: "
        "the first is taken"
    )
    assert result["operation"]["run_id"] == OTHER
    assert result["notes"] == [{"code": "caller.doubt", "message": doubt}]
    assert f"note: {doubt}" in out


def test_the_ids_of_the_environment_alone_are_no_run(root, way):
    run = PatchRun(root.path, COMMAND)
    root.executed("run", "pre", environment={**run.environment(), "PATH": os.environ["PATH"]})

    result = root.result()
    assert (result["operation"]["caller"], result["operation"]["run_id"]) == ("person", "")
    [note] = result["notes"]
    assert note["code"] == "caller.doubt"
    assert note["message"].startswith("SSM_COMMAND_ID is set, but no ssm-document-worker is ")


def test_a_person_is_a_person(root, way):
    root.run("run", "pre")
    result = root.result()
    assert (result["operation"]["caller"], result["operation"]["run_id"]) == ("person", "")
    assert result["notes"] == []
    assert result["ssm"]["slot"] == ""


def test_an_id_that_is_given_beats_what_the_processes_tell(root, way):
    run = PatchRun(root.path, COMMAND)
    call(root, run, PRE, "pre", "--operation-id", OTHER)
    caller, run_id, phase, ssm = told(root)
    assert (caller, run_id, phase, ssm[0]) == (
        "ssm-command",
        OTHER,
        ("pre", "ssm-command"),
        PRE,
    )
    assert root.result()["ssm"]["sources"]["run_id"] == "--operation-id"


def test_a_rehearsal_is_known_by_the_environment_of_its_script(root, way):
    run = PatchRun(root.path, COMMAND)
    code, _, _ = call(root, run, PRE, "pre", how={"environment": {"HOOKD_REHEARSAL": "1"}})
    assert (code, told(root)[0]) == (0, "rehearsal")


def test_a_script_that_became_hookd_is_known_by_its_folder(root, way):
    run = PatchRun(root.path, COMMAND)
    code, _, _ = call(
        root,
        run,
        PRE,
        "pre",
        before="exec ",
        shebang="#!/bin/bash",
        timeoutSeconds=600,
        how={"sh": "/bin/bash"},
    )
    result = root.result()
    assert (code, told(root)[3]) == (0, (PRE, "MyHook", None))
    assert result["ssm"]["sources"]["slot"] == "working directory"
    assert result["phases"][0]["deadline_s"] == 570.0


def test_a_renamed_orchestration_folder_is_no_matter(root, way):
    root.write(
        "etc/amazon/ssm/amazon-ssm-agent.json", '{"Agent": {"OrchestrationRootDir": "work"}}'
    )
    run = PatchRun(root.path, OF_ASSOCIATION, orchestration="work")
    run.verify(reboot_option="NoReboot")
    call(root, run, PRE, "pre")
    assert told(root)[1:] == (
        OF_ASSOCIATION,
        ("pre", "ssm-association"),
        (PRE, "MyHook", "runHookd"),
    )
    assert root.result()["ssm"]["reboot_option"] == "NoReboot"


def test_a_step_of_the_outer_document_itself_is_in_no_slot(root, way):
    run = PatchRun(root.path, COMMAND)
    script = run.script("runShellScript", lines(root, "pre"))
    run.call(script)
    assert told(root) == (
        "ssm-command",
        COMMAND,
        ("pre", "ssm-command"),
        ("", "", "runShellScript"),
    )
    assert check_of(root.result(), "run.slot-matches") is None


# -- slots ------------------------------------------------------------------------------------


@pytest.mark.parametrize("phase", ["post", "on-exit"])
def test_a_pre_slot_that_calls_another_phase_runs_nothing_and_fails(root, way, phase):
    root.hook(phase, "10-x", says("x"))
    code, _, err = call(root, PatchRun(root.path, COMMAND), PRE, phase)

    assert code == 1
    assert f"the document in the slot {PRE} calls `hookd run {phase}`" in err
    assert (root.ran(), list((root.path / "var/lib/hookd").glob("operations/*"))) == ([], [])


@pytest.mark.parametrize(
    ("slot", "calls", "runs"), [(POST, "pre", "post"), (ON_EXIT, "post", "on-exit")]
)
def test_another_slot_runs_its_own_phase_and_the_check_fails(root, way, slot, calls, runs):
    root.hook(calls, "10-x", says("wrong"))
    root.hook(runs, "10-x", says("right"))
    call(root, PatchRun(root.path, COMMAND), slot, calls)

    result = root.result()
    found = check_of(result, "run.slot-matches")
    assert root.ran() == ["right"]
    assert (result["phases"][-1]["phase"], result["ssm"]["called"]) == (runs, calls)
    assert (found["outcome"], found["expected"], found["found"]) == (
        "fail",
        f"hookd run {runs}",
        f"hookd run {calls}",
    )


def test_each_slot_that_calls_its_phase_passes_the_check(root, way):
    run = PatchRun(root.path, COMMAND)
    for slot, phase in ((PRE, "pre"), (POST, "post"), (ON_EXIT, "on-exit")):
        call(root, run, slot, phase)
    found = check_of(root.result(), "run.slot-matches")
    assert (found["outcome"], found["phase"]) == ("pass", "on-exit")
    slots = [event["value"].get("slot") for event in seen(root)]
    assert slots == [PRE, POST, ON_EXIT]


def seen(root):
    return [event for event in root.events("observed") if event["subject"] == "ssm"]


def test_the_slot_after_a_scheduled_reboot_is_on_exits(root, way):
    call(root, PatchRun(root.path, OTHER), POST_REBOOT, "on-exit")
    assert told(root)[2:] == (
        ("on-exit", "ssm-command"),
        (POST_REBOOT, "MyHook", "runHookd"),
    )
    assert check_of(root.result(), "run.slot-matches")["outcome"] == "pass"
    assert root.journal()[0]["expected"] == ["on-exit"]


# -- which operation --------------------------------------------------------------------------


@pytest.mark.parametrize(("run_id", "caller"), IDS)
def test_the_calls_of_one_run_are_one_operation_whoever_calls_between(root, way, run_id, caller):
    other = PatchRun(root.path, OTHER)
    call(root, other, PRE, "pre")
    call(root, other, ON_EXIT, "on-exit")
    run = PatchRun(root.path, run_id)
    codes = [call(root, run, PRE, "pre")[0]]
    call(root, other, POST, "post")
    codes.append(call(root, run, POST, "post")[0])
    call(root, other, ON_EXIT, "on-exit")
    call(root, run, ON_EXIT, "on-exit")

    result = root.result(run_id)
    assert codes == [0, 0]
    assert result["operation"]["caller"] == caller
    assert [phase["phase"] for phase in result["phases"]] == ["pre", "post", "on-exit"]
    assert len(list((root.path / "var/lib/hookd/operations").iterdir())) == 2


def test_another_run_of_the_same_association_is_another_operation(root):
    for day in ("23", "24"):
        run_id = f"{ASSOCIATION}.2026-11-{day}T04-35-02.420Z"
        for slot, phase in ((PRE, "pre"), (POST, "post"), (ON_EXIT, "on-exit")):
            call(root, PatchRun(root.path, run_id), slot, phase)
    ids = [found["run_id"] for found in root.json("history")]
    assert sorted(ids) == [
        f"{ASSOCIATION}.2026-11-23T04-35-02.420Z",
        f"{ASSOCIATION}.2026-11-24T04-35-02.420Z",
    ]


def test_the_associations_id_is_not_taken_for_that_of_its_run(root, way):
    association, _, run_id = OF_ASSOCIATION.partition(".")
    runs = [OF_ASSOCIATION, OF_ASSOCIATION.replace(run_id[:4], "2031")]
    root.hook("pre", "10-once", "echo ran >>$HOOKD_ROOT/ran")
    for run_id in runs:
        run = PatchRun(root.path, run_id)
        for slot, phase in ((PRE, "pre"), (ON_EXIT, "on-exit")):
            call(root, run, slot, phase, "--operation-id", association)

        found = root.result()
        assert found["operation"]["run_id"] == run_id
        assert [note["message"] for note in found["notes"]] == [
            f"--operation-id {association} is the association's on each of its runs: not taken"
        ]
    assert (root.path / "ran").read_text() == "ran\n" * 2


@pytest.mark.parametrize(("phase", "slot", "expected"), [("post", POST, 0), ("pre", PRE, 75)])
def test_a_post_with_another_run_in_its_way_costs_no_reboot(root, way, phase, slot, expected):
    root.hook("pre", "10-slow", says("x", "sleep 30"))
    in_the_way = PatchRun(root.path, OF_ASSOCIATION)
    process = in_the_way.start(in_the_way.hook(PRE, lines(root, "pre")))
    root.wait_for("ran")

    code, _, err = call(root, PatchRun(root.path, COMMAND), slot, phase, "--deadline", "1s")

    assert (code, err.splitlines()[0][:12]) == (expected, "hookd: busy:")
    root.run("cancel")
    process.communicate(timeout=30)


def test_a_run_that_calls_again_after_a_boot_gets_its_record(root):
    root.hook("pre", "10-x", says("x"))
    run = PatchRun(root.path, COMMAND)
    call(root, run, PRE, "pre")
    root.boot()
    code, out, _ = call(root, run, PRE, "pre")
    assert (code, root.ran()) == (0, ["x"])
    assert "this is the record of a phase that had ended before" in out


# -- what the agent's files tell --------------------------------------------------------------


def begun(root, run_id=COMMAND, **steps):
    """Return a run that the agent has begun, with its state file."""
    tree = AgentTree(root.path)
    tree.steps = wrapper_steps(**steps)
    tree.submit(run_id)
    tree.start(run_id)
    return PatchRun(root.path, run_id)


def test_what_the_wrapper_resolved_is_told_and_given_to_hooks(root, way):
    root.hook("pre", "10-x", says('option-"$HOOKD_REBOOT_OPTION"'))
    run = begun(root, reboot_option="NoReboot", **{PRE: "Drain:3", POST: "P", ON_EXIT: "arn/E"})
    run.verify(reboot_option="NoReboot")
    call(root, run, PRE, "pre", document="Drain")

    ssm = root.result()["ssm"]
    assert root.ran() == ["option-NoReboot"]
    names = ("operation", "reboot_option", "outer_document", "run_count", "noop_slots")
    assert [ssm[name] for name in names] == [
        "Install",
        "NoReboot",
        "AWS-RunPatchBaselineWithHooks",
        0,
        [],
    ]
    assert (ssm["document"], ssm["document_version"]) == ("Drain", "3")
    assert (ssm["command_id"], ssm["association_id"]) == (COMMAND, "")
    assert ssm["folders"] == {
        "VerifyLocalPatchStatesLinux": True,
        "InstallNoReboot": False,
        POST: False,
        "VerifyIfShouldRebootLinux": False,
        "RebootHandlingAndReporting": False,
    }


def test_a_slot_that_is_empty_is_not_expected(root, way):
    run = begun(root, **{PRE: "MyHook", ON_EXIT: "MyHook"})
    run.verify()
    call(root, run, PRE, "pre")
    run.enter("InstallNoReboot")
    root.log("Feb 05 01:52:14 Updated: 1:openssl-libs-1.0.2k-19.amzn2.0.4.x86_64")
    call(root, run, ON_EXIT, "on-exit")

    assert root.journal()[0]["expected"] == ["pre", "on-exit"]
    assert root.result()["operation"]["path"] == "patched-no-reboot"


@pytest.mark.parametrize(
    ("inputs", "deadline_s", "deadline_by"),
    [
        ({"timeoutSeconds": 600}, 570.0, "timeoutSeconds of the step"),
        ({"timeoutSeconds": "1200"}, 1140.0, "timeoutSeconds of the step"),
        ({"timeoutSeconds": 7200.9}, 3300.0, "[run] deadline"),
        ({"timeoutSeconds": "4"}, 3300.0, "[run] deadline"),
        ({}, 3300.0, "[run] deadline"),
    ],
)
def test_the_step_bounds_the_deadline(root, inputs, deadline_s, deadline_by):
    call(root, PatchRun(root.path, COMMAND), PRE, "pre", **inputs)
    [phase] = root.result()["phases"]
    assert (phase["deadline_s"], phase["deadline_by"]) == (deadline_s, deadline_by)


def test_a_step_without_a_limit_of_its_own_has_an_hour(root):
    root.config('[run]\ndeadline = "2h"\n')
    call(root, PatchRun(root.path, COMMAND), PRE, "pre")
    [phase] = root.result()["phases"]
    assert (phase["deadline_s"], phase["deadline_by"]) == (3420.0, "timeoutSeconds of the step")


def test_the_deadline_of_the_call_rules_when_it_is_the_least(root):
    words = ("--deadline", "5m")
    call(root, PatchRun(root.path, COMMAND), PRE, "pre", *words, timeoutSeconds=600)
    [phase] = root.result()["phases"]
    assert (phase["deadline_s"], phase["deadline_by"]) == (300.0, "--deadline")


def test_time_counts_from_the_start_of_the_calling_script(root, way):
    """A script that slept away its time leaves none: 36 s less the 30 s of the margin."""
    run = PatchRun(root.path, COMMAND)
    root.hook("pre", "10-x", says("x"))
    script = run.hook(PRE, ["sleep 6", *lines(root, "pre")], timeoutSeconds=36)
    code, _, _ = run.call(script)
    assert (code, root.ran()) == (3, [])


# -- the path ---------------------------------------------------------------------------------


def test_install_that_went_past_a_failed_pre_is_seen(root):
    root.hook("pre", "10-x", "exit 1")
    run = PatchRun(root.path, COMMAND)
    run.verify()
    assert call(root, run, PRE, "pre")[0] == 1
    run.enter("InstallNoReboot")
    root.log("Feb 05 01:52:14 Updated: 1:openssl-libs-1.0.2k-19.amzn2.0.4.x86_64")
    call(root, run, POST, "post")
    call(root, run, ON_EXIT, "on-exit")

    result = root.result()
    assert result["operation"]["path"] == "patched-no-reboot"
    assert check_of(result, "run.pre-bypassed")["outcome"] == "fail"


def test_a_failed_pre_without_an_install_is_pre_failed_whatever_else_changed(root):
    root.hook("pre", "10-x", "exit 1")
    run = PatchRun(root.path, COMMAND)
    run.verify()
    call(root, run, PRE, "pre")
    root.log("Feb 05 01:52:14 Updated: 1:openssl-libs-1.0.2k-19.amzn2.0.4.x86_64")
    call(root, run, ON_EXIT, "on-exit")

    result = root.result()
    assert result["operation"]["path"] == "pre-failed"
    assert check_of(result, "run.pre-bypassed")["outcome"] == "pass"


@pytest.mark.parametrize(("entered", "path"), [(True, "post-failed"), (False, "install-failed")])
def test_a_post_that_never_came_is_told_from_an_install_that_failed(root, entered, path):
    run = PatchRun(root.path, COMMAND)
    run.verify()
    call(root, run, PRE, "pre")
    run.enter("InstallNoReboot")
    if entered:
        run.enter(POST)
    call(root, run, ON_EXIT, "on-exit")
    assert root.result()["operation"]["path"] == path


def test_on_exit_alone_after_a_failed_scan_is_unclear_and_says_so(root):
    run = PatchRun(root.path, COMMAND)
    call(root, run, ON_EXIT, "on-exit")
    found = root.result()["operation"]
    assert (found["path"], found["path_reason"]) == ("unclear", "the scan failed")


# -- a caller that is lost --------------------------------------------------------------------


def test_a_step_that_was_killed_ends_pre_though_its_hookd_survived(root, way):
    """SSM kills the process group of a step; what has left the group lives on."""
    root.hook("pre", "10-x", says("x", "sleep 30; echo y >> $HOOKD_ROOT/ran"))
    run = PatchRun(root.path, COMMAND)
    process = run.start(run.hook(PRE, lines(root, "pre", before="setsid -w ")))
    root.wait_for("ran")
    [script] = [one for one in psutil.Process(process.pid).children() if one.is_running()]
    os.killpg(script.pid, signal.SIGKILL)
    process.wait(10)

    until = time.monotonic() + 30
    while not root.events("phase-ended"):
        assert time.monotonic() < until
        time.sleep(0.05)
    process.communicate()
    [ended] = root.events("phase-ended")
    assert (ended["outcome"], ended["reason"]) == ("interrupted", "its caller is gone")
    assert root.ran() == ["x"]
