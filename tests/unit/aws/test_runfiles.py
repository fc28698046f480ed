"""What the agent's files tell of a run, on a recorded tree: each fact with its source."""

from __future__ import annotations

import os

import pytest
from support.agenttree import ASSOCIATION, COMMAND, NODE, RUN, AgentTree
from support.patchrun import ON_EXIT, POST, PRE, PatchRun, step, wrapper_steps

from hookd.aws.runfiles import look, run_folder
from hookd.core.called import Called, Facts
from hookd.core.model import CallerKind
from hookd.core.slot import Slot
from hookd.system.root import Root

OF_ASSOCIATION = f"{ASSOCIATION}.{RUN}"
DOCUMENT = f"/var/lib/amazon/ssm/{NODE}/document"
FOLDER = f"{DOCUMENT}/orchestration/{COMMAND}"
STATE = f"{DOCUMENT}/state/current/{COMMAND}"
ORIGIN = {"run_id": "argv", "slot": "path", "step": "path"}
NO_STATE = "the agent has no file of the run"


def called(run, slot=Slot.PRE, name="runHookd", **more):
    fields = {
        "kind": CallerKind.SSM_COMMAND,
        "run_id": run.run_id,
        "slot": slot,
        "step": name,
        "script": f"{run.folder}/{slot.value if slot else 'x'}/{name}/_script.sh",
        "folder": str(run.folder),
        "sources": ORIGIN,
    }
    return Called(**{**fields, **more})


@pytest.fixture
def root(tmp_path):
    return Root(str(tmp_path))


@pytest.fixture
def tree(tmp_path):
    return AgentTree(tmp_path)


@pytest.fixture
def run(tmp_path):
    return PatchRun(tmp_path, COMMAND)


def test_a_whole_run_is_told_with_its_sources(root, tree, run):
    tree.steps = wrapper_steps(reboot_option="NoReboot", **{PRE: "arn:x/Drain:3"})
    tree.submit(COMMAND)
    tree.start(COMMAND)
    run.verify(reboot_option="NoReboot")
    run.hook(PRE, ["hookd run pre"], document="Drain", timeoutSeconds=600)
    script, document = f"{FOLDER}/VerifyLocalPatchStatesLinux/_script.sh", f"{FOLDER}/{PRE}"

    assert look(root, COMMAND, called(run)) == Facts(
        {
            "run_id": COMMAND,
            "slot": PRE,
            "step": "runHookd",
            "command_id": COMMAND,
            "folders": {
                "VerifyLocalPatchStatesLinux": True,
                "InstallNoReboot": False,
                POST: False,
                "VerifyIfShouldRebootLinux": False,
                "RebootHandlingAndReporting": False,
            },
            "operation": "Install",
            "reboot_option": "NoReboot",
            "outer_document": "AWS-RunPatchBaselineWithHooks",
            "run_count": 0,
            "noop_slots": [POST, ON_EXIT],
            "document": "Drain",
            "document_version": "3",
            "timeout_s": 600,
        },
        {
            **ORIGIN,
            "command_id": "the run id",
            "folders": FOLDER,
            "operation": script,
            "reboot_option": script,
            "outer_document": STATE,
            "run_count": STATE,
            "noop_slots": STATE,
            "document": f"{document}/downloads/Drain.json",
            "document_version": STATE,
            "timeout_s": "timeoutSeconds of the document",
        },
        {},
    )


def test_without_any_file_all_is_unknown_with_the_reason(root):
    found = look(root, COMMAND)
    nowhere = "the agent has no folder of the run below /var/lib/amazon/ssm"
    nothing = "no SSM agent has left files in /var/lib/amazon/ssm"
    assert found == Facts(
        {"run_id": COMMAND, "command_id": COMMAND},
        {"run_id": "--operation-id", "command_id": "the run id"},
        {
            **dict.fromkeys(("folders", "operation", "reboot_option"), nowhere),
            **dict.fromkeys(("outer_document", "run_count", "noop_slots"), nothing),
        },
    )


@pytest.mark.parametrize("run_id", ["run-a", ""])
def test_a_run_that_is_none_of_ssm_has_no_files(root, tree, run_id):
    assert look(root, run_id).unknown == {}


def test_the_run_of_an_association_lies_one_folder_deeper(root, tree, tmp_path):
    run = PatchRun(tmp_path, OF_ASSOCIATION)
    tree.submit(OF_ASSOCIATION)
    run.verify()
    found = look(root, OF_ASSOCIATION)
    assert found.known["association_id"] == ASSOCIATION
    assert "command_id" not in found.known
    assert (found.known["operation"], found.known["run_count"]) == ("Install", 0)
    assert found.sources["folders"] == f"{DOCUMENT}/orchestration/{ASSOCIATION}/{RUN}"


@pytest.mark.parametrize(
    "configuration", ['{"Agent": {"OrchestrationRootDir": "work"}}', "{", "[]", '{"Agent": 7}']
)
def test_the_orchestration_folder_has_the_name_of_the_configuration(root, tmp_path, configuration):
    name = "work" if "work" in configuration else "orchestration"
    PatchRun(tmp_path, COMMAND, orchestration=name)
    (tmp_path / "etc/amazon/ssm").mkdir(parents=True)
    (tmp_path / "etc/amazon/ssm/amazon-ssm-agent.json").write_text(configuration)
    assert run_folder(root, COMMAND) == (f"{DOCUMENT}/{name}/{COMMAND}", "")


def test_the_script_tells_the_folder_whatever_the_configuration_says(root, tmp_path):
    run = PatchRun(tmp_path, COMMAND, orchestration="renamed/twice")
    found = f"{DOCUMENT}/renamed/twice/{COMMAND}"
    assert run_folder(root, COMMAND, called(run)) == (found, "")


def test_a_root_that_is_named_by_a_link_is_the_same(tmp_path):
    (tmp_path / "root").mkdir()
    (tmp_path / "link").symlink_to("root")
    run = PatchRun(tmp_path / "link", COMMAND, orchestration="renamed")
    found = run_folder(Root(str(tmp_path / "link")), COMMAND, called(run))
    assert found == (f"{DOCUMENT}/renamed/{COMMAND}", "")


def test_what_the_host_has_is_never_taken_for_the_roots(tmp_path):
    run = PatchRun(tmp_path, COMMAND)
    inner = tmp_path / "inner"
    inner.mkdir()
    folder, why = run_folder(Root(str(inner)), COMMAND, called(run))
    assert (folder, bool(why)) == ("", True)


@pytest.mark.parametrize("name", ["InstallNoReboot", POST, "RebootHandlingAndReporting"])
def test_each_step_that_was_entered_has_its_folder(root, run, name):
    run.enter(name)
    folders = look(root, COMMAND).known["folders"]
    assert {one for one, there in folders.items() if there} == {name}


def test_a_run_of_another_document_tells_nothing_of_the_wrappers_steps(root, tmp_path):
    folder = tmp_path / f"{DOCUMENT[1:]}/orchestration/{COMMAND}"
    (folder / "runShellScript").mkdir(parents=True)
    found = look(root, COMMAND)
    assert "folders" not in found.known
    assert found.unknown["folders"].endswith(" is no run of AWS-RunPatchBaselineWithHooks")


@pytest.mark.parametrize("text", ["", "exit 0\n", 'if [ rm = "Scan" ]; then\n', "\0", "x" * 2**21])
def test_parameters_are_believed_only_where_they_can_be_what_they_are(root, run, text):
    (run.enter("VerifyLocalPatchStatesLinux") / "_script.sh").write_text(text)
    found = look(root, COMMAND)
    assert "operation" not in found.known
    assert found.unknown["operation"].endswith("/_script.sh does not say")


def test_the_state_file_tells_them_where_the_script_does_not(root, tree):
    tree.steps = wrapper_steps(operation="Scan", reboot_option="NoReboot")
    tree.submit(COMMAND)
    found = look(root, COMMAND)
    assert (found.known["operation"], found.known["reboot_option"]) == ("Scan", "NoReboot")
    assert found.sources["operation"] == f"{DOCUMENT}/state/pending/{COMMAND}"
    assert "operation" not in found.unknown


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[" * 100_000,
        "7",
        '{"DocumentInformation": [], "InstancePluginsInformation": {"a": 1}}',
        '{"InstancePluginsInformation": [7, null, {"Id": []}, {"Configuration": 1}]}',
        '{"DocumentInformation": {"RunCount": true, "DocumentName": 7}}',
        '{"InstancePluginsInformation": [{"Id": "x", "Configuration": {"Properties": []}}]}',
        "\0\1",
    ],
)
def test_a_state_file_of_another_shape_tells_nothing(root, tree, text):
    (tree.folder("current") / COMMAND).write_text(text)
    found = look(root, COMMAND)
    assert found.known == {"run_id": COMMAND, "command_id": COMMAND}
    assert {"outer_document", "run_count", "noop_slots"} <= set(found.unknown)


def test_a_fifo_is_not_read(root, tree, run):
    os.mkfifo(tree.folder("current") / COMMAND)
    os.mkfifo(run.enter("VerifyLocalPatchStatesLinux") / "_script.sh")
    found = look(root, COMMAND)
    assert found.unknown["run_count"] == f"{STATE} is no regular file"


# -- the calling document ---------------------------------------------------------------------


def of_document(root, run, caller):
    found = look(root, COMMAND, caller)
    return found.known.get("document"), found.known["timeout_s"], found.sources["timeout_s"]


def test_of_several_documents_none_is_the_caller(root, run):
    run.hook(PRE, [], document="A", timeoutSeconds=600)
    run.hook(PRE, [], document="B", timeoutSeconds=700)
    why = f"default: {FOLDER}/{PRE}/downloads has several documents"
    assert of_document(root, run, called(run)) == (None, 3600, why)


def test_a_document_that_is_no_json_has_a_name_and_the_default(root, run):
    run.fetch(PRE, "A", "{")
    why = f"default: {FOLDER}/{PRE}/downloads/A.json is no JSON object"
    assert of_document(root, run, called(run)) == ("A", 3600, why)


def test_the_nearest_document_is_the_caller(root, run):
    run.hook(PRE, [], document="Outer", timeoutSeconds=600)
    run.hook(f"{PRE}/inner", [], document="Inner", timeoutSeconds=700)
    caller = called(run, script=f"{run.folder}/{PRE}/inner/runHookd/_script.sh")
    assert of_document(root, run, caller) == ("Inner", 700, "timeoutSeconds of the document")


def test_a_step_of_the_outer_document_has_its_limit_in_the_state_file(root, tree, run):
    tree.name = "MyCommand"
    tree.steps = (step("call", runCommand=["hookd run pre"], timeoutSeconds="120"),)
    tree.submit(COMMAND)
    caller = called(run, slot=None, name="call", script=f"{run.folder}/call/_script.sh")
    source = f"timeoutSeconds of {DOCUMENT}/state/pending/{COMMAND}"
    assert of_document(root, run, caller) == ("MyCommand", 120, source)


def test_a_step_that_the_state_file_has_not_gets_the_default(root, tree, run):
    caller = called(run, slot=None, name="call", script=f"{run.folder}/call/_script.sh")
    assert of_document(root, run, caller) == (None, 3600, f"default: {NO_STATE}")


def test_a_person_has_no_step(root, run):
    run.hook(PRE, [], timeoutSeconds=600)
    assert "timeout_s" not in look(root, COMMAND).known


def test_nothing_is_written(root, tree, run, tmp_path):
    tree.submit(COMMAND)
    run.hook(PRE, [], timeoutSeconds=600)
    before = {p: p.stat().st_mtime_ns for p in sorted(tmp_path.rglob("*"))}
    look(root, COMMAND, called(run))
    assert {p: p.stat().st_mtime_ns for p in sorted(tmp_path.rglob("*"))} == before
