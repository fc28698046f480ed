"""The two kernels of a virtual machine, as RPMs: Debian's cloud kernels under names of RHEL's form.

Kernel packages of Amazon Linux and RHEL are called so that `uname -r` is VERSION-RELEASE.ARCH.
Debian's are not, so the release string in the kernel is overwritten with one as long that is.
"""

from __future__ import annotations

import gzip
import pathlib
import re
import struct
import subprocess
import tempfile

from lab.layers import CannotMake, layer, run

DEBIANS = re.compile(r"linux-image-(6\.1\.0)-(\d+)(-cloud-amd64)")
OURS = ".lab1.x86_64"

# What reaches the disk and the guest agent's port; file systems and the rest are built in.
MODULES = (
    "virtio.ko",
    "virtio_ring.ko",
    "virtio_pci.ko",
    "virtio_pci_legacy_dev.ko",
    "virtio_pci_modern_dev.ko",
    "virtio_blk.ko",
    "virtio_console.ko",
)

SPEC = """\
Name: kernel
Version: {version}
Release: {release}
Summary: Debian's cloud kernel, renamed
License: GPL-2.0-only
AutoReqProv: no
Provides: installonlypkg(kernel)
Requires(posttrans): /usr/bin/kernel-install
%global __os_install_post %{{nil}}
%global debug_package %{{nil}}
%define _binary_payload w1.gzdio
%description
Built by hookd's lab.
%install
cp -R {tree}/. %{{buildroot}}
%posttrans
/usr/bin/kernel-install add {uname} /lib/modules/{uname}/vmlinuz || exit $?
%preun
/usr/bin/kernel-install remove {uname} || exit $?
%files
/lib/modules/{uname}
%ghost /boot/vmlinuz-{uname}
%ghost /boot/initramfs-{uname}.img
"""

# rpm knows of nothing that dpkg has installed.
USERLAND = """\
Name: userland
Version: 1
Release: 1
Summary: Stands for what is no RPM
License: Apache-2.0
BuildArch: noarch
Provides: /bin/sh
Provides: /usr/bin/kernel-install
%description
Built by hookd's lab.
%files
"""


def repository() -> pathlib.Path:
    """Return a layer with two kernels in /srv/repo, ready for dnf, and /srv/userland-*.rpm."""
    return layer("kernels", _make, pathlib.Path(__file__).read_bytes())


def releases() -> list[str]:
    """Return what `uname -r` says under each of the two, the older one first."""
    names = [file.name for file in (repository() / "srv/repo").glob("kernel-*.rpm")]
    found = [name[len("kernel-") : -len(".rpm")] for name in names]
    return sorted(found, key=lambda release: [int(part) for part in re.findall(r"\d+", release)])


def _make(to):
    with tempfile.TemporaryDirectory(prefix="kernels-", dir=str(to.parent)) as directory:
        work = pathlib.Path(directory)
        repo = to / "srv/repo"
        repo.mkdir(parents=True)
        for package in _two_newest():
            _kernel(work, package, repo)
        _rpm(work, "userland", USERLAND, to / "srv")
    run("createrepo_c", "--quiet", str(repo))


def _two_newest():
    """Return the names of Debian's two newest packages of one line, as apt knows them."""
    listed = run("apt-cache", "search", "--names-only", "^linux-image-6.1.0-[0-9]+-cloud-amd64$")
    names = [line.split(" ")[0] for line in listed.splitlines()]
    fitting = [name for name in names if DEBIANS.fullmatch(name)]
    if len(fitting) < 2:
        raise CannotMake(f"apt knows fewer than two of Debian's 6.1 cloud kernels: {fitting}")
    return sorted(fitting, key=lambda name: int(DEBIANS.fullmatch(name).group(2)))[-2:]


def _kernel(work, package, repo):
    version, number, flavour = DEBIANS.fullmatch(package).groups()
    theirs, ours = f"{version}-{number}{flavour}", f"{version}-{number}{OURS}"
    download, debian, tree = (work / f"{package}{end}" for end in ("", ".debian", ".tree"))
    download.mkdir()
    run("apt-get", "-qq", "download", package, cwd=download)
    run("dpkg-deb", "--extract", *map(str, download.glob("*.deb")), str(debian))

    modules = tree / "lib/modules" / ours
    modules.mkdir(parents=True)
    image = _renamed(_unpacked(debian / f"boot/vmlinuz-{theirs}"), theirs, ours)
    with gzip.GzipFile(str(modules / "vmlinuz"), "wb", 6, mtime=0) as packed:
        packed.write(image)
    for file in (debian / "lib/modules" / theirs).rglob("*.*"):
        if file.name.startswith("modules.") or file.name in MODULES:
            copy = modules / file.relative_to(debian / "lib/modules" / theirs)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(file.read_bytes())
    (tree / "boot").mkdir()
    for ghost in (f"vmlinuz-{ours}", f"initramfs-{ours}.img"):
        (tree / "boot" / ghost).touch()

    release = f"{number}{OURS[: -len('.x86_64')]}"
    spec = SPEC.format(version=version, release=release, uname=ours, tree=tree)
    _rpm(work, package, spec, repo)


def _unpacked(image: pathlib.Path) -> bytes:
    """Return the kernel in a bzImage as ELF (Documentation/x86/boot.rst; Debian packs by LZ4)."""
    content = image.read_bytes()
    setup_sectors = content[0x1F1]
    offset, length = struct.unpack_from("<II", content, 0x248)
    start = (setup_sectors + 1) * 512 + offset
    packed = content[start : start + length]
    [size] = struct.unpack("<I", packed[-4:])
    done = subprocess.run(
        ("lz4", "-d", "-c"), input=packed[:-4], stdout=subprocess.PIPE, check=False
    )
    if len(done.stdout) != size or not done.stdout.startswith(b"\x7fELF"):
        raise CannotMake(f"{image.name} is not packed by LZ4")
    return done.stdout


def _renamed(image: bytes, theirs: str, ours: str) -> bytes:
    assert len(theirs) == len(ours)
    return image.replace(theirs.encode(), ours.encode())


def _rpm(work, name, spec, to):
    file = work / f"{name}.spec"
    file.write_text(spec, encoding="ascii")
    places = (("_topdir", str(work)), ("_rpmdir", str(to)), ("_build_name_fmt", _NAME))
    defined = [part for key, value in places for part in ("--define", f"{key} {value}")]
    run("rpmbuild", "-bb", "--quiet", "--target", "x86_64", *defined, str(file))


_NAME = "%%{NAME}-%%{VERSION}-%%{RELEASE}.%%{ARCH}.rpm"
