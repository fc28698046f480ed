"""The hook that updates what an application has: real pip and npm, a bundler that is played."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tarfile
import time
import zipfile

import pytest
from support.fakeroot import is_root
from support.shipped import Alone, executable

UPDATE = "post/20-update-dependencies"


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
def by_pip(app):
    """An application with lib 1 in its virtual environment, and a folder of what there is."""
    subprocess.run([sys.executable, "-m", "venv", str(app / "venv")], check=True)
    wheels = app / "wheels"
    wheels.mkdir()
    wheel(wheels, "1.0")
    (app / "requirements.txt").write_text(f"--no-index\n--find-links {wheels}\nlib\n")
    pip = [str(app / "venv/bin/python"), "-m", "pip", "install", "-q", "-r"]
    subprocess.run([*pip, str(app / "requirements.txt")], check=True)
    return app


def installed(app):
    [found] = (app / "venv").glob("lib/python*/site-packages/lib.py")
    return found.read_text()


def test_pip_installs_what_is_asked_for_and_updates_only_when_told(tmp_path, by_pip):
    wheel(by_pip / "wheels", "2.0")
    alone = Alone(tmp_path)

    first = alone.run(UPDATE, DIRECTORY=by_pip)
    kept = installed(by_pip)
    second = alone.run(UPDATE, DIRECTORY=by_pip, MODE="update")

    assert (first.code, first.outputs, kept) == (0, {"changed": "0"}, "version = '1.0'\n")
    assert (second.code, second.outputs) == (0, {"changed": "1"})
    assert installed(by_pip) == "version = '2.0'\n"
    assert not (by_pip / ".hookd-before").exists()


def test_what_failed_half_way_is_as_it_was(tmp_path, by_pip):
    wheel(by_pip / "wheels", "2.0")
    (by_pip / "requirements.txt").write_text(
        f"--no-index\n--find-links {by_pip}/wheels\nlib\n--no-binary other\nother\n"
    )
    before = tree(by_pip)

    done = Alone(tmp_path).run(UPDATE, DIRECTORY=by_pip, MODE="update")

    assert (done.code, "is as it was" in done.reason) == (1, True)
    assert tree(by_pip) == before


def test_what_a_crash_left_half_done_is_put_back_first(tmp_path, by_pip):
    """Pip that is killed with the hook, when it has taken lib away."""
    alone = Alone(tmp_path)
    [lib] = (by_pip / "venv").glob("lib/python*/site-packages/lib.py")
    real = by_pip / "venv/bin/python"
    before = installed(by_pip)
    target = os.readlink(str(real))
    real.unlink()
    executable(
        real,
        f"""#!/bin/sh
case $* in *install*) rm {lib}; [ -e {tmp_path}/well ] && exit 1; exec sleep 60 ;; esac
exec {target} "$@"
""",
    )
    process = alone.start(UPDATE, DIRECTORY=by_pip)
    give_up_at = time.monotonic() + 20
    while lib.exists():
        assert time.monotonic() < give_up_at
        time.sleep(0.01)

    alone.end(process, signal.SIGKILL)
    half_done = lib.exists()
    (tmp_path / "well").touch()
    done = alone.run(UPDATE, DIRECTORY=by_pip)

    assert (half_done, done.code, installed(by_pip)) == (False, 1, before)


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_one_that_is_ended_puts_back_what_it_found(tmp_path, app, how):
    (app / "Gemfile").touch()
    (app / "Gemfile.lock").write_text("old\n")
    alone = Alone(tmp_path)
    executable(
        alone.bin / "bundle",
        "#!/bin/sh\n[ $1 = list ] && exit\necho new >Gemfile.lock; : >started; exec sleep 60\n",
    )
    process = alone.start(UPDATE, DIRECTORY=app, MODE="update")
    give_up_at = time.monotonic() + 20
    while not (app / "started").exists():
        assert time.monotonic() < give_up_at
        time.sleep(0.01)

    done = alone.end(process, how)

    assert (done.code, tree(app)) == (
        1,
        {"Gemfile": b"", "Gemfile.lock": b"old\n", "started": b""},
    )


@pytest.mark.skipif(not shutil.which("npm"), reason="no npm")
def test_npm_installs_what_the_lock_says(tmp_path, app):
    for version in ("1.0.0", "2.0.0"):
        tarball(app, version)
    (app / "package.json").write_text(json.dumps({"dependencies": {"lib": "file:lib-2.0.0.tgz"}}))
    npm = ["npm", "install", "--offline", "--no-audit", "--no-fund", "--silent"]
    environment = {**os.environ, "HOME": str(tmp_path)}
    subprocess.run([*npm, "--package-lock-only"], cwd=str(app), env=environment, check=True)

    done = Alone(tmp_path).run(UPDATE, DIRECTORY=app, ARGS="--offline")

    there = json.loads((app / "node_modules/lib/package.json").read_text())
    assert (done.code, done.outputs, there["version"]) == (0, {"changed": "1"}, "2.0.0")


def test_bundler_gets_the_lock_file_frozen_unless_it_updates(tmp_path, app):
    (app / "Gemfile").touch()
    alone = Alone(tmp_path)
    executable(
        alone.bin / "bundle",
        f'#!/bin/sh\necho "$* $BUNDLE_PATH ${{BUNDLE_FROZEN-}}" >>{tmp_path}/asked\n',
    )

    codes = [alone.run(UPDATE, DIRECTORY=app, MODE=mode).code for mode in ("install", "update")]

    assert codes == [0, 0]
    assert [
        line for line in (tmp_path / "asked").read_text().splitlines() if "list" not in line
    ] == [
        "install vendor/bundle true",
        "update vendor/bundle ",
    ]


@pytest.mark.parametrize(
    ("files", "settings", "reason"),
    [
        ((), {}, "set TOOL: {app} has nothing that is known"),
        (("Gemfile", "package.json"), {}, "set TOOL: {app} has npm bundler"),
        ((), {"TOOL": "cargo"}, "TOOL is npm, pip or bundler: cargo"),
        ((), {"TOOL": "pip", "VENV": "../x"}, "no virtual environment: {app}/../x"),
        ((), {"DIRECTORY": "app"}, "DIRECTORY is no absolute path of a directory: app"),
        ((), {"TIMEOUT_S": "0"}, "TIMEOUT_S is no number: 0"),
    ],
)
def test_what_makes_no_sense_is_said(tmp_path, app, files, settings, reason):
    for name in files:
        (app / name).touch()
    before = tree(app)

    done = Alone(tmp_path).run(UPDATE, **{"DIRECTORY": app, **settings})

    assert (done.code, done.reason) == (1, reason.format(app=app))
    assert tree(app) == before


@pytest.mark.skipif(not is_root(), reason="only root can give a directory away")
def test_what_is_another_users_is_not_touched_as_root(tmp_path, app):
    os.chown(str(app), 1, 1)

    done = Alone(tmp_path).run(UPDATE, DIRECTORY=app)

    expected = f"{app} belongs to daemon: let the hook run as that user (see its header)"
    assert (done.code, done.reason) == (1, expected)


def test_without_a_directory_it_is_not_configured(tmp_path):
    done = Alone(tmp_path).run(UPDATE)

    assert (done.code, done.reason) == (77, "not configured: set DIRECTORY")
