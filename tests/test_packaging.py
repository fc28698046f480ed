"""What is shipped: version, wheel and licence, and nothing of the machine it was made on."""

from __future__ import annotations

import pathlib
import re
import subprocess
import sys
import zipfile

import pytest

import hookd
from hookd.config import Config, parse
from hookd.config.parse import _SECTIONS
from hookd.core.checks.table import CHECKS
from hookd.system.toml import parse_toml

REPO = pathlib.Path(__file__).resolve().parent.parent


def test_the_changelog_begins_with_this_version_or_with_what_is_unreleased():
    sections = re.findall(
        r"^## \[?([^]\s]+)", (REPO / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE
    )

    assert sections[0] in ("Unreleased", hookd.__version__)


def test_the_licence_is_the_apache_licence():
    assert (REPO / "LICENSE").read_text(encoding="ascii").split("\n")[1:3] == [
        " " * 33 + "Apache License",
        " " * 27 + "Version 2.0, January 2004",
    ]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    # hatchling itself, not pip: this needs no network and no pip in the environment.
    pytest.importorskip("hatchling", reason="hatchling is not installed (extra `test`)")
    target = tmp_path_factory.mktemp("wheel")
    build = subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(target)],
        cwd=str(REPO),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert build.returncode == 0, build.stdout
    (built,) = target.iterdir()
    with zipfile.ZipFile(str(built)) as opened:
        yield opened


def test_the_wheel_holds_the_modules_and_the_documents_of_ssm_and_nothing_else(wheel):
    modules = {path.relative_to(REPO).as_posix() for path in (REPO / "hookd").rglob("*.py")}
    documents = {f"hookd/ssm_documents/hookd-{phase}.json" for phase in ("pre", "post", "on-exit")}
    info = f"hookd-{hookd.__version__}.dist-info"

    assert {n for n in wheel.namelist() if not n.startswith(info)} == modules | documents


@pytest.mark.parametrize("phase", ["pre", "post", "on-exit"])
def test_an_installed_hookd_prints_the_document_of_the_checkout(wheel, tmp_path, phase):
    wheel.extractall(str(tmp_path))
    printed = subprocess.run(
        [sys.executable, "-m", "hookd", "ssm-document", phase],
        cwd=str(tmp_path),
        env={"PYTHONPATH": str(tmp_path)},
        stdout=subprocess.PIPE,
        check=True,
    )

    assert printed.stdout == (REPO / f"packaging/ssm/hookd-{phase}.json").read_bytes()


def test_the_wheel_starts_hookd_and_carries_its_licence(wheel):
    info = f"hookd-{hookd.__version__}.dist-info"

    assert wheel.read(f"{info}/entry_points.txt").decode() == (
        "[console_scripts]\nhookd = hookd.cli:entry\n"
    )
    assert [name for name in wheel.namelist() if name.endswith("/LICENSE")] != []


def _toml(text):
    return parse_toml(text.encode("ascii"))


def _pins():
    text = (REPO / "packaging/requirements.txt").read_text(encoding="ascii")
    return dict(re.findall(r"^(\S+)==(\S+)", text, re.MULTILINE))


# A key, a table: prose begins with a blank.
COMMENTED = re.compile(r"(?m)^#(?=\S)")


@pytest.mark.parametrize("python", ["3.7", "3.9", "3.11", "3.13"])
def test_the_rpm_carries_what_hookd_depends_on_in_a_version_that_fits(python):
    requirements = pytest.importorskip("packaging.requirements", reason="packaging is not here")
    table = parse_toml((REPO / "pyproject.toml").read_bytes())
    unmet = []
    for line in table["project"]["dependencies"]:
        one = requirements.Requirement(line)
        if one.marker is None or one.marker.evaluate({"python_version": python}):
            pin = _pins().get(one.name, "nothing")
            unmet += [line] if pin == "nothing" or not one.specifier.contains(pin) else []
    assert unmet == []


def test_the_configuration_of_the_rpm_shows_every_key_and_the_defaults():
    text = (REPO / "packaging/hookd.toml").read_text(encoding="ascii")
    shown = _toml(COMMENTED.sub("", text.split("\n# What a check means")[0]))

    assert parse([("hookd.toml", _toml(text))]) == (Config(), ())
    assert parse([("hookd.toml", shown)]) == (Config(), ())
    keys = {section: set(readers) for section, (_, readers) in _SECTIONS.items()}
    assert {section: set(table) for section, table in shown.items()} == {
        section: names for section, names in keys.items() if section != "override"
    }


def test_the_examples_of_the_configuration_can_be_uncommented():
    text = (REPO / "packaging/hookd.toml").read_text(encoding="ascii")
    _, problems = parse([("x", _toml(COMMENTED.sub("", text)))], CHECKS)
    assert problems == ()


# Spelled so that this file does not hold what it looks for.
# Debian's rpm keeps its database at .rpmdb of root's home, inside a test's root as well.
PRIVATE = re.compile(
    r"(?<![\w.})/-])/(?:root/(?![.]rpmdb)|home/\w)|/(?:Users)/\w|pypi[.]org/simple|index[-]url"
)


def _tracked():
    listed = subprocess.run(
        ["git", "-C", str(REPO), "ls-files", "-z"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        check=False,
    )
    if listed.returncode:
        pytest.skip("not a git checkout")
    return [REPO / name for name in listed.stdout.decode().split("\0") if name]


def _private(text):
    return [line for line in text.splitlines() if PRIVATE.search(line)]


def test_no_file_names_a_home_directory_or_a_package_index():
    # Recorded logs of other machines name what those machines have.
    ours = [path for path in _tracked() if "fixtures" not in path.parts and path.is_file()]

    found = {
        path.relative_to(REPO).as_posix(): _private(path.read_text("utf-8", errors="replace"))
        for path in ours
    }

    assert {name: lines for name, lines in found.items() if lines} == {}


@pytest.mark.parametrize(
    ("line", "is_private"),
    [
        ("PYTHON = /" + "root/bin/python", True),
        ("see /" + "home/somebody/notes", True),
        ("--extra-index-" + "url somewhere", True),
        ("https://pypi." + "org/simple", True),
        ("{tmp}/" + "root/etc, installroot/" + "home/x", False),
        ("ProtectHome hides /home", False),
    ],
)
def test_the_search_tells_private_from_public(line, is_private):
    assert bool(_private(line)) is is_private
