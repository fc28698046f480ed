"""RPMs of this checkout, built once, and roots in which the real rpm installs them.

A root is a directory with an /etc and a /var of its own and with this machine's /usr, of which it
takes every change into a layer (overlayfs): scriptlets find a shell, systemctl and find. Its
/usr/bin/python3 is the one that a test asks for.
"""

from __future__ import annotations

import fcntl
import glob
import os
import pathlib
import re
import shutil
import stat
import subprocess
import sys

CHECKOUT = pathlib.Path(__file__).resolve().parents[2]
FOLDERS = ("etc", "usr", "var/lib/rpm", "var/log", "tmp", "root", "srv", "run", "proc", "dev")
EPOCH = "1790000000"
PROGRAMS = ("rpm", "rpmbuild", "make")
# What an RPM is made of; tests and what builds leave behind are not.
SOURCES = ("hookd", "hooks.d", "packaging", "systemd", "docs", "LICENSE", "pyproject.toml")
PAGES = ("README.md", "CHANGELOG.md", "SECURITY.md")
# What hookd requires: a root has it from this machine, but not by rpm.
SYSTEM = """\
Name: system
Version: 1
Release: 1
Summary: What the system has
License: Apache-2.0
BuildArch: noarch
Provides: /bin/bash /bin/sh /usr/bin/python3 findutils systemd
%description
What the system has.
%files
"""
ENTER = """\
set -eu
root=$1 layers=$2 pythons=$3
shift 3
mount -t overlay overlay -o "$layers" "$root/usr"
mount --rbind /proc "$root/proc"
mount --rbind /dev "$root/dev"
for prefix in $pythons; do mkdir -p "$root$prefix" && mount --bind "$prefix" "$root$prefix"; done
exec chroot "$root" "$@"
"""


def why_not_built() -> str:
    """Return why this environment cannot build an RPM, or nothing."""
    missing = [name for name in PROGRAMS if not shutil.which(name)]
    beside = os.path.dirname(sys.executable)
    tools = ("argparse-manpage", "shtab", "cyclonedx-py")
    missing += [name for name in tools if not shutil.which(name, path=beside)]
    return "not installed (extras `docs` and `package`): " + ", ".join(missing) if missing else ""


def why_no_root() -> str:
    """Return why no root can stand here, or nothing."""
    if os.geteuid() != 0:
        return "roots are mounted by root"
    if not os.path.islink("/bin"):
        return "/bin is not in /usr"
    tried = subprocess.run(
        ["unshare", "--mount", "--net", "--propagation", "private", "true"],
        capture_output=True,
        check=False,
    )
    return f"no mount namespaces: {tried.stderr!r}" if tried.returncode else ""


def build(output: pathlib.Path, *words: str, checkout: pathlib.Path = CHECKOUT, **environment):
    """Run packaging/build_rpm.py of `checkout`, and return the RPMs in `output` by architecture."""
    done = subprocess.run(
        [sys.executable, str(checkout / "packaging/build_rpm.py"), "--output", str(output), *words],
        env={**os.environ, "SOURCE_DATE_EPOCH": EPOCH, **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=280,
        check=False,
        encoding="utf-8",
    )
    assert done.returncode == 0, done.stdout
    return {path.name.split(".")[-2]: path for path in sorted(output.glob("*.rpm"))}


def built_once(shared: pathlib.Path):
    """Return this checkout's RPMs by architecture, from `shared`, which workers have in common."""
    with open(str(shared / "rpms.lock"), "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = shared / "rpms"
        if not done.is_dir():
            build(shared / "rpms.partial")
            (shared / "rpms.partial").rename(done)
    return {path.name.split(".")[-2]: path for path in sorted(done.glob("*.rpm"))}


def build_system(place: pathlib.Path) -> pathlib.Path:
    """Return an RPM, built in `place`, that provides what hookd requires and has no files."""
    spec = place / "system.spec"
    spec.write_text(SYSTEM, encoding="ascii")
    define = ("--define", f"_topdir {place}", "--define", f"_dbpath {place}/db")
    subprocess.run(["rpmbuild", "-bb", "--quiet", *define, str(spec)], check=True)
    return place / "RPMS/noarch/system-1-1.noarch.rpm"


def other_release(place: pathlib.Path, version: str) -> pathlib.Path:
    """Return a copy of this checkout in `place` that says it is `version`."""
    skipped = shutil.ignore_patterns("__pycache__")
    for name in SOURCES + PAGES:
        source = CHECKOUT / name
        if source.is_dir():
            shutil.copytree(str(source), str(place / name), ignore=skipped)
        else:
            shutil.copy(str(source), str(place / name))
    module = place / "hookd/__init__.py"
    text = re.sub(r'(?m)^__version__ = ".+"$', f'__version__ = "{version}"', module.read_text())
    module.write_text(text)
    return place


def interpreter(version: str) -> str:
    """Return the path of a Python `version` (like 3.7) on this machine, or "" without one."""
    places = glob.glob(os.path.expanduser(f"~/.pyenv/versions/{version}.*/bin/python{version}"))
    for path in (*sorted(places), shutil.which(f"python{version}") or ""):
        if path and subprocess.run([path, "-V"], capture_output=True, check=False).returncode == 0:
            return os.path.realpath(path)
    return ""


class PackageRoot:
    """One root, in the empty directory `place`; `system` is what `build_system` made."""

    def __init__(self, place: pathlib.Path, system: pathlib.Path) -> None:
        self.path = place / "root"
        self.upper, self.work = place / "upper", place / "work"
        self.pythons: list[str] = []
        # of its own: servers of other tests come and go on this machine
        self.network = ("--net",)
        for folder in (self.upper, self.work, *map(self.path.joinpath, FOLDERS)):
            folder.mkdir(parents=True)
        for link in ("bin", "lib", "lib64", "sbin"):
            (self.path / link).symlink_to(f"usr/{link}")
        self.put("etc/passwd", b"root:x:0:0::/root:/bin/sh\n")
        self.put("etc/group", b"root:x:0:\n")
        # Debian's rpm keeps its database in the caller's home; elsewhere it is the system's.
        self.put("etc/rpm/macros", b"%_dbpath /var/lib/rpm\n")
        self.install(system)

    def run(self, command, *, environment=None):
        """Run `command` (a list, or text for sh) to its end, and return how it ended."""
        argv = ("sh", "-c", command) if isinstance(command, str) else tuple(command)
        layers = f"lowerdir=/usr,upperdir={self.upper},workdir={self.work}"
        unshare = ("unshare", *self.network, "--mount", "--propagation", "private")
        outside = (*unshare, "sh", "-c", ENTER, "sh")
        return subprocess.run(
            (*outside, str(self.path), layers, " ".join(self.pythons), *argv),
            env={
                "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
                "HOME": "/root",
                "LC_ALL": "C.UTF-8",
                "AWS_EC2_METADATA_DISABLED": "true",
                **(environment or {}),
            },
            cwd="/",
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=120,
            check=False,
            encoding="utf-8",
        )

    def must(self, command, **options) -> str:
        """Run `command` and return its stdout; it must end with 0."""
        done = self.run(command, **options)
        assert done.returncode == 0, (command, done.stdout, done.stderr)
        return done.stdout

    def rpm(self, *words: str) -> tuple[int, list[str]]:
        """Run rpm here; return its exit code and lines, without what Debian's says to everybody."""
        done = self.run(["rpm", *words])
        said = (done.stdout + done.stderr).splitlines()
        return done.returncode, [line for line in said if not line.startswith("rpm: ")]

    def install(self, package: pathlib.Path, how: str = "-i") -> list[str]:
        """Install `package`, or upgrade to it, and return what rpm says."""
        self.put("srv/" + package.name, package.read_bytes())
        code, said = self.rpm(*how.split(), "/srv/" + package.name)
        assert code == 0, said
        return said

    def put(self, path: str, content: bytes, mode: int = 0o644) -> None:
        """Write a file into the root; `path` is without the leading slash."""
        target = self.at(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
        target.chmod(mode)

    def at(self, path: str) -> pathlib.Path:
        """Return where the file of the root lies, which came into it after it was made."""
        below_usr = path[4:] if path.startswith("usr/") else None
        return self.path / path if below_usr is None else self.upper / below_usr

    def use_python(self, path: str) -> None:
        """Make the Python at `path` this root's /usr/bin/python3."""
        self.pythons = sorted({*self.pythons, str(pathlib.Path(path).parent.parent)} - {"/usr"})
        link = self.at("usr/bin/python3")
        link.parent.mkdir(parents=True, exist_ok=True)
        if link.is_symlink():
            link.unlink()
        link.symlink_to(path)

    def ours(self) -> list[str]:
        """Return every path of the root, but for the work of rpm, that has hookd in its name."""
        found = set()
        for top, prefix in ((self.path, ""), (self.upper, "usr/")):
            for folder, folders, files in os.walk(str(top)):
                for name in (*folders, *files):
                    path = prefix + os.path.relpath(os.path.join(folder, name), str(top))
                    is_gone = stat.S_ISCHR(os.lstat(os.path.join(folder, name)).st_mode)
                    if "hookd" in path and not path.startswith("srv/") and not is_gone:
                        found.add(path)
        return sorted(found)
