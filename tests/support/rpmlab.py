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

PROGRAMS = ("dnf", "rpm", "rpmbuild", "createrepo_c", "busybox")
BUSYBOX_APPLETS = ("sh", "sleep", "ls", "cat", "mkdir", "touch", "rm")
SEEDED = ("busybox", "hello", "oldfoo", "failpre", "aaa", "slow", "zzz", "openssl-libs", "tilde")
OLD_KERNELS = ("4.14.101-91.76.amzn2", "4.14.102-92.76.amzn2", "4.14.103-93.76.amzn2")
NEW_KERNEL = "4.14.104-94.76.amzn2"

# %post of slow 1.1 blocks only where a test asked for it, and tells the pid that blocks.
HANG = "var/lib/slow.hang"
HUNG = "var/lib/slow.pid"

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

SPEC = """\
Name: {name}
Version: {version}
Release: {release}
{tags}
Summary: A package of the test lab
License: Apache-2.0
BuildArch: {arch}
AutoReqProv: no
%description
A package of the test lab.
%install
{install}
{scriptlets}
%files
{files}
"""


def why_not() -> str:
    """Return why no lab can stand on this machine, or nothing."""
    missing = [program for program in PROGRAMS if not shutil.which(program)]
    if missing:
        return "not installed: " + ", ".join(missing)
    if b"/ld-" in pathlib.Path(shutil.which("busybox")).read_bytes()[:4096]:
        return "busybox is not static: it would not run inside a root"
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
        self._build("r1", [*OLD_PACKAGES, *map(_kernel, OLD_KERNELS)])
        self._build("r2", [*NEW_PACKAGES, _kernel(NEW_KERNEL)])
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
        kernels = [f"kernel-{release}" for release in OLD_KERNELS]
        done = seed.dnf("install", *SEEDED, *kernels, repos=("r1",))
        assert done.returncode == 0, done.stdout
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
        (self.path / HANG).touch()
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
        (self.path / HANG).unlink()
        return subprocess.CompletedProcess(process.args, process.returncode, "")

    def _wait_for_scriptlet(self, process: subprocess.Popen) -> int:
        told = self.path / HUNG

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


# -- the packages ----------------------------------------------------------------------------


def _spec(
    name: str,
    version: str,
    release: str = "1.amzn2",
    *,
    arch: str = "noarch",
    tags: tuple[str, ...] = (),
    scriptlets: str = "",
    files: dict[str, str] | None = None,
) -> str:
    """Return a spec file; `files` maps paths to contents, by default one that tells the version."""
    contents = files or {f"/usr/share/{name}/version": f"{version}-{release}"}
    lines = []
    for path in contents:
        lines.append(f"mkdir -p %{{buildroot}}{os.path.dirname(path)}")
        lines.append(f"echo '{contents[path]}' >%{{buildroot}}{path}")
    return SPEC.format(
        name=name,
        version=version,
        release=release,
        arch=arch,
        tags="\n".join(tags),
        scriptlets=scriptlets,
        install="\n".join(lines),
        files="\n".join(contents),
    )


def _busybox() -> str:
    install = [
        "mkdir -p %{buildroot}/bin",
        f"cp {shutil.which('busybox')} %{{buildroot}}/bin/busybox",
    ]
    for applet in BUSYBOX_APPLETS:
        install.append(f"ln -s busybox %{{buildroot}}/bin/{applet}")
    return SPEC.format(
        name="busybox",
        version="1.35.0",
        release="1.amzn2",
        arch="x86_64",
        tags="Provides: /bin/sh",
        scriptlets="",
        install="\n".join(install),
        files="/bin/*",
    )


def _kernel(release: str) -> str:
    version, _dash, rpm_release = release.partition("-")
    uname = f"{release}.x86_64"
    files = {
        f"/boot/vmlinuz-{uname}": "a kernel",
        f"/boot/initramfs-{uname}.img": "an initramfs",
        f"/lib/modules/{uname}/modules.dep": "kernel/fs/xfs/xfs.ko:",
    }
    return _spec("kernel", version, rpm_release, arch="x86_64", files=files)


def _slow(version: str) -> str:
    post = f"%post -p /bin/sh\n[ -e /{HANG} ] || exit 0\necho $$ >/{HUNG}\nexec sleep 60"
    return _spec(
        "slow",
        version,
        tags=("Requires: /bin/sh", "OrderWithRequires: aaa"),
        scriptlets=post if version == "1.1" else "",
    )


def _around_slow(version: str) -> list[str]:
    """Return aaa, which rpm installs before slow, and zzz, which it installs after it."""
    return [
        _spec("aaa", version),
        _slow(version),
        _spec("zzz", version, tags=("OrderWithRequires: slow",)),
    ]


OLD_PACKAGES = [
    _busybox() if shutil.which("busybox") else "",
    _spec("hello", "1.0"),
    _spec("dep", "1.0"),
    _spec("app", "1.0", tags=("Requires: dep",)),
    _spec("oldfoo", "1.0"),
    _spec("failpre", "1.0", tags=("Requires: /bin/sh",)),
    _spec("openssl-libs", "1.0.2k", "19.amzn2.0.3", arch="x86_64", tags=("Epoch: 1",)),
    _spec("tilde", "2.0~rc1"),
    *_around_slow("1.0"),
]

NEW_PACKAGES = [
    _spec("hello", "1.1"),
    _spec("newfoo", "1.0", tags=("Obsoletes: oldfoo < 2",)),
    _spec(
        "failpre",
        "1.1",
        tags=("Requires: /bin/sh", "Requires(pre): /bin/sh"),
        scriptlets="%pre -p /bin/sh\nexit 1",
    ),
    _spec("openssl-libs", "1.0.2k", "19.amzn2.0.4", arch="x86_64", tags=("Epoch: 1",)),
    _spec("tilde", "2.0"),
    *_around_slow("1.1"),
]
