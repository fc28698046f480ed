"""The man page and the completion that `make man` makes from the parser."""

from __future__ import annotations

import os
import pathlib
import shutil
import subprocess
import sys

import pytest

CHECKOUT = pathlib.Path(__file__).resolve().parents[2]
VERBS = (
    "run",
    "status",
    "show",
    "history",
    "hooks",
    "check",
    "verify",
    "collect",
    "hold",
    "recover",
    "cancel",
)


def _made_by(program, *options):
    found = shutil.which(program, path=os.path.dirname(sys.executable))
    if found is None:
        pytest.skip(f"{program} is not installed (extra `docs`)")
    done = subprocess.run(
        [found, *options],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(CHECKOUT), "COLUMNS": "80"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_man_page_has_a_section_for_every_command():
    page = _made_by(
        "argparse-manpage", "--module", "hookd.cli", "--function", "parser", "--prog", "hookd",
        "--manual-section", "8",
    )  # fmt: skip

    assert page.startswith('.TH HOOKD "8"')
    assert [verb for verb in VERBS if f"COMMAND \\fI\\,'hookd {verb}'\\/\\fR" not in page] == []


def test_the_completion_is_a_program_that_bash_reads(tmp_path):
    script = tmp_path / "hookd.bash"
    script.write_text(_made_by("shtab", "--shell", "bash", "hookd.cli.parser"))

    checked = subprocess.run(["bash", "-n", str(script)], capture_output=True, check=False)

    assert (checked.returncode, checked.stderr) == (0, b"")


@pytest.mark.parametrize("verb", VERBS)
def test_the_help_of_every_command_has_an_example_that_begins_with_it(verb):
    done = subprocess.run(
        [sys.executable, "-m", "hookd", verb, "--help"],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(CHECKOUT)},
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=True,
    )
    _, _, examples = done.stdout.partition("examples:\n")

    assert examples.startswith(f"  hookd {verb}")
    assert max(map(len, done.stdout.splitlines())) <= 90
