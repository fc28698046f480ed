"""`make release-check` on a copy of this checkout: what may be released, and what may not."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys

import pytest
from support import package

import hookd

GIT = ("git", "-c", "user.name=test", "-c", "user.email=test@example.invalid")
UNRELEASED = "release-check: CHANGELOG.md has changes that are in no release yet"


@pytest.fixture
def place(tmp_path, rpms):
    """A committed copy of this checkout, ready to be released."""
    if not shutil.which("git"):
        pytest.skip("git is not installed")
    place = package.other_release(tmp_path / "copy", hookd.__version__)
    shutil.copy(str(package.CHECKOUT / ".gitignore"), str(place))
    log = place / "CHANGELOG.md"
    text = re.sub(
        r"(?m)^## \[Unreleased\]$", f"## [{hookd.__version__}] - 2026-12-01", log.read_text()
    )
    log.write_text(text)
    subprocess.run([*GIT, "init", "-q"], cwd=str(place), check=True)
    commit(place)
    return place


def commit(place):
    for words in (("add", "-A"), ("commit", "-q", "-m", "a release")):
        subprocess.run([*GIT, *words], cwd=str(place), check=True)


def check(place):
    return subprocess.run(
        [sys.executable, "packaging/release_check.py"],
        cwd=str(place),
        env={name: value for name, value in os.environ.items() if name != "SOURCE_DATE_EPOCH"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=280,
        check=False,
        encoding="utf-8",
    )


def test_a_release_is_built_whole_with_its_checksums(place):
    done = check(place)

    assert done.returncode == 0, done.stderr
    version = hookd.__version__
    sums = subprocess.run(
        ["sha256sum", "--check", "SHA256SUMS"],
        cwd=str(place / "dist"),
        capture_output=True,
        check=True,
        encoding="utf-8",
    )
    assert sorted(line.split(":")[0] for line in sums.stdout.splitlines()) == [
        f"distributor/hookd-{version}-1.aarch64.zip",
        f"distributor/hookd-{version}-1.x86_64.zip",
        "distributor/manifest.json",
        f"hookd-{version}-1.aarch64.rpm",
        f"hookd-{version}-1.x86_64.rpm",
        f"hookd-{version}-py3-none-any.whl",
        f"hookd-{version}.tar.gz",
    ]


def test_what_is_not_written_down_or_committed_or_the_same_twice_is_told(place):
    log = place / "CHANGELOG.md"
    log.write_text(
        "# Changelog\n\n## [Unreleased]\n\n- More.\n\n" + "## [0.0.1] - soon\n\n- Less.\n"
    )
    # one line that is another in each build
    spec = place / "packaging/hookd.spec"
    spec.write_text(spec.read_text().replace("%install\n", "%install\nmktemp >LICENSE\n"))
    spec.write_text(spec.read_text() + "%license LICENSE\n")

    done = check(place)

    found = [line for line in done.stderr.splitlines() if line.startswith("release-check: ")]
    version = hookd.__version__
    assert (done.returncode, found) == (
        1,
        [
            UNRELEASED,
            f"release-check: CHANGELOG.md has no section {version} on top",
            "release-check: there are changes that are not committed",
            f"release-check: hookd-{version}-1.x86_64.rpm differs when it is built elsewhere",
            f"release-check: hookd-{version}-1.aarch64.rpm differs when it is built elsewhere",
        ],
    )
