"""The hooks that update what an application has and put it back: real pip, bundler and npm."""

from __future__ import annotations

import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tarfile
import tempfile
import time
import zipfile

import pytest
from support.fakeroot import PATH, FakeRoot, is_root
from support.shipped import HOOKS, OPERATION, Alone, executable

UPDATE, RESTORE = "post/20-update-dependencies", "on-exit/30-restore-dependencies"
BEFORE = ".hookd-before"
USER = "daemon"  # whom every Linux has
# Changes all that a bundler may, and adds what was not there.
SPOILS = """#!/bin/sh
[ "$1" != list ] || exit 0
/bin/rm -r vendor/bundle; mkdir -p vendor/bundle vendor/cache .bundle
echo new | tee Gemfile.lock vendor/bundle/gem vendor/cache/gem .bundle/config >/dev/null
"""
# Sends KILL to the hook, as the leader of its session, the Nth time that it is called.
KILLS_AT = """#!/bin/bash
echo >>"$0.calls"
mapfile -t calls <"$0.calls"
read -r _ _ _ _ _ session _ </proc/$$/stat
{real} "$@"
[[ ${{#calls[@]}} != {n} ]] || kill -KILL "$session"
"""

pytestmark = pytest.mark.skipif(not is_root(), reason="files are given to another user by root")


def wheel(directory, version):
    """Write a wheel of package `lib`."""
    info = f"lib-{version}.dist-info"
    metadata = f"Metadata-Version: 2.1\nName: lib\nVersion: {version}\n"
    tags = "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    with zipfile.ZipFile(str(directory / f"lib-{version}-py3-none-any.whl"), "w") as file:
        file.writestr("lib.py", f"version = {version!r}\n")
        file.writestr(f"{info}/METADATA", metadata)
        file.writestr(f"{info}/WHEEL", tags)
        file.writestr(f"{info}/RECORD", f"lib.py,,\n{info}/METADATA,,\n{info}/WHEEL,,\n")


def tarball(directory, version):
    """Write a tarball of npm's package `lib`."""
    package = directory / "package.json"
    package.write_text(json.dumps({"name": "lib", "version": version}))
    with tarfile.open(str(directory / f"lib-{version}.tgz"), "w:gz") as file:
        file.add(str(package), "package/package.json")
    package.unlink()


def gem(directory, version):
    """Write a gem `lib`."""
    made = directory / f"gem-{version}"
    made.mkdir(parents=True)
    (made / "lib.gemspec").write_text(
        f'Gem::Specification.new {{ |s| s.name = "lib"; s.version = "{version}"; '
        's.summary = s.author = "lib"; s.files = [] }\n'
    )
    name = str(directory / f"lib-{version}.gem")
    command = ["gem", "build", "--silent", "lib.gemspec", "--output", name]
    subprocess.run(command, cwd=str(made), check=True, stderr=subprocess.DEVNULL)
    shutil.rmtree(str(made))


def tree(directory):
    """Return every file below a directory with its contents, without what Python has compiled."""
    return {
        str(path.relative_to(directory)): path.read_bytes()
        for path in sorted(directory.rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts
    }


@pytest.fixture
def app(tmp_path):
    made = tmp_path / "app"
    made.mkdir()
    return made


@pytest.fixture
def spoilt(tmp_path, app):
    """An application of bundler's whose update changes all that it may, and what can run it."""
    for name in ("Gemfile", "Gemfile.lock", "vendor/bundle/gem"):
        (app / name).parent.mkdir(parents=True, exist_ok=True)
        (app / name).write_text("old\n")
    alone = Alone(tmp_path)
    executable(alone.bin / "bundle", SPOILS)
    return alone


def update(alone, directory, **settings):
    return alone.run(UPDATE, **{"DIRECTORY": directory, "ALLOW_ROOT": "true", **settings})


def kill_at(alone, program, n):
    """Let the hook be killed right after its `n`th call of `program`."""
    path = executable(
        alone.bin / program, KILLS_AT.format(real=shutil.which(program, path=PATH), n=n)
    )
    (alone.bin / f"{program}.calls").write_text("")
    return path


# -- the tools -------------------------------------------------------------------------------


def test_pip_installs_what_is_asked_for_updates_when_told_and_fails_without_a_trace(tmp_path, app):
    subprocess.run([sys.executable, "-m", "venv", str(app / "venv")], check=True)
    (app / "wheels").mkdir()
    wheel(app / "wheels", "1.0")
    asked_for = f"--no-index\n--find-links {app}/wheels\nlib\n"
    (app / "requirements.txt").write_text(asked_for)
    alone = Alone(tmp_path)

    first = update(alone, app)
    wheel(app / "wheels", "2.0")
    second = update(alone, app)
    third = update(alone, app, MODE="update")
    wheel(app / "wheels", "3.0")
    (app / "requirements.txt").write_text(f"{asked_for}other\n")
    before = tree(app)
    failed = update(alone, app, MODE="update")

    assert [(done.code, done.outputs) for done in (first, second, third)] == [
        (0, {"changed": "1", "changes": "lib none -> 1.0"}),
        (0, {"changed": "0", "changes": ""}),
        (0, {"changed": "1", "changes": "lib 1.0 -> 2.0"}),
    ]
    assert (failed.code, failed.reason[-len(f"{app} is as it was") :]) == (1, f"{app} is as it was")
    assert tree(app) == before


@pytest.mark.skipif(not shutil.which("bundle", path=PATH), reason="no bundler")
def test_bundler_installs_what_the_lock_says_and_updates_only_when_told(tmp_path, app):
    for folder in ("bundle", "cache"):
        (app / "vendor" / folder).mkdir(parents=True)
    gem(app / "vendor/cache", "1.0")
    (app / "Gemfile").write_text('source "https://rubygems.org"\ngem "lib"\n')
    alone = Alone(tmp_path)

    unlocked = update(alone, app, ARGS="--local")
    first = update(alone, app, ARGS="--local", MODE="update")
    gem(app / "vendor/cache", "2.0")
    second = update(alone, app, ARGS="--local")
    third = update(alone, app, ARGS="--local", MODE="update")

    # an install without a lock file has nothing to go by
    assert (unlocked.code, unlocked.reason) == (1, f"bundle install failed; {app} is as it was")
    assert [(done.code, done.outputs) for done in (first, second, third)] == [
        (0, {"changed": "1", "changes": "lib none -> 1.0"}),
        (0, {"changed": "0", "changes": ""}),
        (0, {"changed": "1", "changes": "lib 1.0 -> 2.0"}),
    ]


@pytest.mark.skipif(not shutil.which("npm", path=PATH), reason="no npm")
def test_npm_installs_what_the_lock_says(tmp_path, app):
    for version in ("1.0.0", "2.0.0"):
        tarball(app, version)
    (app / "package.json").write_text(json.dumps({"dependencies": {"lib": "file:lib-2.0.0.tgz"}}))
    npm = ["npm", "install", "--offline", "--no-audit", "--no-fund", "--silent"]
    environment = {**os.environ, "HOME": str(tmp_path)}
    subprocess.run([*npm, "--package-lock-only"], cwd=str(app), env=environment, check=True)

    done = update(Alone(tmp_path), app, ARGS="--offline")

    there = json.loads((app / "node_modules/lib/package.json").read_text())
    assert (done.code, there["version"]) == (0, "2.0.0")
    assert done.outputs == {"changed": "1", "changes": "lib none -> 2.0.0"}


def test_npm_is_asked_by_the_lock_file_unless_it_updates(tmp_path, app):
    """As npm 9 lists: packages of packages too, in whatever versions, and 1 for a missing peer."""
    (app / "package.json").write_text("{}")
    alone = Alone(tmp_path)
    listed = "echo $PWD:app@1.0.0; for one in $(cat node_modules/all); do echo $one; done; exit 1"
    writes = 'mkdir -p node_modules; echo "$was" >node_modules/all'
    executable(
        alone.bin / "npm",
        f'#!/bin/sh\necho "$*" >>{tmp_path}/asked\ncase $1 in\nls) {listed} ;;\n'
        'ci) was="/x/node_modules/@o/b:@o/b@1.0.0"\n;;\n'
        'update) was="/x/node_modules/@o/b:@o/b@1.0.0 /x/node_modules/a:a@2.0.0:EXTRANEOUS '
        '/x/node_modules/b/node_modules/a:a@1.0.0"\n;;\n'
        f"esac\n{writes}\n",
    )

    done = [update(alone, app, MODE=mode, ARGS="-q\n*\n") for mode in ("install", "update")]

    assert [(one.code, one.outputs) for one in done] == [
        (0, {"changed": "1", "changes": "@o/b none -> 1.0.0"}),
        (0, {"changed": "1", "changes": "a none -> 1.0.0/2.0.0"}),
    ]
    asked = (tmp_path / "asked").read_text().splitlines()
    tools = [line for line in asked if not line.startswith("ls ")]
    assert tools == ["ci --no-audit --no-fund -q *", "update --no-audit --no-fund -q *"]


# -- ended half-way --------------------------------------------------------------------------


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_one_that_is_ended_puts_back_what_it_found(spoilt, app, how):
    executable(spoilt.bin / "bundle", f"{SPOILS}: >started; exec sleep 60\n")
    process = spoilt.start(UPDATE, DIRECTORY=app, ALLOW_ROOT="true")
    give_up_at = time.monotonic() + 20
    while not (app / "started").exists():
        assert time.monotonic() < give_up_at
        time.sleep(0.01)
    (app / "started").unlink()

    done = spoilt.end(process, how)

    old = dict.fromkeys(("Gemfile", "Gemfile.lock", "vendor/bundle/gem"), b"old\n")
    assert (done.code, done.reason) == (1, f"ended; {app} is as it was")
    assert tree(app) == old


def test_a_tool_that_does_not_end_is_ended(spoilt, app):
    executable(spoilt.bin / "bundle", f"{SPOILS}exec sleep 60\n")
    before = tree(app)

    done = update(spoilt, app, TIMEOUT_S=1)

    assert (done.code, done.reason) == (1, f"bundle install failed; {app} is as it was")
    assert tree(app) == before


# sync(1) is called before the copy counts, after that, and when the tool has ended.
@pytest.mark.parametrize("n", [1, 2, 3])
def test_one_that_is_killed_is_put_back_by_on_exit(spoilt, app, n):
    before = tree(app)
    kill_at(spoilt, "sync", n)

    killed = update(spoilt, app)
    (spoilt.bin / "sync").unlink()
    done = [spoilt.run(RESTORE, DIRECTORY=app) for _ in range(2)]

    assert (killed.code, [one.code for one in done]) == (-signal.SIGKILL, [0, 0])
    assert tree(app) == before
    assert [one.outputs for one in done] == [{"restored": str(app)} if n > 1 else {}, {}]


def test_one_that_is_killed_when_all_is_well_keeps_what_is_new(spoilt, app):
    kill_at(spoilt, "rm", 2)  # of an old copy, and of the mark that this one counts

    killed = update(spoilt, app)
    done = spoilt.run(RESTORE, DIRECTORY=app)

    assert (killed.code, done.code, done.outputs) == (-signal.SIGKILL, 0, {})
    assert (app / "Gemfile.lock").read_text() == "new\n"
    assert not (app / BEFORE).exists()


@pytest.mark.parametrize("n", range(1, 7))
def test_putting_back_may_be_cut_off_at_each_step(spoilt, app, n):
    before = tree(app)
    kill_at(spoilt, "sync", 3)
    update(spoilt, app)
    (spoilt.bin / "sync").unlink()
    kill_at(spoilt, "mv", n)

    killed = spoilt.run(RESTORE, DIRECTORY=app)
    (spoilt.bin / "mv").unlink()
    done = spoilt.run(RESTORE, DIRECTORY=app)

    assert (killed.code, done.code) == (-signal.SIGKILL, 0)
    assert tree(app) == before


def test_a_copy_of_another_operation_is_left_to_people(spoilt, app):
    kill_at(spoilt, "sync", 3)
    update(spoilt, app)
    (spoilt.bin / "sync").unlink()
    whole = app / BEFORE / "whole"
    whole.write_text(whole.read_text().replace(OPERATION, "20260101T000000Z-0000"))
    left = tree(app)

    done = [update(spoilt, app), spoilt.run(RESTORE, DIRECTORY=app)]

    assert [one.code for one in done] == [1, 1]
    assert "is of operation 20260101T000000Z-0000" in done[1].reason
    assert tree(app) == left


def test_without_a_copy_there_is_nothing_to_put_back(tmp_path, app):
    done = Alone(tmp_path).run(RESTORE, DIRECTORY=app)

    assert (done.code, done.stdout) == (0, f"nothing was cut off in {app}\n")


# -- what is refused -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("files", "settings", "reason"),
    [
        ((), {}, "set TOOL: {app} is for nothing that is known"),
        (("Gemfile", "package.json"), {}, "set TOOL: {app} is for npm bundler"),
        (("package.json",), {"TOOL": "pip"}, "TOOL is pip: {app} is for npm"),
        (("package.json",), {"TOOL": "cargo"}, "TOOL is cargo: {app} is for npm"),
        (("requirements.txt",), {"VENV": "../x"}, "no virtual environment: {app}/../x"),
        (("Gemfile",), {}, "the gems are not in {app}/vendor/bundle"),
        ((), {"DIRECTORY": "app"}, "DIRECTORY is no absolute path of a directory: app"),
        ((), {"TIMEOUT_S": "0"}, "TIMEOUT_S is no number: 0"),
        ((), {"MODE": "ci"}, "MODE is install or update: ci"),
        ((), {"ALLOW_ROOT": "yes"}, "ALLOW_ROOT is neither true nor false: yes"),
        (
            ("package.json",),
            {"ALLOW_ROOT": "false"},
            "this is root: name the application's user (see the header) or set ALLOW_ROOT",
        ),
    ],
)
def test_what_makes_no_sense_is_said(tmp_path, app, files, settings, reason):
    for name in files:
        (app / name).touch()
    before = tree(app)

    done = update(Alone(tmp_path), app, **settings)

    assert (done.code, done.reason) == (1, reason.format(app=app))
    assert tree(app) == before


def test_what_could_not_be_put_back_is_not_touched(tmp_path, app):
    (app / "package.json").write_text('{"workspaces": ["packages/*"]}')
    alone = Alone(tmp_path)
    reasons = [update(alone, app).reason]
    (app / "package.json").write_text("{}")
    (app / "node_modules").symlink_to(tmp_path)
    reasons.append(update(alone, app).reason)
    (app / "node_modules").unlink()
    (app / "node_modules/theirs").mkdir(parents=True)
    os.chown(str(app / "node_modules/theirs"), 1, 1)
    reasons.append(update(alone, app).reason)
    os.chown(str(app / "node_modules/theirs"), 0, 0)
    executable(alone.bin / "df", "#!/bin/sh\nprintf 'Avail\\n   64\\n'\n")
    reasons.append(update(alone, app).reason)

    assert reasons == [
        "what npm does in workspaces could not be put back",
        "node_modules is a link or a mount: it could not be put back",
        "node_modules/theirs belongs to somebody else: it could not be put back",
        "no room for a copy: it needs 1 MB, and 64 MB are free",
    ]
    assert not (app / BEFORE).exists()


@pytest.mark.parametrize("hook", [UPDATE, RESTORE])
def test_what_is_another_users_is_not_touched_as_root(tmp_path, app, hook):
    os.chown(str(app), 1, 1)

    done = Alone(tmp_path).run(hook, DIRECTORY=app, ALLOW_ROOT="true")

    expected = f"{app} belongs to {USER}: let the hook run as that user (see the header)"
    assert (done.code, done.reason) == (1, expected)


@pytest.mark.parametrize("hook", [UPDATE, RESTORE])
def test_without_a_directory_it_is_not_configured(tmp_path, hook):
    done = Alone(tmp_path).run(hook)

    assert (done.code, done.reason) == (77, "not configured: set DIRECTORY")


# -- by hookd, as the application's user -----------------------------------------------------

# A virtual environment whose pip does what the file `does` says.
PYTHON = """#!/bin/sh
case "$*" in *freeze) cat venv/lib; exit ;; esac
read -r _ _ _ _ _ session _ </proc/$$/stat
. ./does
"""
CONFIGURED = f"""
[hooks."{{name}}"]
user = "{USER}"
settings = {{{{ DIRECTORY = "{{app}}" }}}}
"""


@pytest.fixture
def node():
    """A node with an application of another user's, in a folder that everybody may pass."""
    path = pathlib.Path(tempfile.mkdtemp(prefix="hookd-app-"))
    path.chmod(0o711)
    made, app = FakeRoot(path), path / "app"
    for name in (UPDATE, RESTORE):
        made.write(f"etc/hookd/hooks.d/{name}", (HOOKS / name).read_text(), 0o755)
    made.config("".join(CONFIGURED.format(name=name, app=app) for name in (UPDATE, RESTORE)))
    executable(app / "venv/bin/python", PYTHON)
    (app / "requirements.txt").write_text("")
    (app / "venv/lib").write_text("lib==1.0\n")
    for one in (app, *app.rglob("*")):
        shutil.chown(str(one), USER)
    yield made, app
    made.end()
    shutil.rmtree(str(path))


@pytest.mark.parametrize("is_killed", [False, True])
def test_hookd_tells_what_changed_and_puts_back_where_the_hook_was_killed(node, is_killed):
    root, app = node
    kills = "kill -KILL $session; sleep 60\n" if is_killed else ""
    (app / "does").write_text(f"echo lib==2.0 >venv/lib\necho by $(id -un)\n{kills}")

    codes = [root.run("run", phase)[0] for phase in ("pre", "post", "on-exit")]

    phases = root.result()["phases"]
    [[updated], [restored]] = [phase["hooks"] for phase in phases[1:]]
    assert codes == [0, 0, 0]  # what is updated, or not, is in the way of no reboot
    assert f"by {USER}" in updated["stdout"]["head"]
    assert (updated["outcome"], updated["outputs"]) == (
        ("failed", {}) if is_killed else ("passed", {"changed": "1", "changes": "lib 1.0 -> 2.0"})
    )
    outputs = {"restored": str(app)} if is_killed else {}
    assert (restored["outcome"], restored["outputs"]) == ("passed", outputs)
    assert (app / "venv/lib").read_text() == f"lib=={1 if is_killed else 2}.0\n"
    assert not (app / BEFORE).exists()
