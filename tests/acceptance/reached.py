"""The machine that testinfra reaches, as the lab's hooks and its part of the agent know one."""

from __future__ import annotations

import base64
import contextlib
import shlex
import time

from lab.inside import Completed, Inside

BOOT_ID = "/proc/sys/kernel/random/boot_id"
BOOTS_WITHIN_S = 300
NO_SERVICE = "test -z \"$(pgrep -f 'hookd [d]aemon')\""
IS_UP = "systemctl is-system-running | grep -qx -e running -e degraded"


class Reached(Inside):
    """A machine behind testinfra's `host`, by whatever way that runs commands there."""

    asks_every_s = 0.2

    def __init__(self, host) -> None:
        super().__init__()
        self.host = host

    def execute(self, command, *, stdin: bytes = b"", timeout: float = 60, env=None) -> Completed:
        """Run `command` to its end, in the environment that the way gives it, with `env` added."""
        argv = ("sh", "-c", command) if isinstance(command, str) else tuple(command)
        settings = (f"{name}={value}" for name, value in (env or {}).items())
        line = " ".join(map(shlex.quote, ("env", *settings, "timeout", str(timeout), *argv)))
        content = base64.b64encode(stdin).decode()
        done = self.host.run(f"echo {content} | base64 -d | {line}")
        return Completed(argv, done.rc, done.stdout, done.stderr)

    def reboot(self) -> None:
        """Reboot in order and wait until the machine, reached anew, has started everything."""
        before = self.read(BOOT_ID)
        with contextlib.suppress(RuntimeError):  # the connection may be cut before the answer
            self.execute(["systemctl", "--no-block", "reboot"]).check()
        until = time.monotonic() + BOOTS_WITHIN_S
        while self._boot_id() in ("", before):
            assert time.monotonic() < until, "the machine does not come back"
            time.sleep(0.5)
        self.boots += 1
        self.wait_until(IS_UP, timeout=BOOTS_WITHIN_S)

    def _boot_id(self) -> str:
        """Return the id of the boot, or nothing while the machine cannot be reached."""
        with contextlib.suppress(RuntimeError):  # what testinfra makes of ssh's exit code 255
            return self.execute(["cat", BOOT_ID]).stdout
        return ""
