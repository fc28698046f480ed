"""The checks of an operation: its packages, kernel, boots and hooks, and hookd's own ground."""

from __future__ import annotations

from typing import Dict

from hookd.core.checks.rule import Rule
from hookd.core.model import Severity

OPERATION_RULES: Dict[str, Rule] = {
    "boot.clean": Rule(
        "The machine was shut down before each boot of the operation",
        Severity.WARN,
        "It crashed, was reset or lost its power. Read the end of the boot before (`journalctl -b "
        "-1 -e`, if the journal is kept), /sys/fs/pstore, /var/lib/systemd/pstore and /var/crash, "
        "and the instance's console log and status checks.",
    ),
    "boot.loop": Rule(
        "The machine does not keep going down while hookd tries to finish the operation",
        Severity.FAIL,
        "Read `journalctl --list-boots` and the end of the boots before (`journalctl -b -1 -e`), "
        "or the instance's console log, for what brings the machine down. Hooks that run only if "
        "healthy wait; `hookd recover` runs them once it stays up.",
    ),
    "boot.rebooted-as-expected": Rule(
        "The machine rebooted if Patch Manager was to reboot it",
        Severity.FAIL,
        "Look into the agent's log (/var/log/amazon/ssm/amazon-ssm-agent.log) and `journalctl -b` "
        "for what held the reboot back, then reboot the machine in a window of its own.",
    ),
    "config.loads": Rule(
        "The configuration in /etc/hookd can be read and makes sense",
        Severity.FAIL,
        "Run `hookd check`; it names every problem with file and key. Until it is mended the "
        "configuration that pre recorded stays in force.",
    ),
    "disk.low": Rule(
        "There is room, in bytes and inodes, on the disks that patching and hookd write to",
        Severity.FAIL,
        "Free space there (`du -xh --max-depth=2`, `du -x --inodes`, old logs, `package-cleanup "
        "--oldkernels` or `dnf remove --oldinstallonly` for /boot) before the machine is patched. "
        "What is less than enough warns, what is less than the least (`at least`) fails.",
    ),
    "hooks.changed-since-pre": Rule(
        "The hooks are the ones that were there when pre ran",
        Severity.WARN,
        "Find out who changed them during the patch run (`rpm -qf` on the file tells whether a "
        "package did); an undo may no longer fit what pre did.",
    ),
    "hooks.readable": Rule(
        "The directories that hooks lie in can be read",
        Severity.FAIL,
        "Look at the owner, mode and mount of /etc/hookd/hooks.d and /usr/lib/hookd/hooks.d with "
        "`namei -l`, then run `hookd hooks`.",
    ),
    "kernel.next-boot-files": Rule(
        "The kernel that boots next has its files: vmlinuz, initramfs and modules.dep",
        Severity.FAIL,
        "Do not reboot. Look for space with `df -h /boot`, then rebuild with `dracut -f "
        "/boot/initramfs-{release}.img {release}` and `depmod {release}`, or reinstall the kernel "
        "package.",
    ),
    "kernel.next-boot-is-newest": Rule(
        "The boot loader's default is the newest installed kernel of its stream",
        Severity.WARN,
        "If the newest kernel is meant to boot: `grubby --set-default /boot/vmlinuz-{release}`; "
        "also see DEFAULTKERNEL and UPDATEDEFAULT in /etc/sysconfig/kernel. If the older one is "
        "wanted, set this check to ignore.",
    ),
    "kernel.running-is-promised": Rule(
        "After the reboot the machine runs the kernel that it was to boot",
        Severity.FAIL,
        "See what the boot loader chose: `grubby --default-kernel`, `grub2-editenv list`; read the "
        "console log of the instance for a kernel that panicked; verify the promised one with "
        "`rpm -V kernel-{release}`. Then reboot into it or set the default on purpose.",
    ),
    "packages.duplicates": Rule(
        "No package is installed twice or half-installed",
        Severity.FAIL,
        "A transaction was cut off. With yum: `package-cleanup --dupes`, then `package-cleanup "
        "--cleandupes`; with dnf: `dnf check --duplicates`, then `dnf remove --duplicates`; with "
        "dpkg: `dpkg --audit`, then `dpkg --configure -a`.",
    ),
    "packages.history-agrees": Rule(
        "The package manager's history and the package database tell the same changes",
        Severity.WARN,
        "See `yum history info ID` or `dnf history info ID` (/var/log/apt/history.log) of the "
        "transaction that is named. What came or went in none was done by plain rpm or dpkg: find "
        "who called it (a hook, an agent, a person), with `rpm -qa --last` for when.",
    ),
    "packages.log-agrees": Rule(
        "The package manager's log and the package database tell the same changes",
        Severity.WARN,
        "Compare `rpm -qa --last` with the log and with `yum history` or `dnf history`: something "
        "besides the package manager (plain rpm, a hook, an image tool) may have changed these.",
    ),
    "packages.readable": Rule(
        "The package database can be read",
        Severity.FAIL,
        "Try `rpm -qa` or `dpkg -l` by hand. With a damaged rpm database: stop all package "
        "managers, save /var/lib/rpm, `rm -f /var/lib/rpm/__db*`, then `rpm --rebuilddb`.",
    ),
    "packages.unfinished-transaction": Rule(
        "No package transaction was cut off",
        Severity.FAIL,
        "Look at it with `yum history info ID` or `dnf history info ID` and finish it: "
        "`yum-complete-transaction`, or `dnf distro-sync` of what it names. If the packages are "
        "whole (`rpm -Va`, no duplicates), clear it: `yum-complete-transaction --cleanup-only`. "
        "With dpkg: `dpkg --audit`, then `dpkg --configure -a`.",
    ),
    "reboot.needed": Rule(
        "No reboot is pending: the kernel that boots next runs, and the machine booted after what "
        "needs it",
        Severity.WARN,
        "Reboot it once the checks kernel.next-boot-* pass, or patch it with RebootOption "
        "RebootIfNeeded; a scheduled reboot settles it, too.",
    ),
    "run.held": Rule(
        "Nobody holds patching on this machine",
        Severity.FAIL,
        "Wait until the hold ends by itself, or ask whoever set it (`hookd status` shows until "
        "when and why) to lift it.",
    ),
    "run.pre-bypassed": Rule(
        "Nothing was installed unless pre had passed",
        Severity.FAIL,
        "Patching went on although pre had not passed. The pre document must end with "
        "`hookd run pre || exit 1`, and its step's timeout must be longer than hookd's deadline.",
    ),
    "run.slot-matches": Rule(
        "Each document calls the phase of the slot it stands in",
        Severity.FAIL,
        "Correct the documents named in PreInstallHookDocName, PostInstallHookDocName and "
        "OnExitHookDocName: each calls `hookd run` with its own phase.",
    ),
    "ssm.failed-patches": Rule(
        "Patch Manager counts no failed patch in this run",
        Severity.FAIL,
        "Read the output of the step InstallNoReboot of the command, or the log of the package "
        "manager, for what failed, mend it (disk, repository, conflict) and patch again.",
    ),
    "ssm.patch-counts-agree": Rule(
        "Patch Manager and the package database tell the same of what was installed",
        Severity.WARN,
        "Compare `hookd show` with the patch summary of the node (`aws ssm "
        "describe-instance-patches`). If Patch Manager is wrong, run a Scan; if packages are "
        "missing that it calls installed, look for what removed them (`rpm -qa --last`, the log).",
    ),
    "ssm.pending-reboot-predicted": Rule(
        "Patch Manager will reboot the machine if it needs a reboot",
        Severity.WARN,
        "Reboot the machine in a window of its own: what came needs a reboot, and Patch Manager "
        "does not count it as one of its patches (installed by a hook, or by hand).",
    ),
    "state.readable": Rule(
        "The journals of all open operations can be read",
        Severity.FAIL,
        "Nobody knows what that operation's hooks took away: put it back by hand (copies of its "
        "undos lie in /var/lib/hookd/operations/ID/undo), then move that folder away and remove "
        "/var/lib/hookd/open/ID.",
    ),
    "state.writable": Rule(
        "hookd can write its state below /var/lib/hookd",
        Severity.FAIL,
        "See `df -h /var/lib/hookd`, `df -i /var/lib/hookd` and `findmnt -T /var/lib/hookd`: the "
        "disk may be full or mounted read-only.",
    ),
    "undo.outstanding": Rule(
        "Everything that pre took away has been put back",
        Severity.FAIL,
        "Read the hook's output (`hookd show`), mend the cause, then run `hookd recover`.",
    ),
}
