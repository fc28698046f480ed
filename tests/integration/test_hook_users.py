"""Hooks that really run as another user, on a machine whose users are made up for the test."""

from __future__ import annotations

import os
import pathlib
import shutil
import subprocess
import tempfile

import pytest
from support.node import Node

APP, LOGS, GAMES = 61001, 61002, 61003
PASSWD = f"""\
root:x:0:0:root:/root:/bin/sh
app:x:{APP}:{APP}::/srv/app:/bin/sh
other:x:61009:61009::/srv/other:/bin/sh
"""
USER = 'user = "app"'
GROUP = f"root:x:0:\napp:x:{APP}:\nlogs:x:{LOGS}:other,app\ngames:x:{GAMES}:other\n"


def why_not() -> str:
    if os.geteuid() != 0:
        return "only root can run a hook as another user"
    done = subprocess.run(["unshare", "--mount", "true"], stderr=subprocess.PIPE, check=False)
    return "no mount namespace can be made" if done.returncode else ""


pytestmark = pytest.mark.skipif(bool(why_not()), reason=why_not() or "-")


class Town(Node):
    """A node whose /etc/passwd and /etc/group are ours, in a folder that everybody may pass."""

    wrapper = ("unshare", "--mount")

    def __init__(self, path):
        super().__init__(path / "root")
        for name, text in (("passwd", PASSWD), ("group", GROUP)):
            (path / name).write_text(text)
        binds = (f"mount --bind {path}/{name} /etc/{name}" for name in ("passwd", "group"))
        self._enter = " && ".join(binds) + " && "

    def start(self, *words, before=""):
        return super().start(*words, before=self._enter + before)

    def operation(self) -> pathlib.Path:
        (folder,) = self.path.glob("var/lib/hookd/operations/*")
        return folder


@pytest.fixture(name="town")
def _town():
    path = pathlib.Path(tempfile.mkdtemp(prefix="hookd-town-"))
    path.chmod(0o711)
    yield Town(path)
    shutil.rmtree(str(path))


WHO = """\
echo "who=$(id -u):$(id -g) $(id -G | tr ' ' '\\n' | sort -n | xargs)" >>$HOOKD_OUTPUT
echo "home=$HOME" >>$HOOKD_OUTPUT
echo "scratch=$(stat -c '%u:%g %a' .) $([ "$PWD" = "$HOOKD_SCRATCH" ] && echo here)" >>$HOOKD_OUTPUT
"""


@pytest.mark.parametrize(
    ("metadata", "who", "home", "scratch"),
    [
        (('user = "app"',), f"{APP}:{APP} {APP} {LOGS}", "/srv/app", f"{APP}:{APP} 700 here"),
        (
            ('user = "app"', 'group = "games"'),
            f"{APP}:{GAMES} {LOGS} {GAMES}",
            "/srv/app",
            f"{APP}:{GAMES} 700 here",
        ),
        (('group = "games"',), f"0:{GAMES} {GAMES}", "/root", f"0:{GAMES} 700 here"),
        (('user = "root"',), "0:0 0", "/root", "0:0 700 here"),
        ((), "0:0 0", "/root", "0:0 700 here"),
    ],
    ids=["a user", "a user and a group", "a group", "who we are", "nobody in particular"],
)
def test_a_hook_is_who_it_says(town, metadata, who, home, scratch):
    town.hook("pre/10-x", WHO, *metadata)
    code, out = town.run("run", "pre")
    hook = town.hooks_of("pre")["10-x"]
    assert (code, hook["outcome"]) == (0, "passed"), out
    assert hook["outputs"] == {"who": who, "home": home, "scratch": scratch}


def test_a_user_reads_nothing_of_root_and_is_not_told_where_the_context_is(town):
    script = f"""\
cat {town.path}/secret && exit 1
ls $HOOKD_SCRATCH/../.. && exit 2
[ -z "$HOOKD_CONTEXT" ] || exit 3
echo kept >mine
exit 0"""
    town.write("secret", "x").chmod(0o600)
    town.hook("pre/10-x", script, USER)
    code, out = town.run("run", "pre")
    assert code == 0, out
    (mine,) = town.operation().glob("scratch/pre/10-x/mine")
    assert (mine.read_text(), mine.stat().st_uid) == ("kept\n", APP)


def test_all_that_a_user_hook_started_ends_with_it(town):
    town.hook("pre/10-x", "setsid sleep 71 & sleep 72", USER, 'timeout = "1s"', 'grace = "1s"')
    code, _ = town.run("run", "pre")
    hook = town.hooks_of("pre")["10-x"]
    assert (code, hook["outcome"], hook["left_running"]) == (1, "timed-out", [])
    ours = ["pgrep", "-u", str(APP), "-f", "^sleep 7[12]$"]  # other tests run as this user, too
    found = subprocess.run(ours, stdout=subprocess.PIPE, check=False)
    assert found.stdout == b""


@pytest.mark.parametrize("is_served", [False, True], ids=["new", "with a socket"])
def test_a_user_hook_writes_to_the_spare_folder_when_the_disk_takes_none(town, is_served):
    town.hook("pre/10-x", 'touch "$HOOKD_SCRATCH/../../on-exit"')  # in the way of its folders
    town.hook("on-exit/20-y", WHO, USER)
    if is_served:
        (town.path / "run/hookd").mkdir(parents=True)
        (town.path / "run/hookd").chmod(0o711)
    assert town.run("run", "pre")[0] == 0
    town.run("run", "on-exit")
    hook = town.hooks_of("on-exit")["20-y"]
    assert (hook["outcome"], hook["reason"]) == ("passed", "")
    assert hook["outputs"]["scratch"] == f"{APP}:{APP} 700 here"


def test_outputs_that_are_not_a_file_of_the_hooks_user_are_not_read(town):
    town.write("secret", "password=1\n").chmod(0o600)
    town.hook("pre/10-x", f'ln -s {town.path}/secret "$HOOKD_OUTPUT"', USER)
    code, _ = town.run("run", "pre")
    hook = town.hooks_of("pre")["10-x"]
    assert (code, hook["outputs"]) == (0, {})
    assert hook["reason"] == "HOOKD_OUTPUT was not read: Too many levels of symbolic links"


@pytest.mark.parametrize(
    ("metadata", "reason"),
    [
        ('user = "ghost"', "there is no user ghost"),
        ('group = "ghost"', "there is no group ghost"),
    ],
)
def test_nothing_starts_before_a_required_hook_of_nobody(town, metadata, reason):
    town.hook("pre/10-x", "exit 0")
    town.hook("pre/20-y", "exit 0", metadata)
    code, _ = town.run("run", "pre")
    told = {name: (one["outcome"], one["reason"]) for name, one in town.hooks_of("pre").items()}
    assert code == 1
    assert told == {
        "10-x": ("skipped", "nothing was started: 20-y is refused"),
        "20-y": ("refused", reason),
    }
    code, out = town.run("check")
    assert (code, out.splitlines()[0].endswith(f"pre/20-y: {reason}")) == (1, True)


def test_a_hook_that_its_user_cannot_read_is_refused_before_anything_starts(town):
    town.hook("pre/10-x", "exit 0", USER).chmod(0o744)
    code, _ = town.run("run", "pre")
    hook = town.hooks_of("pre")["10-x"]
    path = f"{town.path}/etc/hookd/hooks.d/pre/10-x"
    assert (code, hook["outcome"]) == (1, "refused")
    assert hook["reason"] == f"uid {APP} cannot execute it: chmod o+rx {path}"


def test_only_root_runs_hooks_as_somebody_else(town):
    town.hook("pre/10-x", "exit 0", 'user = "other"')
    for path in (town.path, *town.path.rglob("*")):
        os.chown(str(path), APP, APP)
    become = f'set -- setpriv --reuid {APP} --regid {APP} --clear-groups "$@"; '
    if town.run("--version", before=become)[0]:
        pytest.skip("another user cannot reach this checkout or its Python")
    code, _ = town.run("run", "pre", before=become)
    hook = town.hooks_of("pre")["10-x"]
    assert (code, hook["outcome"]) == (1, "refused")
    assert hook["reason"] == f"only root can run it as user other; hookd runs as uid {APP}"


# -- undos ----------------------------------------------------------------------------------------


def leaving(town, *metadata, undo=()):
    """Put a pre hook and its undo into `town`."""
    town.hook("pre/30-leave", "echo was-in >was", *metadata)
    script = 'echo "found=$(cat was) as $(id -u)" >>"$HOOKD_OUTPUT"'
    return town.hook("on-exit/70-join", script, 'undoes = "pre/30-leave"', *(undo or metadata))


@pytest.mark.parametrize("is_gone", [False, True], ids=["itself", "from the copy of pre"])
def test_an_undo_finds_as_the_same_user_what_its_pre_hook_wrote_down(town, is_gone):
    undo = leaving(town, USER)
    assert town.run("run", "pre")[0] == 0
    if is_gone:
        undo.unlink()
    town.run("run", "on-exit")
    hook = town.hooks_of("on-exit")["70-join"]
    assert (hook["outcome"], hook["from_copy"]) == ("passed", is_gone)
    assert hook["outputs"] == {"found": f"was-in as {APP}"}


@pytest.mark.parametrize(
    ("undo", "reason"),
    [
        ('user = "other"', "user is other, but app in pre/30-leave: use one"),
        ('group = "games"', "user is not set, but app in pre/30-leave: use one"),
    ],
)
def test_a_pre_hook_whose_undo_is_somebody_elses_never_starts(town, undo, reason):
    leaving(town, USER, undo=(undo,))
    code, _ = town.run("run", "pre")
    hook = town.hooks_of("pre")["30-leave"]
    assert (code, hook["outcome"]) == (1, "refused")
    assert hook["reason"] == f"its undo on-exit/70-join is refused: {reason}"
    assert town.run("check")[0] == 1


def test_a_scratch_directory_is_never_used_by_a_second_user(town):
    leaving(town, USER)
    assert town.run("run", "pre")[0] == 0
    leaving(town, 'user = "other"')
    code, _ = town.run("run", "on-exit")
    hook = town.hooks_of("on-exit")["70-join"]
    assert (code, hook["outcome"]) == (1, "refused")
    assert hook["reason"] == f"its scratch directory belongs to uid {APP}, not 61009"
    assert [one["hook"] for one in town.result()["operation"]["outstanding_undos"]] == ["70-join"]
