"""Builds hookd-VERSION-1.ARCH.rpm (`make rpm`), for each architecture and the same bytes each time.

What hookd and its libraries are comes as wheels, checked against requirements.txt by pip.
"""

from __future__ import annotations

import argparse
import json
import os
import pathlib
import shutil
import sys
import tempfile
import zipfile

import release

# Of glibc 2.26 (Amazon Linux 2) and older. pip takes only the names it is given.
PLATFORMS = ("manylinux2014", "manylinux_2_17", "manylinux2010", "manylinux_2_12")


def main() -> None:
    options = _options()
    release.settle()
    for path in build(options.output, options.arch or release.ARCHITECTURES):
        print(path)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Build the RPMs of hookd.")
    arches = release.ARCHITECTURES
    parser.add_argument("--arch", action="append", choices=arches, help="default: each")
    parser.add_argument("--output", type=pathlib.Path, default=release.DIST, metavar="DIR")
    return parser.parse_args()


def build(output: pathlib.Path, arches: tuple[str, ...]) -> list[pathlib.Path]:
    """Build into `output` and return what was built."""
    output.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="hookd-rpm-") as scratch:
        common = pathlib.Path(scratch, "common")
        common.mkdir()
        release.python("hatchling", "build", "-t", "sdist", "-t", "wheel", "-d", str(common))
        manual = str(release.REPO / "docs/make-manual")
        release.run(manual, os.path.dirname(sys.executable), str(common))
        return [_build(arch, common, pathlib.Path(scratch, arch), output) for arch in arches]


def _build(
    arch: str, common: pathlib.Path, top: pathlib.Path, output: pathlib.Path
) -> pathlib.Path:
    sources = top / "SOURCES"
    bundled = top / f"hookd-{release.version()}-bundled"
    wheels = bundled / "wheels"
    for folder in (sources, wheels):
        folder.mkdir(parents=True)
    _download(arch, wheels)
    (bundled / "sbom.cdx.json").write_text(_sbom(wheels, top / "env"), encoding="ascii")
    for name in ("hookd.8", "hookd.bash"):
        shutil.copy(str(common / name), str(bundled))
    shutil.copy(str(next(common.glob("*.whl"))), str(wheels))
    shutil.copy(str(next(common.glob("*.tar.gz"))), str(sources))
    _archive(bundled, sources / f"{bundled.name}.tar.gz")
    _rpmbuild(arch, top)
    name = release.rpm_name(arch)
    shutil.copy(str(top / "RPMS" / arch / name), str(output))
    return output / name


def _download(arch: str, to: pathlib.Path) -> None:
    """Fetch the wheels of requirements.txt for `arch`; pip refuses what has another sha256."""
    release.python(
        *("pip", "download", "--quiet", "--disable-pip-version-check", "--require-hashes"),
        *("--no-deps", "--only-binary=:all:", f"--dest={to}"),
        *("--python-version=3.7", "--implementation=cp", "--abi=abi3", "--abi=none"),
        *(f"--platform={platform}_{arch}" for platform in PLATFORMS),
        *("-r", str(release.HERE / "requirements.txt")),
    )


def _sbom(wheels: pathlib.Path, place: pathlib.Path) -> str:
    """Return a CycloneDX document of hookd and what it brings along."""
    for wheel in wheels.iterdir():
        with zipfile.ZipFile(str(wheel)) as opened:
            opened.extractall(str(place))
    # cyclonedx-py asks a Python where it imports from; this one has the bundled libraries only.
    asked = place / "python"
    asked.write_text(f"#!/bin/sh\ncat <<'END'\n{json.dumps([str(place)])}\nEND\n", "ascii")
    asked.chmod(0o755)
    project = f"--pyproject={release.REPO / 'pyproject.toml'}"
    made = release.run(
        *(release.beside("cyclonedx-py"), "environment", "--output-reproducible"),
        *("--spec-version=1.5", "--mc-type=application", project, str(asked)),
        stdout=True,
    )
    document = json.loads(made)
    document["metadata"]["component"]["version"] = release.version()
    return json.dumps(document, indent=1, sort_keys=True) + "\n"


def _archive(folder: pathlib.Path, to: pathlib.Path) -> None:
    release.run(
        *("tar", "--create", f"--file={to}", f"--directory={folder.parent}", "--gzip"),
        *("--sort=name", "--owner=0", "--group=0", "--numeric-owner", folder.name),
    )


def _rpmbuild(arch: str, top: pathlib.Path) -> None:
    provides = [f"Provides: bundled(python3dist({n})) = {v}" for n, v in release.pins().items()]
    macros = {
        "_topdir": str(top),
        "version": release.version(),
        "libraries": "{" + "\n".join(provides) + "}",
        # The same bytes whoever builds it, where and when.
        "_buildhost": "hookd",
        "use_source_date_epoch_as_buildtime": "1",
        "clamp_mtime_to_source_date_epoch": "1",
        "source_date_epoch_from_changelog": "0",
    }
    defines = [word for name, value in macros.items() for word in ("--define", f"{name} {value}")]
    spec = str(release.HERE / "hookd.spec")
    release.run("rpmbuild", "-bb", "--quiet", "--nodeps", f"--target={arch}-linux", *defines, spec)


if __name__ == "__main__":
    main()
