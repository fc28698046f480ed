"""The machine that is patched: the files of a made-up Amazon Linux 2 below a root."""

from __future__ import annotations

import os
import uuid

OLD = "4.14.154-128.181.amzn2.x86_64"
NEW = "4.14.214-160.339.amzn2.x86_64"

# What yum wrote to its log in the first patch run of a real Amazon Linux 2, on 2021-02-05.
PATCHES = """\
Feb 05 01:53:11 Updated: 1:openssl-libs-1.0.2k-19.amzn2.0.4.x86_64
Feb 05 01:53:11 Updated: libxml2-2.9.1-6.amzn2.4.1.x86_64
Feb 05 01:53:11 Updated: 32:bind-license-9.11.4-9.P2.amzn2.0.3.noarch
Feb 05 01:53:11 Updated: 32:bind-libs-lite-9.11.4-9.P2.amzn2.0.3.x86_64
Feb 05 01:53:11 Updated: 12:dhcp-libs-4.2.5-77.amzn2.1.1.x86_64
Feb 05 01:53:11 Updated: 12:dhcp-common-4.2.5-77.amzn2.1.1.x86_64
Feb 05 01:53:11 Updated: 32:bind-libs-9.11.4-9.P2.amzn2.0.3.x86_64
Feb 05 01:53:12 Installed: 32:bind-export-libs-9.11.4-26.P2.amzn2.2.x86_64
Feb 05 01:53:12 Updated: nss-3.44.0-7.amzn2.x86_64
Feb 05 01:53:12 Updated: nss-sysinit-3.44.0-7.amzn2.x86_64
Feb 05 01:53:12 Installed: 2:libpng-1.5.13-8.amzn2.x86_64
Feb 05 01:53:12 Updated: freetype-2.8-14.amzn2.1.x86_64
Feb 05 01:53:12 Updated: 2:microcode_ctl-2.1-47.amzn2.0.7.x86_64
Feb 05 01:53:15 Installed: kernel-4.14.214-160.339.amzn2.x86_64
Feb 05 01:53:15 Updated: python-pillow-2.0.0-20.gitd1c6db8.amzn2.0.1.x86_64
Feb 05 01:53:15 Updated: nss-tools-3.44.0-7.amzn2.x86_64
Feb 05 01:53:15 Updated: 12:dhclient-4.2.5-77.amzn2.1.1.x86_64
Feb 05 01:53:16 Updated: 32:bind-utils-9.11.4-9.P2.amzn2.0.3.x86_64
Feb 05 01:53:16 Updated: libxml2-python-2.9.1-6.amzn2.4.1.x86_64
Feb 05 01:53:16 Updated: 1:openssl-1.0.2k-19.amzn2.0.4.x86_64
Feb 05 01:53:16 Updated: sqlite-3.7.17-8.amzn2.1.1.x86_64
Feb 05 01:53:16 Updated: libnghttp2-1.41.0-1.amzn2.x86_64
Feb 05 01:53:16 Updated: sudo-1.8.23-4.amzn2.2.1.x86_64
Feb 05 01:53:16 Updated: kernel-tools-4.14.214-160.339.amzn2.x86_64
Feb 05 01:53:17 Updated: libicu-50.2-4.amzn2.x86_64
""".splitlines()

LOG = "var/log/yum.log"
_OS_RELEASE = """\
NAME="Amazon Linux"
VERSION="2"
ID="amzn"
ID_LIKE="centos rhel fedora"
VERSION_ID="2"
PRETTY_NAME="Amazon Linux 2"
"""
_GRUB_HEAD = """\
if [ -s $prefix/grubenv ]; then
  load_env
fi
if [ "${next_entry}" ] ; then
   set default="${next_entry}"
else
   set default="${saved_entry}"
fi
"""
_GRUB_ENTRY = """\
menuentry '{title}' --class amzn --unrestricted $menuentry_id_option 'gnulinux-{release}' {{
	linux /boot/vmlinuz-{release} root=LABEL=/ ro console=tty0 console=ttyS0,115200n8
	initrd /boot/initramfs-{release}.img
}}
"""
_GRUBENV_SIZE = 1024  # GRUB keeps it at exactly this size
_FIRST_BOOT = (1612489000, 700.0)  # btime, and the uptime at which a run finds the machine
_NEXT_BOOT = (1612490161, 25.0)
_BOOT_LASTS_S = 1000


class Node:
    """The files below `root`: everything that it has to remember stands in them."""

    def __init__(self, root: str) -> None:
        self.root = root

    def lay_out(self) -> None:
        """Make the machine as it is before its first patch run; what says who it is stays."""
        for place, text in (
            ("etc/os-release", _OS_RELEASE),
            ("etc/machine-id", uuid.uuid4().hex + "\n"),
            (LOG, ""),
        ):
            if not os.path.lexists(self._path(place)):
                self.write(place, text)
        self._install_kernel(OLD)
        self._remove_kernel(NEW)
        self._write_boot_loader()
        self._boot(OLD, *_FIRST_BOOT)

    def patch(self, *, most: int = len(PATCHES)) -> list[str]:
        """Install `most` of the patches: return the lines that yum wrote to its log."""
        lines = PATCHES[:most]
        with open(self._path(LOG), "a", encoding="ascii") as log:
            log.write("".join(line + "\n" for line in lines))
        if any(f"Installed: kernel-{NEW}" in line for line in lines):
            self._install_kernel(NEW)
            self._write_boot_loader()
        return lines

    def empty_initramfs(self) -> None:
        """Leave the newest kernel's initramfs as a full /boot leaves it."""
        self.write(f"boot/initramfs-{self.kernels[0]}.img", "")

    def reboot(self, release: str = "") -> str:
        """Come up again, with the default kernel unless another is given; return which."""
        release = release or self.kernels[0]
        btime, uptime_s = _NEXT_BOOT
        last = self.read("proc/stat").rpartition("btime ")[2].strip()
        self._boot(release, max(btime, int(last) + _BOOT_LASTS_S), uptime_s)
        return release

    @property
    def kernels(self) -> list[str]:
        """The installed kernels, newest first."""
        names = os.listdir(self._path("boot"))
        return [one for one in (NEW, OLD) if f"vmlinuz-{one}" in names]

    @property
    def boot_id(self) -> str:
        return self.read("proc/sys/kernel/random/boot_id").strip()

    def _boot(self, release: str, btime: int, uptime_s: float) -> None:
        self.write("proc/sys/kernel/osrelease", release + "\n")
        self.write("proc/sys/kernel/random/boot_id", f"{uuid.uuid4()}\n")
        self.write("proc/stat", f"cpu  1 0 1 98 0 0 0 0 0 0\nbtime {btime}\n")
        self.write("proc/uptime", f"{uptime_s:.2f} {uptime_s:.2f}\n")

    def _install_kernel(self, release: str) -> None:
        self.write(f"boot/vmlinuz-{release}", "a kernel\n")
        self.write(f"boot/initramfs-{release}.img", "its initramfs\n")
        self.write(f"lib/modules/{release}/modules.dep", "kernel/net/ena.ko:\n")

    def _remove_kernel(self, release: str) -> None:
        for place in (
            f"boot/vmlinuz-{release}",
            f"boot/initramfs-{release}.img",
            f"lib/modules/{release}/modules.dep",
        ):
            if os.path.lexists(self._path(place)):
                os.unlink(self._path(place))

    def _write_boot_loader(self) -> None:
        """Write what grubby leaves: the newest kernel is the first entry and the default."""
        titles = {release: f"Amazon Linux ({release}) 2" for release in self.kernels}
        entries = [_GRUB_ENTRY.format(title=title, release=one) for one, title in titles.items()]
        self.write("boot/grub2/grub.cfg", _GRUB_HEAD + "".join(entries))
        environment = f"# GRUB Environment Block\nsaved_entry={titles[self.kernels[0]]}\n"
        self.write("boot/grub2/grubenv", environment.ljust(_GRUBENV_SIZE, "#"))

    def read(self, place: str) -> str:
        with open(self._path(place), encoding="utf-8") as file:
            return file.read()

    def write(self, place: str, text: str) -> None:
        os.makedirs(os.path.dirname(self._path(place)), exist_ok=True)
        with open(self._path(place), "w", encoding="utf-8") as file:
            file.write(text)

    def _path(self, place: str) -> str:
        return os.path.join(self.root, place)
