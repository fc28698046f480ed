"""The spec files of the test lab's packages: last month's repository r1 and this month's r2."""

from __future__ import annotations

import os
import shutil

BUSYBOX_APPLETS = ("sh", "sleep", "ls", "cat", "mkdir", "touch", "rm")
OLD_KERNELS = ("4.14.101-91.76.amzn2", "4.14.102-92.76.amzn2", "4.14.103-93.76.amzn2")
NEW_KERNEL = "4.14.104-94.76.amzn2"

# %post of slow 1.1 blocks only where a test asked for it, and tells the pid that blocks.
HANG = "var/lib/slow.hang"
HUNG = "var/lib/slow.pid"

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


OLD = [
    _busybox() if shutil.which("busybox") else "",
    _spec("hello", "1.0"),
    _spec("dep", "1.0"),
    _spec("app", "1.0", tags=("Requires: dep",)),
    _spec("oldfoo", "1.0"),
    _spec("failpre", "1.0", tags=("Requires: /bin/sh",)),
    _spec("openssl-libs", "1.0.2k", "19.amzn2.0.3", arch="x86_64", tags=("Epoch: 1",)),
    _spec("tilde", "2.0~rc1"),
    *_around_slow("1.0"),
    *map(_kernel, OLD_KERNELS),
]

NEW = [
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
    _kernel(NEW_KERNEL),
]
