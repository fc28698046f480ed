"""A throw-away Amazon Linux 2 node: the files that hookd reads, and what changes them."""

from __future__ import annotations

import os
import pathlib
import shutil
import uuid

HERE = pathlib.Path(__file__).resolve().parent
PATCHES = HERE / "al2-2021-02-05" / "yum.log"

OLD = "4.14.154-128.181.amzn2.x86_64"
NEW = "4.14.214-160.339.amzn2.x86_64"

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
_UP_BEFORE = (1612489000, 700.0)
_UP_AFTER = (1612490161, 25.0)


class Node:
    """The files of one machine below `root`, as they were on 2021-02-05."""

    def __init__(self, root: pathlib.Path) -> None:
        self.root = root
        self._kernels = [OLD]
        self._write("etc/os-release", _OS_RELEASE)
        self._write("etc/machine-id", uuid.uuid4().hex + "\n")
        self._write("etc/app/app.conf", "listen = 8080\nworkers = 4\n")
        self._write("etc/app/service", "in service\n")
        self._write("var/log/yum.log", "")
        self._install_kernel_files(OLD)
        self._write_boot_loader()
        self._install_hooks()
        self.boot(OLD, _UP_BEFORE)

    def patch(self) -> list[str]:
        """Do what InstallNoReboot did: return the lines that yum wrote to its log."""
        lines = PATCHES.read_text(encoding="ascii").splitlines()
        with open(str(self.root / "var/log/yum.log"), "a", encoding="ascii") as log:
            log.write("\n".join(lines) + "\n")
        self._kernels.insert(0, NEW)
        self._install_kernel_files(NEW)
        self._write_boot_loader()
        return lines

    def reboot(self, release: str) -> None:
        """Come up again with kernel `release`."""
        self.boot(release, _UP_AFTER)

    def boot(self, release: str, times: tuple[int, float]) -> None:
        btime, uptime_s = times
        self._write("proc/sys/kernel/osrelease", release + "\n")
        self._write("proc/sys/kernel/random/boot_id", f"{uuid.uuid4()}\n")
        self._write("proc/stat", f"cpu  1 0 1 98 0 0 0 0 0 0\nbtime {btime}\n")
        self._write("proc/uptime", f"{uptime_s:.2f} {uptime_s:.2f}\n")

    @property
    def service(self) -> str:
        """Whether the node serves: `in service` or `out of service`."""
        return (self.root / "etc/app/service").read_text(encoding="ascii").strip()

    def _install_kernel_files(self, release: str) -> None:
        self._write(f"boot/vmlinuz-{release}", "a kernel\n")
        self._write(f"boot/initramfs-{release}.img", "its initramfs\n")
        self._write(f"lib/modules/{release}/modules.dep", "kernel/net/ena.ko:\n")

    def _write_boot_loader(self) -> None:
        """Write what grubby leaves: the newest kernel is the first entry and the default."""
        titles = {release: f"Amazon Linux ({release}) 2" for release in self._kernels}
        entries = [_GRUB_ENTRY.format(title=titles[one], release=one) for one in self._kernels]
        self._write("boot/grub2/grub.cfg", _GRUB_HEAD + "".join(entries))
        environment = f"# GRUB Environment Block\nsaved_entry={titles[self._kernels[0]]}\n"
        self._write("boot/grub2/grubenv", environment.ljust(_GRUBENV_SIZE, "#"))

    def _install_hooks(self) -> None:
        """Copy the hooks with modes of their own: a checkout may be writable by a group."""
        for source in sorted((HERE / "hooks").glob("*/*")):
            target = self.root / "etc/hookd/hooks.d" / source.parent.name / source.name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(str(source), str(target))
            os.chmod(str(target), 0o755)

    def _write(self, place: str, text: str) -> None:
        path = self.root / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="ascii")
