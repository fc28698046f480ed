"""The hook documents: what SSM accepts, and what their scripts make of every end of hookd."""

from __future__ import annotations

import copy
import json
import os
import pathlib
import runpy
import shutil
import signal
import subprocess
import sys

import jsonschema
import pytest
from support.agenttree import COMMAND, AgentTree
from support.fakeroot import FakeRoot
from support.patchrun import ON_EXIT, POST, POST_REBOOT, PRE, PatchRun

REPO = pathlib.Path(__file__).resolve().parents[2]
PHASES = ("pre", "post", "on-exit")
SCHEMA = json.loads((REPO / "tests/data/aws/ssm-document-2.2.schema.json").read_text())
VALIDATOR = jsonschema.Draft7Validator(SCHEMA)
MEANT_BY_THE_AGENT = {137, 168, 169, 194, 195, 196}

# as the agent starts a step: `sh -c SCRIPT`, with bash (Amazon Linux) and dash (Debian) as sh
SHELLS = [name for name in ("bash", "dash") if shutil.which(name)]


def document(phase):
    return json.loads((REPO / f"packaging/ssm/hookd-{phase}.json").read_text())


def step(phase):
    [only] = document(phase)["mainSteps"]
    return only


def test_the_documents_are_made_from_the_scripts():
    made = runpy.run_path(str(REPO / "packaging/generate.py"))["files"]()

    assert {p.name: p.read_text() for p in made} == {p.name: t for p, t in made.items()}


@pytest.mark.parametrize("phase", PHASES)
def test_a_document_is_a_command_document_of_schema_2_2(phase):
    assert [error.message for error in VALIDATOR.iter_errors(document(phase))] == []


def test_the_schema_is_a_schema():
    jsonschema.Draft7Validator.check_schema(SCHEMA)


@pytest.mark.parametrize(
    ("way", "value"),
    [
        (("schemaVersion",), "0.3"),
        (("mainSteps",), []),
        (("mainSteps", 0, "action"), "aws:runPowerShellScript"),
        (("mainSteps", 0, "inputs", "timeoutSeconds"), "172801"),
        (("mainSteps", 0, "inputs", "runCommand"), "exit 0"),
        (("mainSteps", 0, "inputs", "finallyStep"), "yes"),
        (("mainSteps", 0, "precondition"), {"StringEquals": ["platformType"]}),
        (("parameters",), {"Deadline": {"type": "String"}}),
    ],
)
def test_the_schema_refuses(way, value):
    changed = copy.deepcopy(document("pre"))
    inner = changed
    for name in way[:-1]:
        inner = inner[name]
    inner[way[-1]] = value

    assert not VALIDATOR.is_valid(changed)


@pytest.mark.parametrize("phase", PHASES)
def test_a_document_has_one_step_for_linux_and_says_how_long_it_may_take(phase):
    found = step(phase)

    assert found["precondition"] == {"StringEquals": ["platformType", "Linux"]}
    assert found["inputs"]["timeoutSeconds"] == "3600"
    assert found["inputs"]["runCommand"][0] == "#!/bin/bash"


@pytest.mark.parametrize("phase", PHASES)
def test_a_script_has_nothing_that_ssm_would_fill_in_and_never_says_exec(phase):
    text = "\n".join(step(phase)["inputs"]["runCommand"])
    code = [line for line in text.splitlines() if not line.startswith("#")]

    assert "{{" not in text
    assert [line for line in code if line.split()[:1] == ["exec"]] == []


@pytest.mark.parametrize("phase", PHASES)
def test_shellcheck_finds_nothing_in_the_script_as_ssm_writes_it(phase, tmp_path):
    path = f"{pathlib.Path(sys.executable).parent}:{os.environ['PATH']}"
    shellcheck = shutil.which("shellcheck", path=path)
    if not shellcheck:
        pytest.skip("no shellcheck (extra `aws-test`, from Python 3.11 on)")
    script = _script(phase, tmp_path)
    done = subprocess.run([shellcheck, str(script)], stdout=subprocess.PIPE, text=True, check=False)

    assert (done.returncode, done.stdout) == (0, "")


def _script(phase, folder):
    """Write the script as the agent does: the lines joined, 0700."""
    path = folder / "_script.sh"
    path.write_text("\n".join(step(phase)["inputs"]["runCommand"]) + "\n")
    path.chmod(0o700)
    return path


def run(phase, folder, hookd=None, shell="bash", *, version="echo hookd 0.1.0"):
    """Run the script of `phase` with shell text `hookd` as the hookd on PATH, or with none."""
    programs = folder / "bin"
    programs.mkdir()
    for name in ("timeout", "tail", "sh", "sleep"):
        (programs / name).symlink_to(shutil.which(name))
    if hookd is not None:
        fake = programs / "hookd"
        fake.write_text(
            f'#!/bin/sh\nif [ "$1" = --version ]; then\n{version}\nexit $?\nfi\n'
            f'echo "$@" >"{folder}/called"\n{hookd}\n'
        )
        fake.chmod(0o755)
    script = _script(phase, folder)
    # the script adds the usual places, where this machine may have a hookd of its own
    text = script.read_text().replace("PATH=$PATH:", f"PATH={programs}; : ")
    script.write_text(text)
    return subprocess.run(
        [shutil.which(shell), "-c", str(script)],
        cwd=str(folder),
        env={"PATH": str(programs), "LC_ALL": "C"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


CODES = [0, 1, 2, 3, 70, 75, 78, 124, 126, 127, 128, 129, 130, 137, 143, 168, 169, 194, 195, 255]


def expected(phase, code):
    if phase == "post":
        return 1 if code == 1 else 0
    return 0 if code == 0 else 1


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("phase", PHASES)
@pytest.mark.parametrize("code", CODES)
def test_only_0_and_1_leave_a_script(tmp_path, phase, code, shell):
    done = run(phase, tmp_path, f"echo the summary; exit {code}", shell)

    assert done.returncode == expected(phase, code)
    assert done.returncode not in MEANT_BY_THE_AGENT
    assert done.stdout.splitlines()[0] == "the summary"
    assert (tmp_path / "called").read_text() == f"run {phase}\n"


@pytest.mark.parametrize("phase", PHASES)
@pytest.mark.parametrize("code", [0, 1])
def test_what_hookd_has_said_is_not_commented(tmp_path, phase, code):
    done = run(phase, tmp_path, f"echo the summary; exit {code}")

    assert (done.stdout, done.stderr) == ("the summary\n", "")


@pytest.mark.parametrize("phase", PHASES)
@pytest.mark.parametrize("code", [2, 3, 75, 124, 127, 137])
def test_another_code_comes_with_what_to_do(tmp_path, phase, code):
    told = run(phase, tmp_path, f"exit {code}").stdout.splitlines()

    assert [line.split(":")[0] for line in told] == [
        "warning" if phase == "post" else "failed",
        "  do",
    ]
    assert "hookd status" in told[1]


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("phase", PHASES)
@pytest.mark.parametrize("name", ["KILL", "TERM", "SEGV"])
def test_a_killed_hookd_is_a_plain_failure(tmp_path, phase, name, shell):
    done = run(phase, tmp_path, f"kill -{name} $$", shell)

    assert done.returncode == (0 if phase == "post" else 1)


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("phase", PHASES)
def test_without_hookd_the_script_says_what_to_do(tmp_path, phase, shell):
    done = run(phase, tmp_path, None, shell)

    first, *_, last = done.stdout.splitlines()
    assert done.returncode == (0 if phase == "post" else 1)
    assert first.startswith("warning: " if phase == "post" else "failed: ")
    assert "hookd does not start on this machine" in first
    assert "No such file or directory" in done.stdout
    assert "install or repair hookd" in done.stdout
    assert last.startswith("  ")
    assert len(done.stdout + done.stderr) < 2400


@pytest.mark.parametrize("phase", PHASES)
@pytest.mark.parametrize(
    ("version", "why"),
    [
        ('echo "Traceback (most recent call last):" >&2\necho "ImportError: no json" >&2\nexit 1',
         "ImportError: no json"),
        ("kill -KILL $$", ""),
        ("exit 137", ""),
    ],
    ids=["cannot be imported", "is killed", "ends 137"],
)  # fmt: skip
def test_a_hookd_that_does_not_start_is_no_no_of_hookd(tmp_path, phase, version, why):
    """A Python that cannot load hookd ends 1, which post would take for a veto."""
    done = run(phase, tmp_path, "exit 0", version=version)

    assert done.returncode == (0 if phase == "post" else 1)
    assert f"  why: {why}" in done.stdout
    assert not (tmp_path / "called").exists()


@pytest.mark.parametrize("phase", PHASES)
def test_the_signal_that_ends_a_step_still_reaches_hookd(tmp_path, phase):
    """The agent kills the process group of the step; `timeout` must not make one of its own."""
    (tmp_path / "bin").mkdir()
    fake = tmp_path / "bin/hookd"
    fake.write_text(f'#!/bin/sh\n[ "$1" = run ] || exit 0\necho $$ >{tmp_path}/pid.new\n'
                    f"mv {tmp_path}/pid.new {tmp_path}/pid\nsleep 60 <&- >&- 2>&-\n")  # fmt: skip
    fake.chmod(0o755)
    step_of = subprocess.Popen(
        ["bash", "-c", str(_script(phase, tmp_path))],
        env={"PATH": f"{tmp_path}/bin:{os.environ['PATH']}"},
        start_new_session=True,
        stdout=subprocess.PIPE,
    )
    with step_of:
        pid = tmp_path / "pid"
        while not pid.exists():
            assert step_of.poll() is None
        group = os.getpgid(int(pid.read_text()))
        os.killpg(step_of.pid, signal.SIGKILL)

    assert (group, step_of.returncode) == (step_of.pid, -signal.SIGKILL)


SLOTS = [(PRE, "pre"), (POST, "post"), (ON_EXIT, "on-exit"), (POST_REBOOT, "on-exit")]


@pytest.mark.parametrize(("slot", "phase"), SLOTS)
def test_hookd_knows_run_slot_and_document_of_the_shipped_documents(tmp_path, slot, phase):
    """In the process tree of the agent, with the script's own programs in between."""
    root = FakeRoot(tmp_path)
    AgentTree(root.path).submit(COMMAND)
    hookd = root.write("bin/hookd", f'#!/bin/sh\nexec {" ".join(root.command())} "$@"\n', 0o755)
    run = PatchRun(root.path, COMMAND)
    run.fetch(slot, f"hookd-{phase}", json.dumps(document(phase)))
    commands = step(phase)["inputs"]["runCommand"]
    script = run.script(f"{slot}/hookd", commands[1:], commands[0])
    path = f"{hookd.parent}:{os.environ['PATH']}"

    run.call(script, environment=run.environment(PATH=path, PYTHONPATH=str(REPO)))

    result = root.result()
    [only] = result["phases"]
    assert (only["phase"], only["caller"], only["deadline_by"]) == (
        phase,
        "ssm-command",
        "[run] deadline",
    )
    assert result["ssm"]["slot"] == slot
    assert result["ssm"]["document"] == f"hookd-{phase}"
    assert COMMAND in (result["operation"]["run_id"], result["ssm"]["run_id"])
