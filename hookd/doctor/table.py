"""The one table of examinations: what each id asks, and what to do when the answer is no."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Callable

from hookd.core.model import Check, Outcome, Severity


@dataclass(frozen=True)
class Question:
    title: str
    remedy: str


QUESTIONS = {
    "agent.present": Question(
        "The SSM agent is installed",
        "Install amazon-ssm-agent and start it: without it nobody runs the documents.",
    ),
    "agent.version": Question(
        "The SSM agent is 3.0.502 or newer: older ones do not know onFailure and finallyStep",
        "Update it (AWS-UpdateSSMAgent, or the package amazon-ssm-agent) before patching with "
        "hooks: an older agent installs although pre failed, and skips on-exit.",
    ),
    "agent.files": Question(
        "The agent keeps the state of its runs where hookd can read it",
        "Start the agent once and let it register. Until then hookd cannot tell a run that died "
        "from one that is slow, and waits `[recovery] abandon_after`.",
    ),
    "agent.environment": Question(
        "hookd is found and starts in the agent's environment, which has no HOME",
        "Put hookd into a directory of the agent's PATH (/usr/bin), and see that it starts with "
        "`env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin hookd --version`.",
    ),
    "agent.executes": Question(
        "Programs may be executed where the agent and hookd keep theirs",
        "Remount it without noexec, or keep /var/lib/amazon and the hooks on another file system: "
        "the agent's scripts and the copies of undos have to run there.",
    ),
    "disk.boot": Question(
        "/boot has room for one more kernel",
        "Remove old kernels (`package-cleanup --oldkernels`, `dnf remove --oldinstallonly`): a "
        "full /boot leaves a kernel without its initramfs.",
    ),
    "disk.state": Question(
        "There is room for hookd's state and for packages",
        "Free space there (`du -xh --max-depth=2`, old logs, the package manager's cache): below "
        "64 MiB at /, 32 at /var or 16 at /var/lib/hookd pre says no.",
    ),
    "state.writable": Question(
        "hookd's state can be written",
        "See `findmnt -T /var/lib/hookd` and `ls -ld /var/lib/hookd`: pre fails where nothing can "
        "be recorded.",
    ),
    "state.quiet": Question(
        "No operation is open, nothing is owed and nothing is held",
        "`hookd status` says what is left; `hookd recover` finishes it, `hookd hold --release` "
        "ends a hold.",
    ),
    "packages.readable": Question(
        "The package databases can be read",
        "Try `rpm -qa` or `dpkg-query -l`, and mend what they complain of (`rpm --rebuilddb` on a "
        "copy first).",
    ),
    "packages.unfinished": Question(
        "No transaction of a package manager was left unfinished",
        "See `yum history` or `dnf history`, and finish it (`yum-complete-transaction`, "
        "`dnf history redo`) before the machine is patched.",
    ),
    "packages.unlocked": Question(
        "Nobody holds the locks of the package managers",
        "Let it finish, or see what it waits for: Patch Manager waits for the lock, too, and then "
        "fails.",
    ),
    "clock.synchronised": Question(
        "The clock is synchronised",
        "Start chronyd (169.254.169.123 on EC2): requests to AWS fail when the clock is off by "
        "minutes, and times in results are wrong.",
    ),
    "boot.next-entry": Question(
        "What boots next is known, and its files are there",
        "See `grubby --default-kernel` and `ls -l /boot`; reinstall that kernel, or make its "
        "initramfs anew (`dracut -f`), before anything reboots the machine.",
    ),
    "service.socket": Question(
        "hookd.socket is enabled and listens",
        "`systemctl enable --now hookd.socket`. Without it hookd runs in the caller's own process: "
        "SSM's kill then ends it, and nobody runs an on-exit that never comes.",
    ),
    "service.boot": Question(
        "hookd-boot.service is enabled",
        "`systemctl enable hookd-boot.service`: it looks at a machine that has just booted, and "
        "starts the service when an operation is open.",
    ),
    "service.cgroup": Question(
        "hookd.service has a control group of its own to divide (Delegate=yes)",
        "See `systemctl cat hookd.service` for a drop-in that takes it away. Without it hooks are "
        "ended by session and descent, which `env -i setsid` escapes.",
    ),
    "hooks.sound": Question(
        "Configuration and hooks have no problems",
        "`hookd check` names each with its place.",
    ),
    "python.version": Question(
        "Python is 3.7 or newer",
        "Install python3 of the distribution and hookd for it.",
    ),
    "instance.known": Question(
        "hookd knows which instance this is",
        "`hookd identity` asks the metadata service. SSM's calls say it as well; the results of "
        "other calls carry no instance id.",
    ),
}


def passed(name: str, found: str = "") -> Check:
    return Check(name, Outcome.PASS, Severity.FAIL, QUESTIONS[name].title, found)


def failed(name: str, found: str, *, remedy: str = "") -> Check:
    question = QUESTIONS[name]
    return Check(
        name, Outcome.FAIL, Severity.FAIL, question.title, found, "", remedy or question.remedy
    )


def warned(name: str, found: str) -> Check:
    question = QUESTIONS[name]
    return Check(name, Outcome.WARN, Severity.WARN, question.title, found, "", question.remedy)


def either(
    is_met: bool, name: str, found: str, *, otherwise: Callable[[str, str], Check] = failed
) -> Check:
    """Return that it is met, else what `otherwise` (failed, warned) makes of it."""
    return passed(name, found) if is_met else otherwise(name, found)


def unknown(name: str, reason: str) -> Check:
    """Return what could not be looked at: a warning, never as good as a pass."""
    question = QUESTIONS[name]
    return Check(name, Outcome.UNKNOWN, Severity.WARN, question.title, "", reason, question.remedy)


def skipped(name: str, reason: str) -> Check:
    return Check(name, Outcome.SKIP, Severity.WARN, QUESTIONS[name].title, reason=reason)
