"""A lab of RPMs built on the fly, and roots in which the real dnf and rpm install them.

Every root starts as a machine that was patched last month: all of repository r1 (old versions) but
`app` and `dep` is installed by a real dnf. Repository r2 has what came out since.
"""

from __future__ import annotations

import contextlib
import os
import pathlib
import shutil
import signal
import subprocess
import time

from support import rpmspecs

PROGRAMS = ("dnf", "rpm", "rpmbuild", "createrepo_c", "busybox")
SEEDED = ("busybox", "hello", "oldfoo", "failpre", "aaa", "slow", "zzz", "openssl-libs", "tilde")

DNF_CONF = """\
[main]
gpgcheck=0
plugins=0
installonly_limit=3
metadata_expire=never
reposdir=/dev/null
[r1]
name=last month
baseurl=file://{repos}/r1
[r2]
name=this month
baseurl=file://{repos}/r2
"""


def why_not() -> str:
    """Return why no lab can stand on this machine, or nothing."""
    missing = [program for program in PROGRAMS if not shutil.which(program)]
    if missing:
        return "not installed: " + ", ".join(missing)
    if b"/ld-" in pathlib.Path(shutil.which("busybox")).read_bytes()[:4096]:
        return "busybox is not static: it would not run inside a root"
    if os.uname().machine != "x86_64":
        return "the packages of the lab are x86_64's"
    if os.geteuid() != 0:
        return "dnf --installroot and the chroot of scriptlets need root"
    return ""


class Lab:
    """Repositories r1 and r2 below `directory`, and the seed that new roots are copies of."""

    def __init__(self, directory: os.PathLike[str] | str) -> None:
        self.directory = pathlib.Path(directory)
        self.home = self.directory / "home"
        self.repos = self.directory / "repos"
        self._roots = 0
        self._write_configuration()
        self._build("r1", rpmspecs.OLD)
        self._build("r2", rpmspecs.NEW)
        self._seed = self._install_seed()

    def new_root(self) -> InstallRoot:
        """Return a root of its own, as last month's patching left it."""
        self._roots += 1
        path = self.directory / f"root-{self._roots}"
        shutil.copytree(self._seed.path, path, symlinks=True)
        return InstallRoot(self, path)

    def environment(self) -> dict[str, str]:
        """Return the environment that keeps the host's macros and locale out of rpm and dnf."""
        return {
            "HOME": str(self.home),
            "TMPDIR": str(self.directory / "tmp"),
            "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "LC_ALL": "C.UTF-8",
            "TZ": "UTC",
        }

    def _write_configuration(self) -> None:
        self.home.mkdir(parents=True)
        (self.directory / "tmp").mkdir()
        # Debian's rpm keeps its database in ~/.rpmdb; Red Hat's place is what hookd must find.
        (self.home / ".rpmmacros").write_text("%_dbpath /var/lib/rpm\n")
        (self.directory / "dnf.conf").write_text(DNF_CONF.format(repos=self.repos))

    def _build(self, repository: str, specs: list[str]) -> None:
        top = self.directory / "build" / repository
        (top / "SPECS").mkdir(parents=True)
        paths = []
        for number, spec in enumerate(specs):
            paths.append(top / "SPECS" / f"{number}.spec")
            paths[-1].write_text(spec)
        macros = {
            "_topdir": top,
            "_tmppath": self.directory / "tmp",
            "_dbpath": self.directory / "build" / "rpmdb",  # rpmbuild would make one on the host
            "_rpmdir": self.repos / repository,
            "_build_name_fmt": "%%{NAME}-%%{VERSION}-%%{RELEASE}.%%{ARCH}.rpm",
            "debug_package": "%{nil}",
            "__os_install_post": "%{nil}",
        }
        defines = [word for name in macros for word in ("--define", f"{name} {macros[name]}")]
        self._must(["rpmbuild", "-bb", "--quiet", "--target", "x86_64", *defines, *map(str, paths)])
        self._must(["createrepo_c", "-q", str(self.repos / repository)])

    def _install_seed(self) -> InstallRoot:
        seed = InstallRoot(self, self.directory / "seed")
        kernels = [f"kernel-{release}" for release in rpmspecs.OLD_KERNELS]
        done = seed.dnf("install", *SEEDED, *kernels, repos=("r1",))
        assert done.returncode == 0, done.stdout
        # rpm keeps install times in whole seconds: what comes next must not share the seed's.
        second = int(time.time())
        _until(lambda: int(time.time()) > second, "the clock stands still")
        return seed

    def _must(self, argv: list[str]) -> None:
        done = subprocess.run(
            argv,
            env=self.environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stdout.decode("utf-8", "replace")


class InstallRoot:
    """A directory that stands for `/`, with an rpm database, logs and a history of its own."""

    def __init__(self, lab: Lab, path: pathlib.Path) -> None:
        self.lab = lab
        self.path = path

    def dnf(
        self, *words: str, repos: tuple[str, ...] = ("r1", "r2")
    ) -> subprocess.CompletedProcess:
        """Run `dnf WORDS` here with only `repos` in sight; stdout is text with stderr in it."""
        return self._run(self._dnf_argv(words, repos))

    def rpm(self, *words: str) -> subprocess.CompletedProcess:
        """Run `rpm WORDS` here; stdout is text with stderr in it."""
        return self._run(["rpm", f"--root={self.path}", *words])

    def evrs(self) -> dict[str, list[str]]:
        """Return the installed packages: `name.arch` to its EVRs, as rpm itself lists them."""
        query = "%{NAME}.%{ARCH} %|EPOCH?{%{EPOCH}:}:{}|%{VERSION}-%{RELEASE}\n"
        found: dict[str, list[str]] = {}
        for line in self.rpm("-qa", "--qf", query).stdout.splitlines():
            name, _blank, evr = line.partition(" ")
            # Debian's rpm says on stderr that one should use alien.
            if name != "rpm:":
                found.setdefault(name, []).append(evr)
        return {name: sorted(found[name]) for name in sorted(found)}

    def dnf_killed_in_the_middle(
        self, *words: str, repos: tuple[str, ...] = ("r1", "r2")
    ) -> subprocess.CompletedProcess:
        """Run `dnf WORDS`, and SIGKILL it while %post of slow 1.1 runs. Its children end too."""
        (self.path / rpmspecs.HANG).touch()
        process = subprocess.Popen(
            self._dnf_argv(words, repos),
            env=self.lab.environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            scriptlet = self._wait_for_scriptlet(process)
        finally:
            process.kill()
            process.wait()
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        _until(lambda: _is_gone(scriptlet), "the scriptlet outlived dnf")
        (self.path / rpmspecs.HANG).unlink()
        return subprocess.CompletedProcess(process.args, process.returncode, "")

    def _wait_for_scriptlet(self, process: subprocess.Popen) -> int:
        told = self.path / rpmspecs.HUNG

        def is_told() -> bool:
            assert process.poll() is None, "dnf ended before %post of slow was reached"
            return told.exists() and told.read_text().endswith("\n")

        _until(is_told, "%post of slow never ran")
        return int(told.read_text())

    def _dnf_argv(self, words: tuple[str, ...], repos: tuple[str, ...]) -> list[str]:
        seen = [f"--repo={name}" for name in repos] or ["--disablerepo=*"]
        config = self.lab.directory / "dnf.conf"
        base = ["dnf", "-y", f"--config={config}", f"--installroot={self.path}", "--releasever=2"]
        return [*base, *seen, *words]

    def _run(self, argv: list[str]) -> subprocess.CompletedProcess:
        return subprocess.run(
            argv,
            env=self.lab.environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            timeout=120,
            check=False,
        )


def _until(condition, complaint: str, limit_s: float = 60.0) -> None:
    deadline = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < deadline, complaint
        time.sleep(0.01)


def _is_gone(pid: int) -> bool:
    try:
        stat = pathlib.Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return True
    # An orphan stays a zombie where PID 1 of a container reaps nobody.
    return stat.rpartition(")")[2].split()[0] == "Z"
