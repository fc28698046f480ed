"""hookd installed from its sdist by the pip of Amazon Linux 2 (20.2.2, on Python 3.7)."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from support import package
from support.package import CHECKOUT

import hookd


def run(*argv, **environment):
    return subprocess.run(
        argv,
        # an index as it is by itself: pip 20.2 needs to be told which Python each file is for
        env={**os.environ, "PIP_CONFIG_FILE": os.devnull, **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=250,
        check=False,
        encoding="utf-8",
    )


@pytest.fixture
def place(tmp_path):
    """A virtual environment with that pip."""
    python = package.interpreter("3.7")
    if not python:
        pytest.skip("no Python 3.7 here")
    assert run(python, "-m", "venv", str(tmp_path / "env")).returncode == 0
    got = run(str(tmp_path / "env/bin/python"), "-m", "pip", "install", "pip==20.2.2")
    if got.returncode:
        pytest.skip(f"no pip 20.2.2 to be had: {got.stdout[-300:]}")
    return tmp_path / "env"


def test_it_installs_and_runs(place, tmp_path):
    pytest.importorskip("hatchling", reason="hatchling is not installed (extra `test`)")
    build = (sys.executable, "-m", "hatchling", "build", "-t", "sdist", "-d", str(tmp_path))
    made = subprocess.run(build, cwd=str(CHECKOUT), capture_output=True, check=False)
    assert made.returncode == 0, made.stderr

    sdist = tmp_path / f"hookd-{hookd.__version__}.tar.gz"
    done = run(str(place / "bin/pip"), "install", str(sdist))

    assert done.returncode == 0, done.stdout
    program = str(place / "bin/hookd")
    assert run(program, "--version").stdout == f"hookd {hookd.__version__}\n"
    (tmp_path / "root").mkdir()
    ran = run(program, "--root", str(tmp_path / "root"), "run", "pre")
    assert (ran.returncode, ran.stdout[:7]) == (0, "passed:")
