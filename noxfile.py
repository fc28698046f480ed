"""The suite on every supported interpreter, and the checks of `make check`, each by itself."""

from __future__ import annotations

import os
import re
import shutil
import subprocess

import nox

INTERPRETERS = ["3.7", "3.9", "3.11", "3.13"]

nox.needs_version = ">=2024.4.15"
# virtualenv 20.27 and newer cannot make an environment for 3.7; uv and the stdlib's venv can.
nox.options.default_venv_backend = "uv|venv"
nox.options.error_on_missing_interpreters = False
os.environ.setdefault("UV_PYTHON_DOWNLOADS", "never")


def _every_version_of_pyenv() -> str:
    """Return the versions pyenv has, newest first, as PYENV_VERSION wants them."""
    listed = subprocess.run(
        ["pyenv", "versions", "--bare"], check=True, stdout=subprocess.PIPE, text=True
    ).stdout.split()
    released = [name for name in listed if re.match(r"\d+\.\d+\.\d+$", name)]
    return ":".join(sorted(released, key=lambda name: [-int(n) for n in name.split(".")]))


# pyenv's shim of a version that is not active is on PATH and fails.
if shutil.which("pyenv"):
    os.environ.setdefault("PYENV_VERSION", _every_version_of_pyenv())


@nox.session(python=INTERPRETERS)
def tests(session: nox.Session) -> None:
    """Run the suite."""
    session.install("--editable", ".[test,aws-test]")
    session.run("pytest", *session.posargs)


def _make(session: nox.Session, target: str) -> None:
    session.install("--editable", ".[check]")
    session.run("make", target, "READY=", f"BIN={session.bin}", external=True)


@nox.session
def lint(session: nox.Session) -> None:
    """Check style, spelling and shell programs."""
    _make(session, "lint")


@nox.session
def types(session: nox.Session) -> None:
    """Check the types, as Python 3.7 sees them."""
    _make(session, "types")


@nox.session
def compat(session: nox.Session) -> None:
    """Find what Python 3.7 does not have."""
    _make(session, "compat")
