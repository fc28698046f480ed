"""Who calls, by the processes: the run, its slot, its script, and what is no call of SSM's."""

from __future__ import annotations

import pytest
from support.agenttree import ASSOCIATION, COMMAND, RUN

from hookd.aws.ancestry import Ancestor
from hookd.aws.caller import identify
from hookd.core.called import Called
from hookd.core.model import CallerKind
from hookd.core.slot import Slot

OF_ASSOCIATION = f"{ASSOCIATION}.{RUN}"
DOCUMENT = "/var/lib/amazon/ssm/i-0123456789abcdef0/document/orchestration"
FOLDER = f"{DOCUMENT}/{COMMAND}"
STEP = f"{FOLDER}/CustomerProvidedPrePatchHook"
SCRIPT = f"{STEP}/runHookd/_script.sh"
PYTHON = ("/usr/bin/python3", "/usr/bin/hookd", "run", "pre")
AGENT = (
    ("/usr/bin/ssm-agent-worker",),
    ("/usr/bin/amazon-ssm-agent",),
    ("/usr/lib/systemd/systemd", "--system"),
)
BY_WORKER = {"run_id": "argv of ssm-document-worker"}
BY_SCRIPT = {"slot": "path of the script", "step": "path of the script"}


def worker(run_id=COMMAND):
    return ("/usr/bin/ssm-document-worker", run_id)


def line(*argvs, cwd="/usr/bin"):
    """Return ancestors, nearest first: the nearer a process, the later it started."""
    return tuple(
        Ancestor(100 - n, 500.0 - n, tuple(argv), cwd if n == 0 else "/")
        for n, argv in enumerate(argvs)
    )


def called(*argvs, environments=None, cwd="/usr/bin"):
    environments = environments or {}
    return identify(100, lambda _pid: line(*argvs, cwd=cwd), lambda pid: environments.get(pid, {}))


def of_ssm(kind=CallerKind.SSM_COMMAND, run_id=COMMAND, **more):
    fields = {
        "slot": Slot.PRE,
        "step": "runHookd",
        "script": SCRIPT,
        "folder": FOLDER,
        "began": 499.0,
        "process": (99, 499.0),
        "sources": {**BY_WORKER, **BY_SCRIPT},
    }
    return Called(kind, run_id, **{**fields, **more})


@pytest.mark.parametrize(
    "script",
    [
        ("sh", "-c", SCRIPT),  # bash as sh, without a shebang
        ("/bin/bash", SCRIPT),  # with one
        ("/bin/bash", "-e", SCRIPT),
        ("/usr/bin/env", "bash", SCRIPT),
    ],
)
def test_the_worker_tells_the_run_and_the_script_the_slot(script):
    assert called(PYTHON, script, worker(), *AGENT) == of_ssm()


def test_of_dashs_two_processes_the_first_is_the_scripts_begin():
    found = called(PYTHON, ("/bin/sh", SCRIPT), ("sh", "-c", SCRIPT), worker(), *AGENT)
    assert found == of_ssm(began=498.0, process=(98, 498.0))


def test_sudo_stands_between():
    found = called(PYTHON, ("sudo", *PYTHON), ("sh", "-c", SCRIPT), worker(), *AGENT)
    assert found == of_ssm(began=498.0, process=(98, 498.0))


def test_a_run_of_an_association_has_one_spelling():
    script = f"{DOCUMENT}/{ASSOCIATION}/{RUN}/CustomerProvidedOnExitHook/exit/_script.sh"
    found = called(PYTHON, ("sh", "-c", script), worker(OF_ASSOCIATION), *AGENT)
    assert found == of_ssm(
        CallerKind.SSM_ASSOCIATION,
        OF_ASSOCIATION,
        slot=Slot.ON_EXIT,
        step="exit",
        script=script,
        folder=f"{DOCUMENT}/{ASSOCIATION}/{RUN}",
    )


def test_without_a_worker_the_script_tells():
    found = called(PYTHON, ("/bin/sh", SCRIPT), ("sh", "-c", SCRIPT), AGENT[-1])
    sources = {"run_id": "path of the script", **BY_SCRIPT}
    assert found == of_ssm(began=498.0, process=(98, 498.0), sources=sources)


def test_a_renamed_orchestration_root_is_recognised():
    script = SCRIPT.replace("/orchestration/", "/patch/work/")
    found = called(PYTHON, ("sh", "-c", script), worker(), *AGENT)
    folder = FOLDER.replace("/orchestration/", "/patch/work/")
    assert found == of_ssm(script=script, folder=folder)


def test_the_nearest_worker_counts():
    other = worker("99999999-8888-4777-8666-555555555555")
    found = called(PYTHON, ("sh", "-c", SCRIPT), worker(), ("hookd",), other, *AGENT)
    assert found == of_ssm()


def test_a_script_of_another_run_is_doubted():
    other = "99999999-8888-4777-8666-555555555555"
    found = called(PYTHON, ("sh", "-c", SCRIPT), worker(other), *AGENT)
    doubt = (
        f"ssm-document-worker has run {other}, its script lies in the folder of {COMMAND}: "
        "the first is taken"
    )
    assert found == of_ssm(run_id=other, problems=(doubt,))


def test_a_worker_without_a_script_tells_the_run():
    found = called(PYTHON, ("/opt/wrap",), worker(), *AGENT)
    nothing = {"slot": None, "step": "", "script": "", "folder": ""}
    assert found == of_ssm(**nothing, sources=BY_WORKER)


def test_a_script_that_became_hookd_is_known_by_its_working_directory():
    found = called(PYTHON, worker(), *AGENT, cwd=f"{STEP}/downloads")
    sources = {**BY_WORKER, "slot": "working directory"}
    began = {"began": 500.0, "process": (100, 500.0)}
    assert found == of_ssm(step="", script="", sources=sources, **began)


def test_a_person_may_stand_in_a_folder_of_the_agent():
    assert called(PYTHON, ("-bash",), ("sshd",), cwd=f"{STEP}/downloads") == Called()


def test_a_rehearsal_says_so_in_its_scripts_environment():
    found = called(
        PYTHON, ("sh", "-c", SCRIPT), worker(), environments={99: {"HOOKD_REHEARSAL": "1"}}
    )
    assert found == of_ssm(CallerKind.REHEARSAL)


@pytest.mark.parametrize(
    "environments",
    [{100: {"HOOKD_REHEARSAL": "1"}}, {99: {"HOOKD_REHEARSAL": "0"}}, {99: {"REHEARSAL": "1"}}],
)
def test_nobody_else_makes_it_one(environments):
    found = called(PYTHON, ("sh", "-c", SCRIPT), worker(), environments=environments)
    assert found == of_ssm()


@pytest.mark.parametrize(
    "argvs",
    [
        (),
        (PYTHON,),
        (PYTHON, ("-bash",), ("sshd: root@pts/0",)),
        (PYTHON, (), ()),  # a zombie, or somebody else's: nothing of it can be read
        (PYTHON, ("bash",), ("/usr/bin/ssm-session-worker", COMMAND)),
        (PYTHON, ("grep", "ssm-document-worker", COMMAND)),
        (PYTHON, ("/usr/bin/ssm-document-worker",)),
        (PYTHON, ("/usr/bin/ssm-document-worker", "run-a")),
        (PYTHON, ("/usr/bin/ssm-document-worker", f"{COMMAND}.now")),
        (PYTHON, ("sh", "-c", "/opt/me/_script.sh")),
        (PYTHON, ("sh", "-c", f"/opt/me/{COMMAND}/step/_script.sh")),
        (PYTHON, ("sh", "-c", f"{FOLDER}/_script.sh")),
        (PYTHON, ("sh", "-c", f"{SCRIPT} --now")),
        (PYTHON, ("sh", "-c", "a", "b", "c", SCRIPT)),
        (PYTHON, ("sh", "-c", "/" * 10_000 + SCRIPT)),
        (PYTHON, ("sh", "-c", SCRIPT.replace("runHookd", "a\nb"))),
    ],
)
def test_all_else_is_a_person(argvs):
    assert called(*argvs) == Called()


def test_the_command_id_of_the_environment_is_no_run_but_a_doubt():
    found = called(PYTHON, ("systemd",), environments={100: {"SSM_COMMAND_ID": COMMAND}})
    doubt = (
        "SSM_COMMAND_ID is set, but no ssm-document-worker is among the callers (systemd-run, a "
        "container?): taken for a person's call; --operation-id names the run"
    )
    assert found == Called(problems=(doubt,))


def test_a_slot_of_no_name_we_know_is_none():
    script = SCRIPT.replace("CustomerProvidedPrePatchHook", "MyStep")
    found = called(PYTHON, ("sh", "-c", script), worker())
    sources = {**BY_WORKER, "step": "path of the script"}
    assert found == of_ssm(slot=None, script=script, sources=sources)
