"""What a release is called, when it is from, and how programs are run for it."""

from __future__ import annotations

import os
import pathlib
import re
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
REPO = HERE.parent
DIST = REPO / "dist"
ARCHITECTURES = ("x86_64", "aarch64")


def version() -> str:
    """Return the version, of which hookd/__init__.py is the one source."""
    text = (REPO / "hookd/__init__.py").read_text(encoding="ascii")
    return re.findall(r'^__version__ = "(.+)"$', text, re.MULTILINE)[0]


def rpm_name(arch: str) -> str:
    return f"hookd-{version()}-1.{arch}.rpm"


def pins() -> dict[str, str]:
    """Return the libraries that packages carry, and their versions."""
    text = (HERE / "requirements.txt").read_text(encoding="ascii")
    return dict(re.findall(r"^(\S+)==(\S+)", text, re.MULTILINE))


def settle() -> int:
    """Make what is built the same for everybody: its time, the language. Return the time.

    It is SOURCE_DATE_EPOCH (reproducible-builds.org), seconds; that of the last commit unless set.
    """
    said = os.environ.get("SOURCE_DATE_EPOCH", "")
    epoch = int(said or run("git", "log", "-1", "--format=%ct", stdout=True))
    os.environ.update({"SOURCE_DATE_EPOCH": str(epoch), "LC_ALL": "C.UTF-8", "TZ": "UTC"})
    os.umask(0o022)
    return epoch


def run(*argv: str, stdout: bool = False) -> str:
    """Run `argv` in the checkout; return its stdout when that is asked for, else show it."""
    done = subprocess.run(
        argv,
        cwd=str(REPO),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE if stdout else sys.stderr,
        check=False,
        text=True,
    )
    if done.returncode:
        raise SystemExit(f"{argv[0]} ended with {done.returncode}")
    return done.stdout or ""


def python(*words: str) -> None:
    """Run a module of this environment."""
    run(sys.executable, "-m", *words)


def beside(program: str) -> str:
    """Return the path of a program of this environment."""
    return os.path.join(os.path.dirname(sys.executable), program)
