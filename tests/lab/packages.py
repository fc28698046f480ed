"""Packages that scenarios install: an .rpm and .debs, built on this machine."""

from __future__ import annotations

import os
import pathlib
import subprocess
from typing import Sequence

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
# What is in a tree, as it is there: nothing is stripped, compiled or asked what it requires.
SPEC_OF_TREE = """\
Name: {name}
Version: {version}
Release: 1
Summary: Installed by the lab
License: Apache-2.0
AutoReqProv: no
%global __os_install_post %{{nil}}
%global debug_package %{{nil}}
%description
Installed by the lab.
%install
cp -R {tree}/. %{{buildroot}}
{scriptlet}
%files
{files}
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


def deb_of(
    tree: pathlib.Path, name: str, version: str, postinst: str = "", config: Sequence[str] = ()
) -> pathlib.Path:
    """Return NAME_VERSION_all.deb of the files in `tree`, built beside it.

    `config` are those of them that are the admin's (conffiles).
    """
    control = tree / "DEBIAN"
    control.mkdir()
    (control / "control").write_text(CONTROL.format(name=name, version=version), "ascii")
    (control / "conffiles").write_text("".join(f"{path}\n" for path in config), "ascii")
    for folder, _, _ in os.walk(str(tree)):
        os.chmod(folder, 0o755)
    if postinst:
        (control / "postinst").write_text(postinst, "ascii")
        (control / "postinst").chmod(0o755)
    _run("dpkg-deb", "--root-owner-group", "-Znone", "--build", str(tree), str(tree.parent))
    return tree.parent / f"{name}_{version}_all.deb"


def rpm_of(
    tree: pathlib.Path, name: str, version: str, post: str = "", config: Sequence[str] = ()
) -> pathlib.Path:
    """Return NAME-VERSION-1.ARCH.rpm of the files in `tree`, built beside it.

    `config` are those of them that are the admin's. It wants /bin/sh, which no RPM here provides.
    """
    files = [f"/{path.relative_to(tree)}" for path in sorted(tree.rglob("*")) if path.is_file()]
    listed = [f"%config(noreplace) {path}" if path in config else path for path in files]
    spec = tree.with_name(f"{tree.name}.spec")
    scriptlet = f"%post\n{post}" if post else ""
    spec.write_text(
        SPEC_OF_TREE.format(
            name=name, version=version, tree=tree, scriptlet=scriptlet, files="\n".join(listed)
        ),
        encoding="ascii",
    )
    _run("rpmbuild", "-bb", "--quiet", "--define", f"_topdir {tree.parent}", str(spec))
    [built] = (tree.parent / "RPMS").glob(f"*/{name}-{version}-1.*.rpm")
    return built


def _run(*argv):
    done = subprocess.run(
        argv,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    assert done.returncode == 0, done.stdout.decode("utf-8", "backslashreplace")
