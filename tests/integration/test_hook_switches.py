"""Hooks by command: enabled and disabled as pairs, made anew; and those shipped, all off."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

import pytest
from support import shipped
from support.fakeroot import PATH, FakeRoot, hooks_of, metadata
from support.shipped import as_vendor, configure

# pip puts it beside the interpreter
SHELLCHECK = shutil.which("shellcheck", path=f"{os.path.dirname(sys.executable)}:{PATH}")
FILE = "etc/hookd/conf.d/90-hooks.toml"


@pytest.fixture
def root(tmp_path):
    return as_vendor(FakeRoot(tmp_path))


def states(root):
    return {f"{hook['phase']}/{hook['name']}": hook["state"] for hook in root.json("hooks")}


def files(root):
    found = (root.path / "etc/hookd").rglob("*")
    return {path: path.read_text() for path in found if path.is_file()}


def masked(root):
    return sorted(name for name, state in states(root).items() if state == "masked")


# -- those that come along -------------------------------------------------------------------


def test_without_configuration_each_is_skipped_with_a_reason_and_nothing_is_owed(root):
    codes = [root.run("run", phase)[0] for phase in ("pre", "post", "on-exit")]

    result = root.result()
    phases = ("pre", "post", "on-exit")
    skipped = {name: told for phase in phases for name, told in hooks_of(result, phase).items()}
    needed = ("HOLD_FILE, HOLD_TAG, HOLD_USERS or BLACKOUT", "CHECKS", "BACKUP_PATHS")
    assert codes == [0, 0, 0]
    assert skipped == {
        "05-hold": ("skipped", f"not configured: set {needed[0]}"),
        "10-preflight": ("skipped", "not configured: set CHECKS"),
        "12-wait-for-cloud-init": ("skipped", "not configured: set TIMEOUT_S"),
        "20-backup-config": ("skipped", "not configured: set BACKUP_PATHS"),
        "30-drain-ecs": ("skipped", "not configured: set CLUSTER"),
        "30-drain-kubernetes": ("skipped", "not configured: set KUBECONFIG"),
        "30-enter-standby": ("skipped", "not configured: set GROUP"),
        "30-leave-haproxy": ("skipped", "not configured: set SERVERS"),
        "30-leave-nginx": ("skipped", "not configured: set SERVERS"),
        "30-leave-target-group": ("skipped", "not configured: set TARGET_GROUPS"),
        "30-stop-units": ("skipped", "not configured: set UNITS"),
        "40-start-units": ("skipped", "pre/30-stop-units took nothing away"),
        "20-update-dependencies": ("skipped", "not configured: set DIRECTORY"),
        "40-restart-stale": ("skipped", "not configured: set RESTART"),
        "30-restore-dependencies": ("skipped", "not configured: set DIRECTORY"),
        "50-application-health": ("skipped", "not configured: set HTTP, TCP or COMMAND"),
        "60-impact": ("skipped", "not configured: set LOGS or UNITS"),
        "70-activate-ecs": ("skipped", "pre/30-drain-ecs took nothing away"),
        "70-exit-standby": ("skipped", "pre/30-enter-standby took nothing away"),
        "70-join-haproxy": ("skipped", "pre/30-leave-haproxy took nothing away"),
        "70-join-nginx": ("skipped", "pre/30-leave-nginx took nothing away"),
        "70-join-target-group": ("skipped", "pre/30-leave-target-group took nothing away"),
        "70-uncordon-kubernetes": ("skipped", "pre/30-drain-kubernetes took nothing away"),
        "90-notify": ("skipped", "not configured: set TOPIC_ARN or WEBHOOK_FILE"),
    }
    assert {*skipped} == {name.split("/")[1] for name in shipped.NAMES}
    assert result["operation"]["verdict"] == "passed"
    assert result["operation"]["outstanding_undos"] == []


def test_check_finds_nothing_wrong_with_them(root):
    assert root.json("check") == []


@pytest.mark.parametrize("name", shipped.NAMES)
def test_each_says_what_it_is_for_what_it_can_be_told_and_how_it_ends(name):
    lines = (shipped.HOOKS / name).read_text().splitlines()
    header = lines[: next(n for n, line in enumerate(lines) if not line.startswith("#"))]

    for wanted in ("# description = ", "# timeout = ", "# Settings", "# Exit codes:", "#   0 "):
        assert [line for line in header if line.startswith(wanted)], wanted
    assert not [line for line in lines if "eval " in line]


def test_they_are_hooks_for_the_shell_of_amazon_linux_2():
    """What bash 4.2 lacks and what newer ones would take (its CHANGES, 4.3 to 5.2)."""
    newer = (
        "local -n",
        "declare -n",
        "mapfile -d",
        "readarray -d",
        "wait -n",
        "@Q}",
        "EPOCHSECONDS",
    )
    for name in shipped.NAMES:
        text = (shipped.HOOKS / name).read_text()
        assert [word for word in newer if word in text] == [], name


# -- enabled and disabled --------------------------------------------------------------------


def test_a_hook_is_disabled_with_its_undo_and_enabled_with_its_pre_hook(root):
    pair = ["on-exit/40-start-units", "pre/30-stop-units"]

    off = root.run("hooks", "--disable", "pre/30-stop-units")
    while_off = masked(root)
    on = root.run("hooks", "--enable", "on-exit/40-start-units")

    assert (off[0], on[0]) == (0, 0)
    assert while_off == pair
    assert masked(root) == []
    assert root.run("check")[0] == 0


def test_of_a_hook_that_does_not_run_nothing_is_told_that_was_not_read(root):
    root.hook("pre", "README", "")

    _, off, _ = root.run("hooks", "--disable", "on-exit/90-notify")
    listed = [line for line in root.run("hooks", "pre")[1].splitlines() if "README" in line]

    file = root.path / FILE
    assert off == f"masked    on-exit/90-notify  disabled by {file}\nwritten to {file}\n"
    assert listed == ["left-out  pre/README  its name is a README"]


def test_enabling_says_what_to_configure_and_what_is(root):
    configure(root, **{"pre/30-stop-units": {"UNITS": "web.service"}})

    _, out, _ = root.run("hooks", "--enable", "pre/30-stop-units")
    document = root.json("hooks", "--enable", "pre/30-stop-units")

    assert '[hooks."pre/30-stop-units".settings]' in out
    assert "    UNITS           names separated by blanks" in out
    assert "  now: UNITS = 'web.service'" in out
    assert (document["enabled"], document["file"]) == (True, str(root.path / FILE))
    assert [hook["name"] for hook in document["hooks"]] == ["30-stop-units", "40-start-units"]
    assert document["hooks"][0]["about"].startswith("Stops the units named")


def test_what_was_said_of_others_stays(root):
    root.run("hooks", "--disable", "pre/05-hold")
    root.run("hooks", "--disable", "pre/10-preflight")
    root.run("hooks", "--enable", "pre/05-hold")

    assert masked(root) == ["pre/10-preflight"]


@pytest.mark.parametrize(
    "name", ["", "pre/05-gone", "05-hold", "pre/", "post/05-hold", "pre/README"]
)
def test_a_hook_that_is_not_there_is_neither(root, name):
    root.hook("pre", "README", "")

    codes = [root.run("hooks", way, name)[0] for way in ("--enable", "--disable")]

    assert codes == [2, 2]
    assert not (root.path / FILE).exists()


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ('enabled = true\ntimeout = "1h"', "says more of pre/05-hold"),
        ('enabled = "no"', "says neither true nor false of pre/05-hold"),
    ],
)
def test_a_file_with_more_in_it_is_left_as_it_is(root, line, reason):
    text = f'[hooks."pre/05-hold"]\n{line}\n'
    root.write(FILE, text)

    code, _, err = root.run("hooks", "--disable", "pre/10-preflight")

    assert code == 1
    assert reason in err
    assert (root.path / FILE).read_text() == text


@pytest.mark.parametrize("words", [("hooks", "--disable", "pre/05-hold"), ("new", "pre/20-x")])
def test_what_cannot_be_written_is_told_with_the_reason_alone(root, words):
    conf_d, hooks_d = (root.path / "etc/hookd" / name for name in ("conf.d", "hooks.d"))
    for path in (conf_d, hooks_d):
        shutil.rmtree(str(path), ignore_errors=True)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")

    code, _, err = root.run(*words)

    told = {"hooks": f"hookd: {conf_d}: File exists\n"}
    told["new"] = f"hookd: {hooks_d}/pre/20-x: Not a directory\n"
    assert (code, err) == (1, told[words[0]])


def test_what_a_later_file_says_wins_and_is_told(root):
    root.write("etc/hookd/conf.d/99-mine.toml", '[hooks."pre/05-hold"]\nenabled = false\n')

    code, out, _ = root.run("hooks", "--enable", "pre/05-hold")

    assert code == 1
    assert "99-mine.toml" in out


def test_any_name_can_be_switched(root):
    root.hook("pre", 'odd "name\\ \u00e9\n.x', "exit 0")
    [name] = [name for name in states(root) if "odd" in name]

    assert root.run("hooks", "--disable", name)[0] == 0

    assert masked(root) == [name]


def test_an_undo_that_is_owed_is_not_disabled(root):
    root.hook("pre", "30-leave", "exit 0")
    root.undo("70-join", "30-leave", "exit 1")
    root.run("run", "pre")

    code, _, err = root.run("hooks", "--disable", "pre/30-leave")

    assert code == 75
    assert "owes on-exit/70-join" in err
    assert masked(root) == []


# -- made anew -------------------------------------------------------------------------------


@pytest.mark.parametrize("phase", ["pre", "post", "on-exit"])
def test_a_new_hook_does_nothing_until_it_is_configured(tmp_path, phase):
    root = FakeRoot(tmp_path)
    old = os.umask(0o077)
    try:
        assert root.run("new", f"{phase}/20-thing")[0] == 0
    finally:
        os.umask(old)
    path = root.path / "etc/hookd/hooks.d" / phase / "20-thing"

    assert (oct(path.stat().st_mode & 0o7777), [p.name for p in path.parent.iterdir()]) == (
        "0o755",
        ["20-thing"],
    )
    assert root.json("check") == []
    root.run("run", phase)
    skipped = ("skipped", "not configured: set NAME")
    assert hooks_of(root.result(), phase)["20-thing"] == skipped
    configure(root, **{f"{phase}/20-thing": {"NAME": "x"}})
    root.run("run", phase)
    assert hooks_of(root.result(), phase)["20-thing"] == ("passed", "")


@pytest.mark.skipif(not SHELLCHECK, reason="no shellcheck: extra `aws-test`")
@pytest.mark.parametrize("phase", ["pre", "post", "on-exit"])
def test_shellcheck_finds_nothing_in_a_new_hook(tmp_path, phase):
    root = FakeRoot(tmp_path)
    root.run("new", f"{phase}/20-thing")
    path = root.path / "etc/hookd/hooks.d" / phase / "20-thing"

    done = subprocess.run([SHELLCHECK, str(path)], stdout=subprocess.PIPE, check=False)

    assert done.stdout == b""


def test_a_hook_that_is_masked_or_copied_already_is_not_copied_over_it(root):
    """`cp -p` follows a link to /dev/null, and would give that the modes of a hook."""
    made = root.path / "etc/hookd/hooks.d/pre/05-hold"
    made.parent.mkdir(parents=True)
    made.symlink_to("/dev/null")

    code, _, err = root.run("new", "pre/05-hold")

    told = f"hookd: {made} is there already\n  choose another name, or edit it\n"
    assert (code, err) == (2, told)


@pytest.mark.parametrize(
    "name", ["pre/20-mine", "pre/05-hold", "20-x", "later/20-x", "pre/.x", "pre/x.md", "pre/../x"]
)
def test_a_new_hook_replaces_nothing_and_has_a_name_that_runs(root, name):
    root.hook("pre", "20-mine", metadata("required = true") + "exit 0")
    before = files(root)

    code, _, _ = root.run("new", name)

    assert code == 2
    assert files(root) == before
