"""`hookd rehearse` as a command: where it plays, whom it asks, how it ends."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys

import pytest
from support.fakeroot import CHECKOUT, PATH, FakeRoot, is_root, metadata, says

from hookd.rehearsal.scenarios import SCENARIOS


@pytest.fixture
def root(tmp_path):
    found = FakeRoot(tmp_path)
    yield found
    found.end()


def _problems(root, scenario="patched"):
    code, out, _ = root.run("--json", "rehearse", scenario)
    return code, json.loads(out)["problems"]


def test_the_list_names_every_scenario_and_what_it_is_for(root):
    code, out, _ = root.run("rehearse", "--list")
    listed = root.json("rehearse", "--list")

    assert code == 0
    assert [line for line in out.splitlines() if not line.startswith(" ")] == list(SCENARIOS)
    assert [(one["scenario"], one["teaches"]) for one in listed] == [
        (one.name, one.teaches) for one in SCENARIOS.values()
    ]


def test_without_a_name_it_is_the_ordinary_run(root):
    code, out, _ = root.run("rehearse")

    assert (code, out.splitlines()[0]) == (0, f"patched: {SCENARIOS['patched'].title}")
    assert out.splitlines()[-3:] == [
        "  as foretold",
        "",
        f"look around: hookd --root {root.path} show",
    ]


def test_what_is_expected_of_the_real_machine_is_not_tried_on_the_one_that_is_made_up(root):
    root.config('[verify]\nsettle = "1s"\n[expect.file."/var/lib/app/ready"]\n')

    assert _problems(root) == (0, [])


def test_a_hook_that_fails_is_told_and_the_rehearsal_fails(root):
    root.hook("pre", "30-leave", "echo no such target >&2; exit 3")

    assert _problems(root) == (
        1,
        [
            "status is 'Failed', not 'Success'",
            "path is 'pre-failed', not 'patched-rebooted'",
            "verdict is 'failed', not 'passed'",
            "hook pre/30-leave failed: exit 3: no such target",
        ],
    )


def test_an_undo_that_fails_is_told_where_the_run_was_to_fail_anyhow(root):
    root.hook("pre", "30-leave", "true")
    root.undo("70-join", "30-leave", "exit 1")
    code, problems = _problems(root, "pre-hook-1")

    assert (code, problems) == (1, ["hook on-exit/70-join failed: exit 1"])


def test_a_wanted_hook_that_fails_is_told(root):
    root.hook("post", "50-note", metadata("required = false") + "exit 1")

    assert _problems(root)[1] == [
        "verdict is 'passed-with-warnings', not 'passed'",
        "hook post/50-note failed: exit 1",
    ]


def test_a_second_rehearsal_begins_from_a_machine_without_a_past(root):
    root.hook("pre", "10-a", says("a"))
    first = root.run("rehearse", "crash-in-pre")[0]
    second = root.run("rehearse", "no-reboot")[0]

    assert (first, second, root.ran()) == (0, 0, ["a", "a"])
    assert [one["run_id"] != "" for one in root.json("history")] == [True]


def test_what_makes_a_scenario_is_gone_after_it(root):
    root.run("rehearse", "pre-hook-hangs")

    assert list((root.path / "etc/hookd").rglob("zz-rehearsal*")) == []


def test_a_rehearsal_leaves_no_process_behind(root):
    root.hook("pre", "10-a", "setsid sleep 300 >/dev/null 2>&1 &\necho $! >$HOOKD_ROOT/left")
    assert root.run("rehearse", "no-reboot")[0] == 0

    with pytest.raises(ProcessLookupError):
        os.kill(int((root.path / "left").read_text()), 0)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_one_that_is_ended_clears_away(root, number):
    root.hook("pre", "10-a", "echo $$ >$HOOKD_ROOT/left\nsleep 300")
    process = root.start("rehearse", "crash-in-pre")
    root.wait_for("left", 60)
    process.send_signal(number)
    process.communicate(timeout=60)

    assert process.returncode == 130
    assert list((root.path / "etc/hookd").rglob("zz-rehearsal")) == []
    with pytest.raises(ProcessLookupError):
        os.kill(int((root.path / "left").read_text()), 0)


def test_the_operation_is_recorded_as_a_rehearsals(root):
    root.run("rehearse", "no-reboot")

    assert root.result()["operation"]["caller"] == "rehearsal"


def test_a_directory_with_a_past_is_refused(root):
    (root.path / "var/lib/hookd").mkdir(parents=True)
    code, _, err = root.run("rehearse")

    assert code == 2
    assert err.splitlines()[0].endswith("has a past that is no rehearsal's: var/lib/hookd")


@pytest.mark.parametrize(
    ("words", "environment"),
    [
        (("rehearse", "no-such-scenario"), None),
        (("--config", "/etc/hookd/other.toml", "rehearse"), None),
        (("rehearse",), {"HOOKD_HOOK": "op/pre-1/10-a#1"}),
    ],
)
def test_what_makes_no_sense_is_a_usage_error(root, words, environment):
    assert root.run(*words, environment=environment)[0] == 2


def why_not() -> str:
    if not is_root():
        return "only root can give a process another /etc"
    done = subprocess.run(["unshare", "--mount", "true"], stderr=subprocess.PIPE, check=False)
    return "no mount namespace can be made" if done.returncode else ""


@pytest.fixture
def machine(tmp_path):
    """Return a function that rehearses with `/etc` as it is in a folder: the hooks of `/`."""
    if why_not():
        pytest.skip(why_not())
    etc, temporary = tmp_path / "etc", tmp_path / "tmp"
    (etc / "hookd/hooks.d/pre").mkdir(parents=True)
    temporary.mkdir()
    hook = etc / "hookd/hooks.d/pre/10-note"
    hook.write_text(f"#!/bin/sh\necho ran >>{tmp_path}/ran\n")
    hook.chmod(0o755)
    (etc / "hookd/hooks.d/pre/20-link").symlink_to("/etc/hookd/other")
    (etc / "hookd/other").write_text(f"#!/bin/sh\necho linked >>{tmp_path}/ran\n")
    (etc / "hookd/other").chmod(0o755)

    def rehearse(*words):
        script = 'mount --bind "$1" /etc && shift && exec "$@"'
        hookd = [sys.executable, "-m", "hookd", "rehearse", *words]
        return subprocess.run(
            ["unshare", "--mount", "sh", "-c", script, "sh", str(etc), *hookd],
            env={"PATH": PATH, "PYTHONPATH": str(CHECKOUT), "TMPDIR": str(temporary)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            timeout=120,
            check=False,
        )

    return rehearse


def test_this_machines_hooks_are_not_run_unasked(machine, tmp_path):
    done = machine("no-reboot")

    assert done.returncode == 2
    assert done.stderr.splitlines()[0] == (
        "hookd: 2 hooks really run on this machine: pre/10-note, pre/20-link"
    )
    assert not (tmp_path / "ran").exists()
    assert list((tmp_path / "tmp").iterdir()) == []


def test_this_machines_hooks_run_from_copies_on_a_machine_that_is_thrown_away(machine, tmp_path):
    done = machine("no-reboot", "--yes")

    assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "ran").read_text().split() == ["ran", "linked"]
    assert list((tmp_path / "tmp").iterdir()) == []
    assert sorted(path.name for path in (tmp_path / "etc").iterdir()) == ["hookd"]


def test_the_throw_away_machine_is_kept_when_asked_for(machine, tmp_path):
    done = machine("no-reboot", "--yes", "--keep")
    (kept,) = (tmp_path / "tmp").iterdir()

    assert f"  look around: hookd --root {kept} show" in done.stdout.splitlines()
    assert len(list(kept.glob("var/lib/hookd/operations/*/result.json"))) == 1
