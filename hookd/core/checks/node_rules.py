"""The checks of the running node: services, sockets, mounts and what the admin expects."""

from __future__ import annotations

from typing import Dict

from hookd.core.checks.rule import Rule
from hookd.core.model import Severity

NODE_RULES: Dict[str, Rule] = {
    "agent.alive": Rule(
        "The SSM agent runs if it ran before",
        Severity.FAIL,
        "Without it nobody can reach this node by Systems Manager. Read `systemctl status "
        "amazon-ssm-agent` and /var/log/amazon/ssm/amazon-ssm-agent.log, then `systemctl restart "
        "amazon-ssm-agent`.",
    ),
    "boot.count": Rule(
        "The machine booted no more often than the patch run rebooted it",
        Severity.WARN,
        "Read `journalctl --list-boots` and `last -x` for who or what rebooted the machine again: "
        "a second installation pass, a hook, a person, a watchdog or a crash.",
    ),
    "clock.stepped": Rule(
        "The wall clock was not set by more than a few seconds within a boot",
        Severity.WARN,
        "Durations are not affected; times of logs and certificates are. Read `chronyc tracking` "
        "or `timedatectl` and see that time synchronisation starts at boot.",
    ),
    "config.rpmnew": Rule(
        "No package left a new configuration file beside an edited one",
        Severity.WARN,
        "Merge what is new (`diff FILE FILE.rpmnew`), restart what reads it, then remove the file "
        "that was left.",
    ),
    "expect.command": Rule(
        "The commands of [expect.command] end as the configuration says",
        Severity.FAIL,
        "Run the command by hand as root; `hookd verify` tries all expectations again.",
    ),
    "expect.file": Rule(
        "The files of [expect.file] are as the configuration says",
        Severity.FAIL,
        "Look at the file with `namei -l`; `hookd verify` tries all expectations again.",
    ),
    "expect.http": Rule(
        "The addresses of [expect.http] answer as the configuration says",
        Severity.FAIL,
        "Ask it by hand (`curl -v URL`) and read the log of the service behind it; `hookd verify` "
        "tries all expectations again.",
    ),
    "expect.tcp": Rule(
        "The ports of [expect.tcp] are reachable as the configuration says",
        Severity.FAIL,
        "See who listens (`ss -ltnp`) and read the log of the service behind it; `hookd verify` "
        "tries all expectations again.",
    ),
    "expect.units": Rule(
        "The units of [expect.units] are as the configuration says",
        Severity.FAIL,
        "Read `systemctl status UNIT` and `journalctl -u UNIT -b`; `hookd verify` tries all "
        "expectations again.",
    ),
    "kernel.livepatch-kept": Rule(
        "Live patches that were loaded before are loaded, unless another kernel runs",
        Severity.WARN,
        "The running kernel may lack fixes it had. Read `systemctl status kpatch` and `kpatch "
        "list`, then load it: `systemctl restart kpatch`.",
    ),
    "mounts.lost": Rule(
        "What was mounted before is mounted, and may be written to as before",
        Severity.FAIL,
        "Compare `findmnt --verify`, /etc/fstab and `systemctl --failed --type=mount`; then `mount "
        "POINT` and start what needs it. A file system that became read-only has errors: `dmesg`.",
    ),
    "network.route-lost": Rule(
        "No default route or resolver went without another in its place",
        Severity.FAIL,
        "See `ip route`, `ip -6 route` and /etc/resolv.conf, and what configures the network here "
        "(`systemctl status systemd-networkd NetworkManager network`).",
    ),
    "packages.files-intact": Rule(
        "The files of changed packages are as they were packaged",
        Severity.WARN,
        "Look with `rpm -V PACKAGE` (`dpkg --verify PACKAGE`): a disk was full or something else "
        "overwrote them. Reinstall the package.",
    ),
    "processes.stale": Rule(
        "No process still runs program files that were replaced",
        Severity.WARN,
        "They run the old code, with its flaws: `systemctl restart UNIT` of those named, or "
        "reboot the machine in a window of its own. A pid without a unit: `ps -fp PID`.",
    ),
    "selinux.mode-kept": Rule(
        "SELinux is in the mode it was in before",
        Severity.WARN,
        "See `getenforce`, /etc/selinux/config and the kernel's command line (`selinux=`, "
        "`enforcing=`).",
    ),
    "sockets.lost": Rule(
        "Who listened before listens",
        Severity.FAIL,
        "Read `systemctl status` and `journalctl -b -u` of the unit that is named, and the "
        "changelog of the package (`rpm -q --changelog`) for a default port that changed.",
    ),
    "units.failed-before": Rule(
        "No unit was failed before the operation",
        Severity.WARN,
        "It is none of the patch run's doing. Read `systemctl status UNIT` and mend it, or list it "
        "in `[verify.ignore] units`.",
    ),
    "units.failed-since-pre": Rule(
        "Every unit that ran or was well before the operation does so",
        Severity.FAIL,
        "Read `systemctl status UNIT` and `journalctl -b -u UNIT`; if a package is named, see its "
        "`.rpmnew` files and changelog, or go back with `yum history undo` (`dnf history undo`). "
        "What a hook stopped, a hook of on-exit has to start again (`undoes`).",
    ),
    "units.flapping": Rule(
        "No service is started again and again",
        Severity.WARN,
        "Read `journalctl -b -u UNIT` for why it ends each time; `systemctl show -p NRestarts "
        "UNIT` counts (systemd 235 and later).",
    ),
}
