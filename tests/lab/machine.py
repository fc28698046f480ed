"""A machine: systemd as PID 1 of a container that boots, reboots, and loses its power.

Every boot is a systemd-nspawn of its own in a time namespace of its own, so that the machine has a
new boot id and its uptime begins anew, as after a real boot.
"""

from __future__ import annotations

import contextlib
import math
import os
import pathlib
import signal
import socket
import subprocess
import time
import uuid

from lab.ground import Ground
from lab.inside import AGENT, Completed, Inside

# systemd-nspawn --keep-unit: "exit status 133 ... the container is requesting a reboot"
ASKS_FOR_REBOOT = 133

BOOT = """\
set -eu
cgroup=$1 boottime=$2 monotonic=$3
shift 3
echo $$ >"$cgroup/cgroup.procs"
exec unshare --time --boottime="$boottime" --monotonic="$monotonic" --fork --kill-child "$@"
"""


def entering(leader: str) -> tuple[str, ...]:
    """Return the words before a command that run it in the machine of `leader`.

    Its process stays outside of the machine's cgroups. A shell outside of its process ids waits,
    not nsenter: that stops for good with a child that systemd-shutdown stops, and the machine that
    goes down waits for it (util-linux, sys-utils/nsenter.c: continue_as_child). env, because what
    is built into that shell would be done out here.
    """
    namespaces = ("--mount", "--uts", "--ipc", "--net", "--pid", "--cgroup", "--time")
    waiting = ("sh", "-c", 'env -- "$@"; exit $?', "sh")
    return ("nsenter", "--target", leader, "--no-fork", *namespaces, *waiting)


class Machine(Inside):
    """One machine, off until `boot`. Its file system outlives its boots and ends with `remove`."""

    def __init__(self, ground: Ground) -> None:
        self.ground = ground
        super().__init__()
        self.leader = 0
        # CLOCK_BOOTTIME's and CLOCK_MONOTONIC's, in seconds ahead of this machine's
        self.clock_offsets = [0, 0]
        self._nspawn: subprocess.Popen[bytes] | None = None
        self._notify: socket.socket | None = None
        self.console = pathlib.Path(ground.directory, "console")
        try:
            self.write("/etc/machine-id", uuid.uuid4().hex + "\n", 0o444)
            self.write("/etc/hostname", "lab\n", 0o644)
        except BaseException:
            ground.remove()
            raise

    @property
    def is_on(self) -> bool:
        return self._nspawn is not None and self._nspawn.poll() is None

    def boot(self, *, up_s: float = 0.0, wait: bool = True) -> None:
        """Switch the machine on. Its clocks say that it is up for `up_s` seconds already."""
        assert not self.is_on, "the machine is on"
        address = str(self.ground.directory / "notify")
        self._notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._notify.bind(address)
        self.clock_offsets = [math.ceil(up_s - clock) for clock in _clocks()]
        nspawn = (
            *("systemd-nspawn", "--boot", f"--directory={self.ground.root}", "--machine=lab"),
            *("--quiet", "--register=no", "--keep-unit", "--notify-ready=yes", "--console=pipe"),
            *("--private-network", "--link-journal=no", "--resolv-conf=off", "--timezone=off"),
        )
        arguments = (self.ground.cgroup, *map(str, self.clock_offsets), *nspawn)
        with open(str(self.console), "ab") as console:
            self._nspawn = subprocess.Popen(
                (*self.ground.inside, "sh", "-c", BOOT, "sh", *arguments),
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=subprocess.STDOUT,
                env={"PATH": os.environ["PATH"], "NOTIFY_SOCKET": address},
                start_new_session=True,
            )
        self.boots += 1
        self.leader = int(self._told("X_NSPAWN_LEADER_PID=", 30))
        if wait:
            self.wait_boot()

    def wait_boot(self, timeout: float = 60) -> str:
        """Wait until systemd has started everything; return running or degraded."""
        self._told("READY=1", timeout)
        return self.execute(["systemctl", "is-system-running", "--wait"]).stdout.strip()

    def execute(self, command, *, stdin: bytes = b"", timeout: float = 60, env=None) -> Completed:
        """Run `command` to its end, in the environment of the SSM agent's scripts.

        A list is run as it is; text is a script for sh. While the machine is off the command sees
        its file system only. No unit: nothing in the machine knows of this command or ends it.
        """
        argv = ("sh", "-c", command) if isinstance(command, str) else tuple(command)
        done = subprocess.run(
            (*self._inside(), *argv),
            input=stdin,
            capture_output=True,
            timeout=timeout,
            env=AGENT if env is None else {**AGENT, **env},
            check=False,
        )
        texts = (part.decode("utf-8", "backslashreplace") for part in (done.stdout, done.stderr))
        return Completed(argv, done.returncode, *texts)

    def _inside(self) -> tuple[str, ...]:
        if not self.is_on:
            return self.ground.inside_root
        return entering(str(self.leader))

    def processes(self) -> list[str]:
        """Return the ids, as this machine's /proc has them, of all that runs in that machine."""
        inside = os.readlink(f"/proc/{self.leader}/ns/pid")
        found = []
        for pid in filter(str.isdigit, os.listdir("/proc")):
            with contextlib.suppress(OSError):
                if os.readlink(f"/proc/{pid}/ns/pid") == inside:
                    found.append(pid)
        return found

    def reboot(self, *, up_s: float = 0.0) -> None:
        """Reboot in order, by `systemctl reboot`, and wait until the machine is up again."""
        self.execute(["systemctl", "--no-block", "reboot"]).check()
        assert self.wait_off() == "reboot"
        self.boot(up_s=up_s)

    def power_off_hard(self) -> None:
        """Lose the power: every process ends now and hears of nothing.

        What a program has written is there again, synced or not: the host's kernel goes on.
        """
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.leader, signal.SIGKILL)
        self.wait_off()

    def wait_off(self, timeout: float = 150) -> str:
        """Wait until the machine is off; return why: reboot, off, or killed."""
        code = self._nspawn.wait(timeout)
        self._notify.close()
        (self.ground.directory / "notify").unlink()
        self.ground.clear_cgroups()
        return {ASKS_FOR_REBOOT: "reboot", 0: "off"}.get(code, "killed")

    def remove(self) -> None:
        """Take the machine away, on or off, with all it left on this one."""
        try:
            if self.is_on:
                self.power_off_hard()
        finally:
            self.ground.remove()
            if self._nspawn is not None:
                self._nspawn.wait(30)
                self._notify.close()

    def _told(self, start: str, timeout: float) -> str:
        """Wait for what systemd-nspawn tells of the boot, a line that begins with `start`."""
        until = time.monotonic() + timeout
        while time.monotonic() < until and self.is_on:
            self._notify.settimeout(0.2)
            with contextlib.suppress(socket.timeout):
                for line in self._notify.recv(4096).decode().split("\n"):
                    if line.startswith(start):
                        return line[len(start) :]
        said = self.console.read_text("utf-8", "backslashreplace")[-3000:]
        raise AssertionError(f"the machine does not boot: no {start}\n{said}")


def _clocks() -> tuple[float, float]:
    """Return the seconds of the clocks that a boot sets to zero: CLOCK_BOOTTIME, _MONOTONIC."""
    return time.clock_gettime(time.CLOCK_BOOTTIME), time.monotonic()
