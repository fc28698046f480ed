"""Packages that scenarios install: an .rpm and .debs, built on this machine."""

from __future__ import annotations

import os
import pathlib
import subprocess

SPEC = """\
Name: {name}
Version: {version}
Release: 1
Summary: Installed by the lab
License: Apache-2.0
BuildArch: noarch
%description
Installed by the lab.
%install
mkdir -p %{{buildroot}}/usr/share/{name}
echo {version} >%{{buildroot}}/usr/share/{name}/version
%files
/usr/share/{name}
"""
CONTROL = """\
Package: {name}
Version: {version}
Architecture: all
Maintainer: Lab <lab@example.invalid>
Description: Installed by the lab
"""


def rpm(directory: pathlib.Path, name: str, version: str) -> pathlib.Path:
    """Return NAME-VERSION-1.noarch.rpm, built in `directory`."""
    spec = directory / f"{name}-{version}.spec"
    spec.write_text(SPEC.format(name=name, version=version), encoding="ascii")
    _run("rpmbuild", "-bb", "--quiet", "--define", f"_topdir {directory}", str(spec))
    return directory / "RPMS/noarch" / f"{name}-{version}-1.noarch.rpm"


def deb(directory: pathlib.Path, name: str, version: str) -> pathlib.Path:
    """Return NAME_VERSION_all.deb, built in `directory`."""
    tree = directory / f"{name}-{version}"
    (tree / "usr/share" / name).mkdir(parents=True)
    (tree / "usr/share" / name / "version").write_text(version + "\n", "ascii")
    return deb_of(tree, name, version)


def deb_of(tree: pathlib.Path, name: str, version: str, postinst: str = "") -> pathlib.Path:
    """Return NAME_VERSION_all.deb of the files in `tree`, built beside it."""
    (tree / "DEBIAN").mkdir()
    (tree / "DEBIAN/control").write_text(CONTROL.format(name=name, version=version), "ascii")
    for folder, _, _ in os.walk(str(tree)):
        os.chmod(folder, 0o755)
    if postinst:
        (tree / "DEBIAN/postinst").write_text(postinst, "ascii")
        (tree / "DEBIAN/postinst").chmod(0o755)
    _run("dpkg-deb", "--root-owner-group", "--build", str(tree), str(tree.parent))
    return tree.parent / f"{name}_{version}_all.deb"


def _run(*argv):
    done = subprocess.run(
        argv,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    assert done.returncode == 0, done.stdout.decode("utf-8", "backslashreplace")
