"""Lets minutes and hours pass in moments, for hookd alone: its clocks go on ahead of the machine's.

As if the machine had been suspended, which is the only way in which CLOCK_BOOTTIME leaps; but the
service is started anew, and what ran before has another start time to hookd. So nothing of an
operation may run when time passes. A boot ends it.
"""

from __future__ import annotations

CLOCKS = "/run/lab-clocks"
LAUNCHER = f"""\
#!/bin/sh
test -e {CLOCKS} || exec /usr/lib/hookd/launcher "$@"
exec nsenter --time={CLOCKS} /usr/lib/hookd/launcher "$@"
"""
# systemd's clocks stay as they are; the service has the same main process, sockets and watchdog
LEAP = f"""\
set -eu
was=$(systemctl is-active hookd.service || true)
systemctl stop hookd.service
test -e /usr/lib/hookd/launcher || mv /usr/bin/hookd /usr/lib/hookd/launcher
umount {CLOCKS} 2>/dev/null || :
: >{CLOCKS}
unshare --time={CLOCKS} --boottime="$1" --monotonic="$2" true
"""


def let_pass(machine, seconds: int) -> None:
    """Put hookd's clocks forward; the service is started again when it was up."""
    machine.clock_offsets = [offset + seconds for offset in machine.clock_offsets]
    offsets = map(str, machine.clock_offsets)
    machine.execute(["sh", "-c", LEAP, "sh", *offsets]).check()
    machine.write("/usr/bin/hookd", LAUNCHER, 0o755)
    machine.execute(["systemctl", "start", "hookd.service"]).check()
