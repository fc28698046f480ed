"""Builds all of a release in dist/ and holds it to what it says of itself (`make release-check`).

Ends 1 with everything that is not as it should be. Builds the RPMs twice, the second time from a
copy of the checkout elsewhere, and writes SHA256SUMS, which sha256sum(1) reads.
"""

from __future__ import annotations

import hashlib
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile

import build_distributor
import build_rpm
import release


def main() -> None:
    problems = [*_changelog(), *_tree()]
    epoch = release.settle()
    shutil.rmtree(str(release.DIST), ignore_errors=True)
    rpms = build_rpm.build(release.DIST, release.ARCHITECTURES)
    release.python("hatchling", "build", "-t", "sdist", "-t", "wheel", "-d", str(release.DIST))
    build_distributor.build(release.DIST, release.DIST / "distributor", epoch)
    problems += [*_versions(rpms), *_again(rpms)]
    _checksums()
    for problem in problems:
        print(f"release-check: {problem}", file=sys.stderr)
    if problems:
        raise SystemExit(1)
    print(f"hookd {release.version()} may be released: dist/SHA256SUMS")


def _changelog() -> list[str]:
    text = (release.REPO / "CHANGELOG.md").read_text(encoding="utf-8")
    sections = re.findall(r"(?ms)^## \[?([^\]\s]+)\]?(?: - (\S+))?\n(.*?)(?=^## |\Z)", text)
    dated = [(name, date) for name, date, _ in sections if name != "Unreleased"]
    found = []
    if any(name == "Unreleased" and body.strip() for name, _, body in sections):
        found.append("CHANGELOG.md has changes that are in no release yet")
    if not dated or dated[0][0] != release.version():
        found.append(f"CHANGELOG.md has no section {release.version()} on top")
    elif not re.fullmatch(r"\d{4}-\d\d-\d\d", dated[0][1]):
        found.append(f"CHANGELOG.md does not say when {release.version()} is from")
    return found


def _tree() -> list[str]:
    changed = release.run("git", "status", "--porcelain", stdout=True)
    return ["there are changes that are not committed"] if changed.strip() else []


def _versions(rpms: list[pathlib.Path]) -> list[str]:
    """Ask everything that was built for its version."""
    said = {}
    for rpm in rpms:
        said[rpm.name] = release.run("rpm", "-qp", "--qf", "%{VERSION}", str(rpm), stdout=True)
    wheel = next(release.DIST.glob("*.whl"))
    with zipfile.ZipFile(str(wheel)) as opened:
        metadata = next(name for name in opened.namelist() if name.endswith("/METADATA"))
        said[wheel.name] = re.findall(r"(?m)^Version: (.+)$", opened.read(metadata).decode())[0]
    sdist = next(release.DIST.glob("*.tar.gz"))
    said[sdist.name] = sdist.name[len("hookd-") : -len(".tar.gz")]
    manifest = release.DIST / "distributor/manifest.json"
    said["manifest.json"] = json.loads(manifest.read_text("ascii"))["version"]
    wanted = release.version()
    return [f"{name} says it is {found}" for name, found in said.items() if found != wanted]


def _again(rpms: list[pathlib.Path]) -> list[str]:
    """Build the RPMs from a copy and compare."""
    with tempfile.TemporaryDirectory(prefix="hookd-again-") as scratch:
        copy, output = os.path.join(scratch, "hookd"), os.path.join(scratch, "dist")
        skipped = shutil.ignore_patterns(".?*", "dist", "build", "__pycache__")
        shutil.copytree(str(release.REPO), copy, ignore=skipped)
        program = os.path.join(copy, "packaging", "build_rpm.py")
        subprocess.run([sys.executable, program, "--output", output], stderr=sys.stderr, check=True)
        return [
            f"{rpm.name} differs when it is built elsewhere"
            for rpm in rpms
            if pathlib.Path(output, rpm.name).read_bytes() != rpm.read_bytes()
        ]


def _checksums() -> None:
    files = sorted(path for path in release.DIST.rglob("*") if path.is_file())
    lines = [
        f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.relative_to(release.DIST)}\n"
        for path in files
    ]
    (release.DIST / "SHA256SUMS").write_text("".join(lines), encoding="ascii")


if __name__ == "__main__":
    main()
