"""The scenarios, each with what it is for: every way a patch run is known to go."""

from __future__ import annotations

from hookd.core.model import Path, Phase, Verdict
from hookd.rehearsal.rules import Status
from hookd.rehearsal.scenario import (
    NOTHING_RECORDED,
    Event,
    Expected,
    Extra,
    Scenario,
    ends,
)

_WAITS_IN_PRE = (Extra(Phase.PRE, waits=True),)
_REBOOT_ONCE = """\
[ "$code" -eq 0 ] || exit "$code"
[ -e "$HOOKD_ROOT/.rehearsal/rebooted" ] && exit 0
touch "$HOOKD_ROOT/.rehearsal/rebooted"
exit 194
"""
_FAILED = Verdict.FAILED
_PASSED = Verdict.PASSED


def _pre_hook_ends(code: int, title: str, teaches: str) -> Scenario:
    return Scenario(
        f"pre-hook-{code}",
        title,
        teaches,
        ends(Status.FAILED, Path.PRE_FAILED, _FAILED),
        extra=(Extra(Phase.PRE, code),),
    )


_SCENARIOS = (
    Scenario(
        "patched",
        "patches are missing, all goes well, the machine reboots",
        "the ordinary run: what pre takes away is put back after the reboot",
        ends(Status.SUCCESS, Path.PATCHED_REBOOTED, _PASSED),
    ),
    Scenario(
        "association",
        "the same, started by a State Manager association",
        "SSM_COMMAND_ID is the association's id on every run: the run id comes from the worker",
        ends(Status.SUCCESS, Path.PATCHED_REBOOTED, _PASSED),
        is_association=True,
    ),
    Scenario(
        "no-reboot",
        "patches are installed with RebootOption NoReboot",
        "on-exit comes in the same boot and warns of the pending reboot (check reboot.needed)",
        ends(Status.SUCCESS, Path.PATCHED_REBOOT_PENDING, Verdict.PASSED_WITH_WARNINGS),
        reboot_option="NoReboot",
    ),
    Scenario(
        "nothing-missing",
        "no patch is missing",
        "on-exit comes alone: neither pre nor post have run, nothing may be undone",
        ends(Status.SUCCESS, Path.NOTHING_TO_DO, _PASSED),
        missing=False,
    ),
    Scenario(
        "pending-no-reboot",
        "no patch is missing, a reboot is pending, RebootOption NoReboot",
        "on-exit comes alone and warns that a reboot is due (check reboot.needed)",
        ends(Status.SUCCESS, Path.NOTHING_TO_DO, Verdict.PASSED_WITH_WARNINGS),
        reboot_option="NoReboot",
        missing=False,
        pending=True,
    ),
    Scenario(
        "pending-reboot",
        "no patch is missing, a reboot is pending, RebootOption RebootIfNeeded",
        "all three hooks run and the machine reboots, although nothing is installed",
        ends(Status.SUCCESS, Path.PATCHED_REBOOTED, _PASSED),
        missing=False,
        pending=True,
    ),
    Scenario(
        "scan",
        "Operation Scan",
        "no hook runs at all",
        NOTHING_RECORDED,
        operation="Scan",
    ),
    Scenario(
        "scan-fails",
        "the scan before pre fails",
        "on-exit comes alone and nobody knows what was missing",
        ends(Status.FAILED, Path.UNCLEAR, Verdict.INCOMPLETE),
        fails=(("PreInstallScan", "fails"),),
    ),
    _pre_hook_ends(
        1,
        "a pre hook fails, behind all others",
        "nothing is installed, on-exit puts back what the hooks before it took away",
    ),
    _pre_hook_ends(
        137,
        "a pre hook ends with 137",
        "as the document's own code it would be a time-out, and SSM would install: hookd says 1",
    ),
    _pre_hook_ends(
        168,
        "a pre hook ends with 168",
        "as the document's own code it would be a success, and SSM would install: hookd says 1",
    ),
    _pre_hook_ends(
        169,
        "a pre hook ends with 169",
        "fails like any other",
    ),
    _pre_hook_ends(
        194,
        "a pre hook ends with 194",
        "as the document's own code it would reboot the machine: hookd says 1",
    ),
    Scenario(
        "pre-hook-hangs",
        "a pre hook takes longer than it may (here a second)",
        "hookd ends it in time and says no, so that SSM's own time-out never comes",
        ends(Status.FAILED, Path.PRE_FAILED, _FAILED),
        extra=(Extra(Phase.PRE, waits=True, timeout="1s"),),
    ),
    Scenario(
        "pre-times-out",
        "SSM's time for the pre document is up before hookd has answered",
        "SSM kills the document and installs all the same: the check run.pre-bypassed says so",
        ends(Status.FAILED, Path.PATCHED_REBOOTED, _FAILED),
        extra=_WAITS_IN_PRE,
        event=Event.TIME_IS_UP,
    ),
    Scenario(
        "pre-ignored",
        "the pre document ends with 168, whatever hookd said",
        "a no that does not reach SSM: it installs although pre failed",
        ends(Status.FAILED, Path.PATCHED_REBOOTED, _FAILED),
        extra=(Extra(Phase.PRE, 1),),
        then=((Phase.PRE, "exit 168"),),
    ),
    Scenario(
        "pre-reboots",
        "the pre document asks for a reboot (exit 194) after hookd has passed",
        "the document begins anew after the boot; hookd answers from the record",
        ends(Status.SUCCESS, Path.PATCHED_REBOOTED, _PASSED),
        then=((Phase.PRE, _REBOOT_ONCE),),
    ),
    Scenario(
        "pre-document-missing",
        "SSM cannot find the pre document",
        "the run fails before anything was taken away; on-exit comes alone",
        ends(Status.FAILED, Path.PRE_MISSING, _FAILED),
        lost="hookd-pre",
    ),
    Scenario(
        "install-fails",
        "half of the patches install, then the installation fails",
        "post never comes; on-exit tells how far it got and puts back",
        ends(Status.FAILED, Path.INSTALL_FAILED, _FAILED),
        fails=(("InstallNoReboot", "installs-partly"),),
    ),
    Scenario(
        "post-fails",
        "a required post hook fails",
        "the reboot is cancelled; what waits for a healthy machine stays outstanding",
        ends(Status.FAILED, Path.POST_FAILED, _FAILED),
        extra=(Extra(Phase.POST, 1),),
        is_sick=True,
    ),
    Scenario(
        "post-veto",
        "the new kernel has an empty initramfs",
        "post says no to a reboot into a kernel that cannot come up (check kernel.next-boot-files)",
        ends(Status.FAILED, Path.POST_FAILED, _FAILED),
        fails=(("InstallNoReboot", "leaves-no-initramfs"),),
        is_sick=True,
    ),
    Scenario(
        "old-kernel",
        "the old kernel comes up after the reboot",
        "what waits for a healthy machine stays outstanding (check kernel.running-is-promised)",
        ends(Status.FAILED, Path.PATCHED_REBOOTED, _FAILED),
        boots_old_kernel=True,
        is_sick=True,
    ),
    Scenario(
        "on-exit-fails",
        "an on-exit hook fails, behind all others",
        "the run fails although it was patched",
        ends(Status.FAILED, Path.PATCHED_REBOOTED, _FAILED),
        extra=(Extra(Phase.ON_EXIT, 1),),
    ),
    Scenario(
        "crash-in-pre",
        "the machine goes down in a pre hook",
        "SSM never runs on-exit: hookd does, when it finds the run dead",
        ends(Status.FAILED, Path.INTERRUPTED, _FAILED, "pre-failed"),
        extra=_WAITS_IN_PRE,
        event=Event.CRASH,
        recovers=True,
    ),
    Scenario(
        "worker-killed",
        "the agent's document worker is killed in a pre hook",
        "SSM fails the command and runs nothing more: hookd runs on-exit",
        ends(Status.FAILED, Path.INTERRUPTED, _FAILED, "install-failed"),
        extra=_WAITS_IN_PRE,
        event=Event.WORKER_KILLED,
        recovers=True,
    ),
    Scenario(
        "agent-killed",
        "the agent is killed in a pre hook and starts again",
        "worker and hook live on and nothing is lost",
        ends(Status.SUCCESS, Path.PATCHED_REBOOTED, _PASSED),
        extra=_WAITS_IN_PRE,
        event=Event.AGENT_KILLED,
    ),
    Scenario(
        "cancelled",
        "the command is cancelled in a pre hook",
        "the hook ends in peace, no later step runs, not even on-exit: hookd does that",
        ends(Status.CANCELLED, Path.INTERRUPTED, _FAILED, "install-failed"),
        extra=_WAITS_IN_PRE,
        event=Event.CANCEL,
        recovers=True,
    ),
    Scenario(
        "two-runs",
        "a second run begins before the first one installs",
        "the second one's pre is turned away, its on-exit touches nothing of the first",
        ends(Status.SUCCESS, Path.PATCHED_REBOOTED, _PASSED),
        event=Event.SECOND_RUN,
    ),
    Scenario(
        "only-on-exit",
        "only on-exit has a document, pre and post are AWS-Noop",
        "what is not expected is not missed: the last known state is what on-exit compares with",
        ends(Status.SUCCESS, Path.PATCHED_REBOOTED, _PASSED),
        slots=(Phase.ON_EXIT,),
        has_past=True,
    ),
    Scenario(
        "only-pre",
        "only pre has a document, post and on-exit are AWS-Noop",
        "hookd runs on-exit itself as soon as the run is over",
        Expected(Status.SUCCESS, "patched-rebooted", "passed"),
        slots=(Phase.PRE,),
        recovers=True,
    ),
    Scenario(
        "scheduled-reboot",
        "installed with NoReboot; AWS-InstanceRebootWithHooks reboots later, with a run of its own",
        "the hook after that reboot belongs to the operation that waited for it",
        ends(Status.SUCCESS, Path.PATCHED_REBOOTED, _PASSED),
        slots=(Phase.PRE, Phase.POST),
        reboot_option="NoReboot",
        recovers=True,
        reboots_later=True,
    ),
)

SCENARIOS: dict[str, Scenario] = {one.name: one for one in _SCENARIOS}
ORDINARY = "patched"
