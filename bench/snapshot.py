"""A snapshot of 1,500 rpm packages, beside rpm -qa of the same fields."""

from __future__ import annotations

import hashlib
import os
import pathlib
import shutil
import subprocess
from typing import Iterator

from measure import call, fastest, run
from place import CACHE, Place
from row import Row

from hookd.core.readings import PackageSet
from hookd.system import snapshot
from hookd.system.packages import rpmdb
from hookd.system.process import command
from hookd.system.root import Root

COUNT = 1500
_FILES = 60
_DATABASE = "var/lib/rpm"
_QUERY = r"%{NAME}\t%{EPOCHNUM}\t%{VERSION}\t%{RELEASE}\t%{ARCH}\t%{INSTALLTIME}\n"

_HEAD = f"""\
Name: bench
Version: 1.0
Release: 1.amzn2
Summary: Packages to count
License: Apache-2.0
BuildArch: noarch
AutoReqProv: no
%description
%install
mkdir -p %{{buildroot}}/usr/share/bench
for n in $(seq {_FILES}); do echo $n > %{{buildroot}}/usr/share/bench/file-$n; done
"""
_ONE = """\
%package -n package-{0:04}
Version: 1.{0}
Summary: Package {0}
%description -n package-{0:04}
One of many.
%files -n package-{0:04}
/usr/share/bench/*
"""
SPEC = _HEAD + "".join(map(_ONE.format, range(COUNT)))


def rows(place: Place) -> Iterator[Row]:
    missing = [name for name in ("rpm", "rpmbuild") if not shutil.which(name)]
    if missing:
        yield Row(f"{COUNT:,} rpm packages", budget=1.3, skipped=f"no {' and no '.join(missing)}")
        return
    root = machine(place)
    argv = ["rpm", "--root", str(root), "--dbpath", f"/{_DATABASE}", "-qa", "--qf", _QUERY]
    least = fastest(
        place.fast,
        rpm=lambda: run(argv, place.environment).ms,
        read=lambda: call(lambda: _counted(rpmdb.read(Root(str(root)), command.run))),
        take=lambda: call(lambda: _counted(_take(root))),
    )
    for name, what in (("read", "{:,} rpm packages"), ("take", "snapshot of {:,} rpm packages")):
        yield Row(
            what.format(COUNT), place.here.name, least[name], "ms", "rpm -qa", least["rpm"], 1.3
        )


def _take(root: pathlib.Path) -> PackageSet:
    at = "2026-11-05T04:18:07.123456Z"
    taken = snapshot.take(Root(str(root)), command.run, name="before", at=at, previous=None)
    return taken.packages[0]


def _counted(found: PackageSet) -> None:
    if len(found.installed) != COUNT:
        raise RuntimeError(f"{len(found.installed)} packages were read: {found.reason}")


def machine(place: Place) -> pathlib.Path:
    """Return a root with the database, built once and kept in the cache."""
    root = place.root().path
    kept = CACHE / f"rpm-{hashlib.sha256(SPEC.encode()).hexdigest()[:12]}"
    if not kept.is_dir():
        print(f"building {COUNT:,} rpm packages, once ...", flush=True)
        _build(kept)
    shutil.copytree(str(kept), str(root / _DATABASE))
    return root


def _build(kept: pathlib.Path) -> None:
    """Fill `kept` with a database. Raises CalledProcessError."""
    top = CACHE / "building"
    shutil.rmtree(str(top), ignore_errors=True)
    top.mkdir(parents=True)
    spec, root = top / "bench.spec", top / "root"
    spec.write_text(SPEC)
    defines = ["--define", f"_topdir {top}", "--define", "_build_id_links none"]
    _quietly(["rpmbuild", "-bb", *defines, str(spec)])
    built = sorted(map(str, (top / "RPMS").rglob("*.rpm")))
    flags = ["--justdb", "--nodeps", "--noscripts", "--nosignature", "--ignorearch"]
    _quietly(["rpm", "--root", str(root), "--dbpath", f"/{_DATABASE}", "-i", *flags, *built])
    os.rename(str(root / _DATABASE), str(kept))
    shutil.rmtree(str(top))


def _quietly(argv: list[str]) -> None:
    log = CACHE / "build.log"
    with log.open("ab") as file:
        try:
            subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=file, stderr=file, check=True)
        except subprocess.CalledProcessError as error:
            raise RuntimeError(f"{argv[0]} failed, see {log}") from error
