"""Whole operations judged: a journal and small snapshots in, path, verdict and checks out."""

from __future__ import annotations

from dataclasses import replace

import pytest
from support.journals import (
    BOOT_1,
    BOOT_2,
    ended,
    events,
    folded,
    hook_ended,
    hook_started,
    opened,
    ran,
    started,
)

from hookd.core.checking import hook_digests
from hookd.core.codec import encode
from hookd.core.fold import apply, fold
from hookd.core.journal import Checked, HookPassedOver, Observed, SnapshotTaken, UndoKept
from hookd.core.judge import Judgement, judge, judge_recorded, phase_verdict
from hookd.core.looks import LAST_KNOWN
from hookd.core.model import (
    BootChange,
    CallerKind,
    Changes,
    Check,
    Health,
    Hook,
    HookOutcome,
    HookSpec,
    HookState,
    KernelChange,
    Outcome,
    PackageAction,
    PackageChange,
    Path,
    Phase,
    PhaseOutcome,
    Severity,
    Verdict,
)
from hookd.core.patch import Entry, Summary
from hookd.core.path import Way
from hookd.core.readings import (
    Boot,
    History,
    InstalledKernel,
    Kernel,
    NextBoot,
    PackageSet,
    Standing,
    Transaction,
    TransactionState,
    WentDown,
)
from hookd.core.snapshot import Snapshot
from hookd.core.undo import Undo

PRE, POST, ON_EXIT = Phase.PRE, Phase.POST, Phase.ON_EXIT
OLD_KERNEL, NEW_KERNEL = "4.14.209-160.335.amzn2.x86_64", "4.14.214-160.339.amzn2.x86_64"
INSTALLED = {"bash.x86_64": (("4.2.46-34.amzn2", 1),)}
UPDATED = {"bash.x86_64": (("4.2.46-35.amzn2", 2),)}
BASH = PackageChange(
    "bash",
    "x86_64",
    PackageAction.UPDATED,
    ("4.2.46-34.amzn2",),
    ("4.2.46-35.amzn2",),
    "ready..installed",
    ("rpmdb",),
)


def kernel(running=OLD_KERNEL, next_boot=OLD_KERNEL, installed=(OLD_KERNEL,)):
    kernels = (InstalledKernel(one, "kernel", one.rpartition(".")[0]) for one in installed)
    entry = NextBoot(release=next_boot, source="grub.cfg")
    return Kernel(
        running=running,
        installed=tuple(kernels),
        installed_standing=Standing.OK,
        next_boot=entry,
    )


def look(name, packages=INSTALLED, boot_id=BOOT_1, **more):
    return Snapshot(
        name,
        name,
        Boot(boot_id=boot_id),
        more.pop("kernel", kernel()),
        (PackageSet(installed=packages),),
        **more,
    )


def looks(*found):
    return {one.name: one for one in found}


ALL = ("before", "ready", "installed", "leaving", "arrived", "after")
UNCHANGED = looks(*map(look, ALL))
PATCHED = looks(*(look(name, INSTALLED if name in ALL[:2] else UPDATED) for name in ALL))


def phase(name, *bodies, outcome="passed", caller=CallerKind.PERSON, **more):
    names = {"pre": ALL[:2], "post": ALL[2:4], "on-exit": ALL[4:]}[name]
    taken = [SnapshotTaken(one, f"{one}.json") for one in names]
    end = ended(name, outcome, 0 if outcome == "passed" else 1, **more)
    return (started(name, caller=caller), taken[0], *bodies, taken[1], end)


WHOLE = (*phase("pre"), *phase("post"), *phase("on-exit"))


def judged(bodies, snapshots, at=ON_EXIT, hooks=(), severities=None, **of_opened):
    operation = folded(opened(**of_opened), *bodies)
    return judge(operation, snapshots, severities or {}, at, hooks)


def outcomes(judgement):
    return {check.id: check.outcome.value for check in judgement.checks}


def without_checks(judgement):
    return replace(judgement, checks=())


STAYED = KernelChange(OLD_KERNEL, OLD_KERNEL, OLD_KERNEL, OLD_KERNEL, OLD_KERNEL, "grub.cfg")
NO_BOOT = BootChange(rebooted=False, boot_id_before=BOOT_1, boot_id_after=BOOT_1)
NOT_LOOKED_AT = dict.fromkeys(  # these looks hold no running node
    (
        *("agent.alive", "clock.stepped", "config.rpmnew", "disk.low", "mounts.lost"),
        *("network.route-lost", "packages.files-intact", "processes.stale", "selinux.mode-kept"),
        *("sockets.lost", "units.failed-before", "units.failed-since-pre", "units.flapping"),
    ),
    "skip",
)
QUIET = {
    **NOT_LOOKED_AT,
    "boot.clean": "pass",
    "boot.count": "pass",
    "boot.loop": "pass",
    "boot.rebooted-as-expected": "skip",
    "hooks.changed-since-pre": "skip",
    "kernel.livepatch-kept": "skip",
    "kernel.next-boot-files": "pass",
    "kernel.next-boot-is-newest": "pass",
    "kernel.running-is-promised": "skip",  # it did not boot
    "packages.duplicates": "pass",
    "packages.history-agrees": "skip",
    "packages.log-agrees": "skip",
    "packages.unfinished-transaction": "skip",
    "reboot.needed": "pass",
    "undo.outstanding": "pass",
}


def test_three_phases_without_any_change_pass_without_a_warning():
    found = judged(WHOLE, UNCHANGED)
    assert without_checks(found) == Judgement(
        Changes((), STAYED, NO_BOOT),
        (),
        Way(Path.NOTHING_TO_DO, "nothing changed"),
        Verdict.PASSED,
        Health.PASSED,
    )
    assert outcomes(found) == QUIET
    assert {check.phase for check in found.checks} == {"on-exit"}


def test_pre_and_on_exit_alone_pass_where_no_post_is_expected():
    bodies = (*phase("pre"), *phase("on-exit"))
    snapshots = looks(*(look(name) for name in ("before", "ready", "arrived", "after")))
    found = judged(bodies, snapshots, expected=(PRE, ON_EXIT))
    assert (found.way.path, found.verdict) == (Path.NOTHING_TO_DO, Verdict.PASSED)


def test_a_changed_package_is_a_patched_machine():
    found = judged(WHOLE, PATCHED)
    assert without_checks(found) == Judgement(
        Changes((BASH,), STAYED, NO_BOOT),
        (),
        Way(Path.PATCHED_NO_REBOOT, "packages changed"),
        Verdict.PASSED,
        Health.PASSED,
    )
    assert outcomes(found) == QUIET


def rebooted_into(running):
    """Install brought a kernel that the boot loader promised; `running` came up."""
    came = kernel(OLD_KERNEL, NEW_KERNEL, (OLD_KERNEL, NEW_KERNEL))
    up = kernel(running, NEW_KERNEL, (OLD_KERNEL, NEW_KERNEL))
    return looks(
        look("before"),
        look("ready"),
        look("installed", UPDATED, kernel=came),
        look("leaving", UPDATED, kernel=came),
        look("arrived", UPDATED, BOOT_2, kernel=up),
        look("after", UPDATED, BOOT_2, kernel=up),
    )


def test_a_reboot_into_the_promised_kernel_passes():
    found = judged(WHOLE, rebooted_into(NEW_KERNEL))
    assert without_checks(found) == Judgement(
        Changes(
            (BASH,),
            KernelChange(OLD_KERNEL, NEW_KERNEL, NEW_KERNEL, NEW_KERNEL, NEW_KERNEL, "grub.cfg"),
            BootChange(True, 1, BOOT_1, BOOT_2),
        ),
        (),
        Way(Path.PATCHED_REBOOTED, "the machine booted since pre"),
        Verdict.PASSED,
        Health.PASSED,
    )
    assert outcomes(found) == {
        **QUIET,
        "boot.clean": "skip",
        "boot.rebooted-as-expected": "pass",
        "kernel.running-is-promised": "pass",
    }


def test_how_the_boot_before_began_is_told_by_the_first_look():
    booted = rebooted_into(NEW_KERNEL)
    boot = Boot(boot_id=BOOT_1, btime=1763596800, before=WentDown(clean=True))
    found = judged(WHOLE, {**booted, "before": replace(booted["before"], boot=boot)})
    before = {check.id: check.before for check in found.checks if check.id.startswith("boot.")}
    assert before == {
        "boot.clean": "",  # it is skipped: nobody told of the boot that came
        "boot.count": "up since 2025-11-20T00:00:00Z",
        "boot.loop": "up since 2025-11-20T00:00:00Z",
        "boot.rebooted-as-expected": "",
    }
    stayed = {**UNCHANGED, "before": replace(UNCHANGED["before"], boot=boot)}
    clean = next(one for one in judged(WHOLE, stayed).checks if one.id == "boot.clean")
    assert (clean.found, clean.before) == ("it did not boot", "a shutdown before its boot")


def test_a_reboot_into_the_old_kernel_fails_and_says_what_to_do():
    found = judged(WHOLE, rebooted_into(OLD_KERNEL))
    (check,) = [c for c in found.checks if c.id == "kernel.running-is-promised"]
    assert (found.way.path, found.verdict) == (Path.PATCHED_REBOOTED, Verdict.FAILED)
    assert (check.outcome, check.found) == (Outcome.FAIL, OLD_KERNEL)
    assert check.expected == f"{NEW_KERNEL} (grub.cfg)"
    assert check.remedy


def test_a_kernel_that_waits_for_a_boot_is_pending():
    waiting = kernel(OLD_KERNEL, NEW_KERNEL, (OLD_KERNEL, NEW_KERNEL))
    later = [look(name, UPDATED, kernel=waiting) for name in ALL[2:]]
    found = judged(WHOLE, looks(look("before"), look("ready"), *later))
    assert found.way == Way(Path.PATCHED_REBOOT_PENDING, "a reboot is needed")


def test_each_change_names_its_span():
    one, two, three, four = ({"bash.x86_64": ((f"4.2.46-{n}.amzn2", n),)} for n in (34, 35, 36, 37))
    found = judged(
        WHOLE,
        looks(
            look("before", one),
            look("ready", two),
            look("installed", three),
            look("leaving", three),
            look("arrived", four),
            look("after", four),
        ),
    )
    assert [change.between for change in found.changes.packages] == [
        "before..ready",
        "ready..installed",
        "leaving..arrived",
    ]


ONLY = phase("on-exit")
ALONE = looks(look("arrived", UPDATED, BOOT_2), look("after", UPDATED, BOOT_2))


@pytest.mark.parametrize(
    ("snapshots", "path", "verdict"),
    [
        (ALONE, Path.UNCLEAR, Verdict.INCOMPLETE),
        (
            {**ALONE, LAST_KNOWN: look(LAST_KNOWN, UPDATED)},
            Path.NOTHING_TO_DO,
            Verdict.PASSED,
        ),
        ({**ALONE, LAST_KNOWN: look(LAST_KNOWN)}, Path.PRE_MISSING, Verdict.FAILED),
        ({}, Path.UNCLEAR, Verdict.INCOMPLETE),
    ],
)
def test_on_exit_alone_is_judged_by_the_last_known_state(snapshots, path, verdict):
    found = judged(ONLY, snapshots)
    assert (found.way.path, found.verdict) == (path, verdict)


def test_the_last_known_state_names_the_span():
    found = judged(ONLY, {**ALONE, LAST_KNOWN: look(LAST_KNOWN)})
    assert [c.between for c in found.changes.packages] == ["last-known..arrived"]


POST_ONLY = (*phase("post"), *phase("on-exit"))
LATER = looks(*(look(name, UPDATED) for name in ALL[2:]))
WITHOUT_PRE = {"expected": (POST, ON_EXIT)}


@pytest.mark.parametrize(
    ("snapshots", "expected", "path"),
    [
        ({**LATER, LAST_KNOWN: look(LAST_KNOWN)}, WITHOUT_PRE, Path.PATCHED_NO_REBOOT),
        ({**LATER, LAST_KNOWN: look(LAST_KNOWN, UPDATED)}, WITHOUT_PRE, Path.NOTHING_TO_DO),
        # what Install did before the first look is not known
        (LATER, WITHOUT_PRE, Path.UNCLEAR),
        ({**LATER, LAST_KNOWN: look(LAST_KNOWN)}, {}, Path.PRE_MISSING),
        (LATER, {}, Path.UNCLEAR),
        # it booted before this operation
        (
            {**LATER, LAST_KNOWN: look(LAST_KNOWN, boot_id=BOOT_2)},
            WITHOUT_PRE,
            Path.PATCHED_NO_REBOOT,
        ),
    ],
)
def test_post_without_pre_is_judged_by_the_last_known_state(snapshots, expected, path):
    found = judged(POST_ONLY, snapshots, **expected)
    assert found.way.path is path
    assert (found.verdict is Verdict.PASSED) == (
        path in (Path.PATCHED_NO_REBOOT, Path.NOTHING_TO_DO)
    )


def test_a_lost_look_before_anything_is_no_proof_that_nothing_changed():
    some = {name: one for name, one in UNCHANGED.items() if name not in ("before", "ready")}
    found = judged(WHOLE, some)
    assert (found.way.path, found.verdict) == (Path.UNCLEAR, Verdict.INCOMPLETE)


def test_an_unreadable_database_is_no_proof_that_nothing_changed():
    lost = replace(UNCHANGED["after"], packages=(PackageSet(Standing.UNKNOWN, "locked"),))
    found = judged(WHOLE, {**UNCHANGED, "after": lost})
    assert (found.way.path, found.verdict) == (Path.UNCLEAR, Verdict.INCOMPLETE)


def test_a_transaction_that_failed_leaves_nothing_changed_unclear():
    failed = Transaction(7, TransactionState.FAILED)
    after = replace(UNCHANGED["installed"], histories=(History(transactions=(failed,)),))
    found = judged(WHOLE, {**UNCHANGED, "installed": after})
    assert found.way.path is Path.UNCLEAR


# -- phases that failed -----------------------------------------------------------------------

FAILED_10_A = ran("10-a", "failed", exit_code=1, reason="exit 1")


@pytest.mark.parametrize(
    ("snapshots", "way"),
    [
        (
            UNCHANGED,
            Way(Path.PRE_FAILED, "pre did not pass and nothing was installed"),
        ),
        (PATCHED, Way(Path.PATCHED_NO_REBOOT, "packages changed", pre_bypassed=True)),
    ],
)
def test_a_pre_that_failed_is_bypassed_when_something_was_installed(snapshots, way):
    bodies = (*phase("pre", *FAILED_10_A, outcome="failed"), *phase("post"), *phase("on-exit"))
    found = judged(bodies, snapshots)
    bypassed = "fail" if way.pre_bypassed else "pass"
    assert (found.way, found.verdict) == (way, Verdict.FAILED)
    assert outcomes(found) == {**QUIET, "run.pre-bypassed": bypassed}
    assert found.health is Health.PASSED


def test_a_pre_that_failed_where_nothing_can_be_read_may_have_been_bypassed():
    bodies = (*phase("pre", *FAILED_10_A, outcome="failed"), *phase("on-exit"))
    blind = {n: replace(one, packages=()) for n, one in UNCHANGED.items()}
    found = judged(bodies, blind)
    assert outcomes(found)["run.pre-bypassed"] == "unknown"
    assert (found.way.path, found.verdict) == (Path.PRE_FAILED, Verdict.FAILED)


def test_post_that_was_never_called_is_an_install_that_failed():
    bodies = (*phase("pre"), *phase("on-exit"))
    unfinished = History(unfinished=("transaction 7",))
    snapshots = {**PATCHED, "after": replace(PATCHED["after"], histories=(unfinished,))}
    found = judged(bodies, snapshots)
    reason = "post was never called; unfinished: transaction 7"
    assert found.way == Way(Path.INSTALL_FAILED, reason)
    assert found.verdict is Verdict.FAILED


@pytest.mark.parametrize(
    ("hook", "outcome", "path", "verdict"),
    [
        (("failed", True), "failed", Path.POST_FAILED, Verdict.FAILED),
        (("failed", False), "passed", Path.PATCHED_NO_REBOOT, Verdict.PASSED_WITH_WARNINGS),
        (("failed", True), "timed-out", Path.POST_FAILED, Verdict.FAILED),
        (("timed-out", False), "timed-out", Path.PATCHED_NO_REBOOT, Verdict.PASSED_WITH_WARNINGS),
        (("passed", True), "failed", Path.POST_FAILED, Verdict.FAILED),
        (("passed", True), "interrupted", Path.PATCHED_NO_REBOOT, Verdict.INCOMPLETE),
    ],
)
def test_how_post_ended_counts(hook, outcome, path, verdict):
    bodies = ran("50-a", hook[0], "post", required=hook[1])
    whole = (*phase("pre"), *phase("post", *bodies, outcome=outcome), *phase("on-exit"))
    found = judged(whole, PATCHED)
    assert (found.way.path, found.verdict) == (path, verdict)


def test_a_required_hook_that_had_no_time_leaves_the_verdict_open():
    late = "the deadline was reached"
    over = HookPassedOver(ON_EXIT, 1, "70-a", HookOutcome.SKIPPED, True, late)
    bodies = (*phase("pre"), *phase("post"))
    cut = phase("on-exit", over, outcome="timed-out", reason=late)
    assert judged((*bodies, *cut), PATCHED).verdict is Verdict.INCOMPLETE
    wanted = phase("on-exit", replace(over, required=False), outcome="timed-out", reason=late)
    assert judged((*bodies, *wanted), PATCHED).verdict is Verdict.PASSED


@pytest.mark.parametrize(
    ("bodies", "verdict"),
    [
        ((), Verdict.INCOMPLETE),
        (phase("pre"), Verdict.INCOMPLETE),
        (phase("pre", *FAILED_10_A, outcome="failed"), Verdict.FAILED),
        ((*phase("pre"), *phase("post")), Verdict.INCOMPLETE),
        (WHOLE[:-1], Verdict.INCOMPLETE),
        ((*WHOLE[:-2], *ran("70-a", "failed", "on-exit")), Verdict.FAILED),
        ((*WHOLE, Observed("journal.lost", "full")), Verdict.INCOMPLETE),
        ((*WHOLE, Observed("override.hooks", ["pre/10-a"])), Verdict.PASSED_WITH_WARNINGS),
        (WHOLE, Verdict.PASSED),
    ],
)
def test_an_operation_that_has_not_ended_or_lost_events_never_passes(bodies, verdict):
    assert judged(bodies, UNCHANGED).verdict is verdict


# -- recovery ---------------------------------------------------------------------------------

RECOVERY, SSM = CallerKind.RECOVERY, CallerKind.SSM_COMMAND
BEFORE_ON_EXIT = (*phase("pre"), *phase("post"))


@pytest.mark.parametrize(
    ("bodies", "expected", "way", "verdict"),
    [
        # nobody but hookd ran it
        (
            phase("on-exit", caller=RECOVERY),
            tuple(Phase),
            Way(
                Path.INTERRUPTED,
                "hookd itself ran on-exit, its caller never did",
                Path.PATCHED_NO_REBOOT,
            ),
            Verdict.FAILED,
        ),
        # SSM came later
        (
            (
                *phase("on-exit", caller=RECOVERY),
                started("on-exit", caller=SSM, resumed=True),
                ended("on-exit"),
            ),
            tuple(Phase),
            Way(Path.PATCHED_NO_REBOOT, "packages changed"),
            Verdict.PASSED_WITH_WARNINGS,
        ),
        # SSM came first, recovery tried an undo again
        (
            (
                *phase("on-exit", caller=SSM),
                started("on-exit", caller=RECOVERY, resumed=True),
                ended("on-exit"),
            ),
            tuple(Phase),
            Way(Path.PATCHED_NO_REBOOT, "packages changed"),
            Verdict.PASSED,
        ),
        # nobody else was to run it
        (
            phase("on-exit", caller=RECOVERY),
            (PRE, POST),
            Way(Path.PATCHED_NO_REBOOT, "packages changed"),
            Verdict.PASSED,
        ),
    ],
)
def test_who_ran_on_exit_counts(bodies, expected, way, verdict):
    found = judged((*BEFORE_ON_EXIT, *bodies), PATCHED, expected=expected)
    assert (found.way, found.verdict) == (way, verdict)


# -- undos ------------------------------------------------------------------------------------

KEPT = UndoKept("70-join", "pre/10-a", "undo/70-join", "ab", HookSpec(undoes="pre/10-a"))
OWING = (*phase("pre", KEPT, *ran("10-a")), *phase("post"))


def test_an_undo_that_is_owed_fails_the_operation_and_not_its_health():
    failing = ran("70-join", "failed", "on-exit", exit_code=1, reason="exit 1: no route")
    found = judged((*OWING, *phase("on-exit", *failing)), UNCHANGED)
    (check,) = [c for c in found.checks if c.id == "undo.outstanding"]
    assert found.outstanding == (Undo("70-join", "pre/10-a"),)
    assert (check.outcome, check.found) == (Outcome.FAIL, "70-join (exit 1: no route)")
    assert (found.verdict, found.health) == (Verdict.FAILED, Health.PASSED)


def test_an_undo_that_is_done_is_not_owed():
    found = judged((*OWING, *phase("on-exit", *ran("70-join", phase="on-exit"))), UNCHANGED)
    assert (found.outstanding, found.verdict) == ((), Verdict.PASSED)
    assert outcomes(found) == QUIET


def test_an_undo_that_nobody_ran_is_owed():
    found = judged((*OWING, *phase("on-exit")), UNCHANGED)
    (check,) = [c for c in found.checks if c.id == "undo.outstanding"]
    assert (check.found, found.verdict) == ("70-join (it was not run)", Verdict.FAILED)


def test_an_undo_of_today_is_owed_as_well():
    spec = HookSpec(undoes="pre/10-a")
    today = Hook(ON_EXIT, "80-join", "/h/80-join", spec=spec)
    bodies = (*phase("pre", *ran("10-a")), *phase("post"), *phase("on-exit"))
    assert judged(bodies, UNCHANGED).outstanding == ()
    assert judged(bodies, UNCHANGED, hooks=(today,)).outstanding == (Undo("80-join", "pre/10-a"),)


# -- hooks, phases and what is recorded -------------------------------------------------------


def test_hooks_are_compared_with_what_pre_saw():
    hooks = (
        Hook(PRE, "10-a", "/h/10-a", sha256="ab"),
        Hook(POST, "20-b", "/h/20-b", HookState.REFUSED, sha256="cd"),
        Hook(POST, "30-c", "/h/30-c", HookState.MASKED, sha256="ef"),
    )
    seen = {"pre/10-a": "ab", "post/20-b": "cd"}
    assert hook_digests(hooks) == seen
    same = judged((Observed("hooks", seen), *WHOLE), UNCHANGED, hooks=hooks)
    other = judged((Observed("hooks", {"pre/10-a": "zz"}), *WHOLE), UNCHANGED, hooks=hooks)
    garbled = judged((Observed("hooks", [1]), *WHOLE), UNCHANGED, hooks=hooks)
    name = "hooks.changed-since-pre"
    found = [outcomes(one)[name] for one in (same, other, garbled)]
    assert found == ["pass", "warn", "skip"]


def test_pre_judges_what_it_needs_and_post_what_came():
    pre = judged(phase("pre")[:-1], looks(look("before")), PRE)
    assert outcomes(pre) == {
        "packages.readable": "pass",
        "packages.unfinished-transaction": "skip",
    }
    post = judged((*phase("pre"), *phase("post")[:-1]), UNCHANGED, POST)
    assert {check.id: check.phase for check in post.checks} == dict.fromkeys(
        [
            "config.rpmnew",
            "disk.low",
            "kernel.next-boot-files",
            "kernel.next-boot-is-newest",
            "packages.duplicates",
            "packages.files-intact",
            "packages.history-agrees",
            "packages.log-agrees",
            "packages.unfinished-transaction",
            "units.failed-since-pre",
        ],
        "post",
    )


def test_a_check_of_an_earlier_phase_stays_until_it_is_judged_again():
    low = Check("state.writable", Outcome.FAIL, Severity.WARN, phase="pre")
    twice = Check("packages.duplicates", Outcome.FAIL, phase="pre")
    found = judged((*WHOLE, Checked(PRE, (low, twice))), UNCHANGED)
    assert outcomes(found) == {**QUIET, "state.writable": "fail"}
    assert found.verdict is Verdict.PASSED_WITH_WARNINGS


def test_the_configuration_says_how_a_check_counts():
    waiting = kernel(OLD_KERNEL, OLD_KERNEL, (OLD_KERNEL, NEW_KERNEL))
    later = {n: replace(one, kernel=waiting) for n, one in UNCHANGED.items()}
    name = "kernel.next-boot-is-newest"
    verdicts = [
        judged(WHOLE, later, severities={name: severity}).verdict
        for severity in (Severity.IGNORE, Severity.WARN, Severity.FAIL)
    ]
    assert verdicts == [Verdict.PASSED, Verdict.PASSED_WITH_WARNINGS, Verdict.FAILED]


@pytest.mark.parametrize("snapshots", [UNCHANGED, PATCHED, rebooted_into(OLD_KERNEL), ALONE, {}])
@pytest.mark.parametrize(
    "bodies",
    [WHOLE, (*OWING, *phase("on-exit", *ran("70-join", "failed", "on-exit"))), ONLY, POST_ONLY],
)
def test_the_record_tells_what_was_judged(bodies, snapshots):
    numbered = events(opened(), *bodies)
    found = judge(fold(numbered), snapshots, {}, ON_EXIT)
    checked = Checked(ON_EXIT, tuple(c for c in found.checks if c.phase == "on-exit"), found.health)
    recorded = apply(fold(numbered), events(checked, first=len(numbered) + 1)[0])
    assert judge_recorded(recorded, snapshots) == found


def phase_run(*bodies, outcome="passed"):
    return folded(opened(), *phase("pre", *bodies, outcome=outcome)).phases[0]


@pytest.mark.parametrize(
    ("run", "checks", "expected"),
    [
        (phase_run(), [], Verdict.PASSED),
        (phase_run(*FAILED_10_A, outcome="failed"), [], Verdict.FAILED),
        (phase_run(outcome="timed-out"), [], Verdict.FAILED),
        (phase_run(outcome="interrupted"), [], Verdict.FAILED),
        (phase_run(outcome="running"), [], Verdict.PASSED),
        (phase_run(*ran("10-a", "failed", required=False)), [], Verdict.PASSED_WITH_WARNINGS),
        (phase_run(), [Check("disk.low", Outcome.FAIL, phase="pre")], Verdict.FAILED),
        (phase_run(), [Check("disk.low", Outcome.FAIL, phase="post")], Verdict.PASSED),
    ],
)
def test_the_verdict_over_one_phase_is_its_own(run, checks, expected):
    assert phase_verdict(run, checks) is expected


def test_a_hook_that_still_runs_is_no_verdict():
    bodies = (*phase("pre"), *phase("post"), started("on-exit"), hook_started("70-a", "on-exit"))
    assert judged(bodies, UNCHANGED).verdict is Verdict.INCOMPLETE
    over = (*bodies, hook_ended("70-a", phase="on-exit"), ended("on-exit"))
    assert judged(over, UNCHANGED).verdict is Verdict.PASSED


def test_without_any_look_and_any_phase_nothing_is_known():
    found = judged((), {})
    assert (found.way.path, found.verdict) == (Path.UNCLEAR, Verdict.INCOMPLETE)
    assert found.changes == Changes()


def test_phase_outcomes_are_all_judged():
    for outcome in PhaseOutcome:
        assert isinstance(phase_verdict(phase_run(outcome=outcome.value), ()), Verdict)


COMMAND = "0f1e2d3c-4b5a-4697-8877-665544332211"
SCANNED = Summary(COMMAND, "scan", missing=0, failed=0, installed_pending_reboot=0)
INSTALLED_25 = Summary(COMMAND, "install", missing=0, failed=0, installed_pending_reboot=25)


def of_run(*, entered, **summaries):
    """Return what is journalled of a run of SSM: `summaries` by phase, with `_` for `-`."""
    folders = {"VerifyLocalPatchStatesLinux": True, "InstallNoReboot": entered}
    found = {
        name.replace("_", "-"): encode(Entry(of_run=True, summary=summary))
        for name, summary in summaries.items()
    }
    yield Observed("ssm", {"reboot_option": "RebootIfNeeded", "folders": folders})
    yield Observed("patch", found)


def by_ssm(bodies, snapshots):
    """Judge an operation of which only on-exit was expected."""
    more = {"run_id": COMMAND, "caller": CallerKind.SSM_COMMAND, "expected": (ON_EXIT,)}
    return judged(bodies, snapshots, **more)


def test_nothing_is_missing_by_the_scan_and_not_by_the_install_that_follows_it():
    before = replace(look(LAST_KNOWN), name=LAST_KNOWN)
    found = looks(before, look("arrived", UPDATED, BOOT_2), look("after", UPDATED, BOOT_2))
    bodies = (SnapshotTaken(LAST_KNOWN, f"{LAST_KNOWN}.json"), *phase("on-exit"))
    installed = by_ssm((*of_run(entered=True, on_exit=INSTALLED_25), *bodies), found)
    scanned = by_ssm((*of_run(entered=False, on_exit=SCANNED), *bodies), found)

    assert installed.way.path is Path.PATCHED_REBOOTED
    assert scanned.way.path is Path.NOTHING_TO_DO


def test_a_run_that_had_nothing_to_install_was_not_to_reboot_by_its_scan():
    found = looks(look("arrived"), look("after"))
    judgement = by_ssm((*of_run(entered=False, on_exit=SCANNED), *phase("on-exit")), found)

    assert outcomes(judgement)["boot.rebooted-as-expected"] == "pass"
    assert judgement.verdict is Verdict.PASSED


def test_the_first_look_of_a_boot_does_not_hide_what_was_installed_before_and_after_it():
    scanned = replace(SCANNED, missing=1)
    installed = replace(INSTALLED_25, installed_pending_reboot=1)
    found = looks(
        look("before"),
        look("ready"),
        look("booted-1", boot_id=BOOT_2),
        *(look(name, UPDATED, BOOT_2) for name in ALL[2:]),
    )
    taken = SnapshotTaken("booted-1", "booted-1.json")
    bodies = (*phase("pre"), taken, *phase("post"), *phase("on-exit"))
    judgement = judged(
        (*of_run(entered=True, pre=scanned, post=installed), *bodies),
        found,
        run_id=COMMAND,
        caller=CallerKind.SSM_COMMAND,
    )

    assert outcomes(judgement)["ssm.patch-counts-agree"] == "pass"
