"""A virtual machine: QEMU, a disk, and a boot loader that the test can make fall back.

Every boot is a QEMU of its own, which ends when the machine reboots or powers off. Its memory is
its page cache: what was not synced when the power is cut has never been written.
"""

from __future__ import annotations

import pathlib
import socket
import subprocess

from lab import images
from lab.bootloader import BootLoader
from lab.guest_agent import GuestAgent, NoAnswer
from lab.inside import AGENT, Completed, Inside

# Every instruction is translated: a boot takes 20 s, and several times that on a busy host. KVM is
# not used where it is there: nested it may fail, and one way is enough. A second processor costs a
# fifth more, and the host has others to serve.
LONGEST_BOOT_S = 300
SLOWER = 10
# It ends with the tests, however those end, and goes before the other machines: hookd in it gives
# systemctl 30 s to answer.
QEMU = (
    *("nice", "-n", "-10", "setpriv", "--pdeathsig", "KILL"),
    *("qemu-system-x86_64", "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot"),
    *("-accel", "tcg", "-cpu", "max", "-smp", "1", "-m", "1G"),
    *("-device", "virtio-blk-pci,drive=disk", "-device", "virtio-serial-pci"),
    *("-device", "virtserialport,chardev=agent", "-serial", "chardev:console"),
)
# What the kernel says last (kernel/reboot.c).
LAST_WORDS = (("reboot: Restarting system", "reboot"), ("reboot: Power down", "off"))


class VirtualMachine(Inside):
    """The virtual machine of `disk`, a file of its own; off until `boot`."""

    # asking keeps a processor busy that the others need
    asks_every_s = 0.5

    def __init__(self, disk: pathlib.Path) -> None:
        super().__init__()
        self.loader = BootLoader(disk)
        self.console = disk.with_suffix(".console")
        self.booted = ""
        self.disk = disk
        self._said = 0
        self._qemu: subprocess.Popen[bytes] | None = None
        self._agent: GuestAgent | None = None

    @property
    def is_on(self) -> bool:
        return self._qemu is not None and self._qemu.poll() is None

    def boot(self, entry: str = "") -> None:
        """Switch the machine on, with boot entry `entry` or what the boot loader chooses."""
        assert not self.is_on, "the machine is on"
        self.booted = entry or self.loader.choose()
        kernel = self.loader.load(self.booted)
        self._said = self.console.stat().st_size if self.console.exists() else 0
        ours, its = socket.socketpair()
        argv = (
            *(*QEMU, "-kernel", str(kernel.image), "-initrd", str(kernel.initrd)),
            *("-append", kernel.options, "-chardev", f"socket,id=agent,fd={its.fileno()}"),
            *("-chardev", f"file,id=console,append=on,path={self.console}"),
            *("-drive", f"if=none,id=disk,format=raw,cache=writeback,file={self.disk}"),
        )
        with its:
            self._qemu = subprocess.Popen(
                argv, stdin=subprocess.DEVNULL, pass_fds=[its.fileno()], start_new_session=True
            )
        self._agent = GuestAgent(ours)
        self.boots += 1
        try:
            self._agent.wait(LONGEST_BOOT_S)
            self.execute(["systemctl", "is-system-running", "--wait"])
        except NoAnswer as error:
            raise AssertionError(f"the machine does not boot: {self.said()[-3000:]}") from error

    def execute(self, command, *, stdin: bytes = b"", timeout: float = 60, env=None) -> Completed:
        """Run it as the guest agent does; `timeout` is what it may take on a real machine."""
        argv = ("sh", "-c", command) if isinstance(command, str) else tuple(command)
        environment = AGENT if env is None else {**AGENT, **env}
        code, *said = self._agent.run(argv, stdin, environment, timeout * SLOWER)
        return Completed(argv, code, *(part.decode("utf-8", "backslashreplace") for part in said))

    def power_off_hard(self) -> None:
        """Cut the power: what is not synced is lost with the machine's memory."""
        self._qemu.kill()
        self.wait_off()

    def wait_off(self, timeout: float = 300) -> str:
        """Wait until the machine is off; return why: reboot, off, or killed."""
        self._qemu.wait(timeout)
        self._agent.close()
        said = self.said()
        return next((why for words, why in LAST_WORDS if words in said), "killed")

    def reboot(self, entry: str = "") -> None:
        """Reboot by `systemctl reboot`; see `boot`."""
        self.go_down()
        self.boot(entry)

    def go_down(self) -> None:
        """Let `systemctl reboot` take the machine down; it is off then, and no entry chosen."""
        # a moment later: else the agent may be gone before it has answered
        self.execute(["systemd-run", "--on-active=2s", "systemctl", "reboot"]).check()
        assert self.wait_off() == "reboot"

    def said(self) -> str:
        """Return what the console of this boot, or of the last one, has shown."""
        return self.console.read_bytes()[self._said :].decode("utf-8", "backslashreplace")

    def copy(self, disk: pathlib.Path) -> VirtualMachine:
        """Return a machine that goes on, with a copy of this one's disk, from where this one is."""
        assert not self.is_on, "the machine is on"
        other = VirtualMachine(images.copy(self.disk, disk))
        other.boots, other.agent_calls = self.boots, self.agent_calls
        return other

    def remove(self) -> None:
        """Switch the machine off, without warning, and remove its disk."""
        if self.is_on:
            self.power_off_hard()
        for file in self.disk.parent.glob(f"{self.disk.stem}.*"):
            file.unlink()
