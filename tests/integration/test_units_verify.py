"""The units as systemd itself reads them (`systemd-analyze verify`)."""

from __future__ import annotations

import os
import pathlib
import shutil
import subprocess

import pytest

FOLDER = pathlib.Path(__file__).resolve().parents[2] / "systemd"
VERIFY = shutil.which("systemd-analyze")
UNITS = ("hookd.service", "hookd.socket", "hookd-boot.service")


def verify(folder):
    """Return what systemd says of the units in `folder`, as if /usr/bin/hookd were installed."""
    done = subprocess.run(
        [str(VERIFY), "verify", "--man=no", *UNITS],
        # the empty last entry stands for systemd's own directories: targets and the agent's unit
        env={**os.environ, "SYSTEMD_UNIT_PATH": f"{folder}:", "LC_ALL": "C"},
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        timeout=60,
        check=False,
    )
    own = [line for line in done.stdout.splitlines() if "hookd" in line or str(folder) in line]
    return done.returncode, own


@pytest.fixture
def folder(tmp_path):
    """The units, and a program for what they start."""
    program = tmp_path / "hookd"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    for name in UNITS:
        text = (FOLDER / name).read_text(encoding="ascii")
        (tmp_path / name).write_text(text.replace("/usr/bin/hookd", str(program)))
    return tmp_path


@pytest.mark.skipif(VERIFY is None, reason="no systemd-analyze here")
def test_systemd_has_nothing_to_say_about_the_units(folder):
    assert verify(folder) == (0, [])


@pytest.mark.skipif(VERIFY is None, reason="no systemd-analyze here")
def test_systemd_would_say_what_it_does_not_know(folder):
    unit = folder / "hookd.service"
    unit.write_text(unit.read_text() + "Harden=yes\n")

    _, said = verify(folder)

    assert [line for line in said if "Unknown key" in line and "Harden" in line]
