"""What hookd does next by itself after boots: runs not resumed, boot loops, awaited reboots."""

from __future__ import annotations

import pytest
from support.journals import BOOT_1, BOOT_2, ended, events, opened, ran, started

from hookd.core.belong import Belonging, Call, Choice, Known, belong
from hookd.core.due import Act, Due, Moment, Patience, Reached, boots_of, due, is_watched, late_look
from hookd.core.fold import fold
from hookd.core.journal import Noted, Observed, OperationClosed, SnapshotTaken, UndoKept
from hookd.core.liveness import Seen
from hookd.core.model import HookSpec, Liveness, Path, Phase, Verdict

ALIVE, DEAD, UNKNOWN = Liveness.ALIVE, Liveness.DEAD, Liveness.UNKNOWN
BOOT_3 = "33333333-3333-4333-8333-333333333333"
BOOT_4 = "44444444-4444-4444-8444-444444444444"
PATIENCE = Patience(grace_s=900.0, abandon_after_s=14400.0, alive_limit_s=43200.0)
PRE = (started("pre"), ended("pre"))
KEPT = UndoKept("30-join", "pre/30-leave", "/undo/30-join", "aa", HookSpec(undoes="pre/30-leave"))
OWING = (started("pre"), KEPT, *ran("30-leave"), ended("pre"))
PENDING = OperationClosed(Path.PATCHED_REBOOT_PENDING, Verdict.PASSED)
NOT_RESUMED = Seen(resumed=False)
UNLESS = "unless on-exit is called before: its run "


def over_boots(*boots):
    """Fold `boots`: each the id of a boot and what was recorded in it."""
    found = []
    for boot_id, *bodies in boots:
        found += events(*bodies, boot_id=boot_id, first=len(found) + 1)
    return fold(found)


def in_boot(boot_id, seconds):
    return Moment(boot_id, seconds)


def after_a_boot(*noted):
    looked = [SnapshotTaken("booted-1"), *noted]
    return over_boots((BOOT_1, opened(run_id="run-a"), *PRE), (BOOT_2, *looked))


RUNS = {
    "resumed: it has its time": (
        ALIVE,
        Seen(),
        100,
        Due(Act.ON_EXIT, 43100.0, UNLESS + "is alive"),
    ),
    "not resumed: grace": (
        ALIVE,
        NOT_RESUMED,
        100,
        Due(Act.ON_EXIT, 800.0, UNLESS + "stands in its agent's files and was not resumed"),
    ),
    "not resumed within grace": (
        ALIVE,
        NOT_RESUMED,
        900,
        Due(
            Act.ON_EXIT,
            0.0,
            "its run stands in its agent's files and was not resumed, for too long",
        ),
    ),
    "gone at one look: looked at again": (
        UNKNOWN,
        Seen(second_look_in_s=60.0),
        100,
        Due(Act.ON_EXIT, 60.0, UNLESS + "was gone at one look"),
    ),
    "gone at one look, grace over": (
        UNKNOWN,
        Seen(second_look_in_s=60.0),
        900,
        Due(Act.ON_EXIT, 0.0, "its run was gone at one look, for too long"),
    ),
    "unknown: grace": (
        UNKNOWN,
        Seen(),
        100,
        Due(Act.ON_EXIT, 800.0, UNLESS + "cannot be asked whether it is alive"),
    ),
    "dead: now": (DEAD, Seen(), 100, Due(Act.ON_EXIT, 0.0, "its run is dead")),
}


@pytest.mark.parametrize(("liveness", "seen", "up_s", "expected"), RUNS.values(), ids=RUNS)
def test_after_a_boot_it_waits_for_the_run_as_it_was_seen(liveness, seen, up_s, expected):
    moment = in_boot(BOOT_2, float(up_s))
    assert due(after_a_boot(), liveness, moment, PATIENCE, seen=seen) == expected


def test_in_the_boot_of_its_phase_a_file_is_as_good_as_a_worker():
    operation = over_boots((BOOT_1, opened(run_id="run-a"), *PRE))
    found = due(operation, ALIVE, in_boot(BOOT_1, 103.0), PATIENCE, seen=NOT_RESUMED)
    assert found.in_s == 43200.0


def crashed(boots):
    """An operation whose machine came up `boots` times after pre, the last time in BOOT_4."""
    between = [(boot_id, Noted("x", "y")) for boot_id in (BOOT_2, BOOT_3)[: boots - 1]]
    return over_boots((BOOT_1, opened(run_id="run-a"), *OWING), *between)


LOOPS = {
    "second boot": (2, DEAD, 50, 0.0),
    "third boot": (3, DEAD, 50, 850.0),
    "third boot, up for the grace": (3, DEAD, 900, 0.0),
    "third boot, and it waits longer anyway": (3, ALIVE, 50, 43150.0),
}


@pytest.mark.parametrize(("boots", "liveness", "up_s", "in_s"), LOOPS.values(), ids=LOOPS)
def test_from_the_third_boot_on_nothing_starts_before_the_grace(boots, liveness, up_s, in_s):
    operation, moment = crashed(boots), in_boot(BOOT_4, float(up_s))
    assert boots_of(operation, BOOT_4) == boots
    assert due(operation, liveness, moment, PATIENCE).in_s == in_s


def test_a_loop_of_boots_is_named():
    found = due(crashed(3), DEAD, in_boot(BOOT_4, 50.0), PATIENCE)
    assert found.reason == "its run is dead; not at once, the machine booted 3 times since pre"


def test_undos_that_are_tried_again_wait_in_a_loop_of_boots_too():
    closed = OperationClosed(Path.INTERRUPTED, Verdict.FAILED)
    over = (started("on-exit"), ended("on-exit", "failed", 1), closed)
    operation = over_boots(
        (BOOT_1, opened(run_id="run-a"), *OWING),
        (BOOT_2, *over),
        (BOOT_3, SnapshotTaken("booted-2")),
    )
    found = due(operation, UNKNOWN, in_boot(BOOT_4, 100.0), PATIENCE)
    assert (found.act, found.in_s) == (Act.RETRY_UNDOS, 800.0)


DOUBTS = {
    "went down without a shutdown": ({"boot_id": BOOT_2, "clean": False}, 50, 850.0),
    "and is up for the grace": ({"boot_id": BOOT_2, "clean": False}, 900, 0.0),
    "went down in order": ({"boot_id": BOOT_2, "clean": True}, 50, 0.0),
    "nobody knows how": ({"boot_id": BOOT_2, "clean": None}, 50, 0.0),
    "noted by an older hookd": ({"boot_id": BOOT_2}, 50, 0.0),
    "noted in another boot": ({"boot_id": BOOT_1, "clean": False}, 50, 0.0),
    "noted in another shape": ([False], 50, 0.0),
}


@pytest.mark.parametrize(("noted", "up_s", "in_s"), DOUBTS.values(), ids=DOUBTS)
def test_after_an_unclean_boot_nothing_starts_before_the_grace(noted, up_s, in_s):
    operation = after_a_boot(Observed("booted", noted))
    assert due(operation, DEAD, in_boot(BOOT_2, float(up_s)), PATIENCE).in_s == in_s


def test_an_unclean_boot_is_named():
    operation = after_a_boot(Observed("booted", {"boot_id": BOOT_2, "clean": False}))
    found = due(operation, DEAD, in_boot(BOOT_2, 50.0), PATIENCE)
    reason = "its run is dead; not at once, the machine went down without a shutdown"
    assert found == Due(Act.ON_EXIT, 850.0, reason)


OFFLINE = Reached(("network-online.target", "cloud-final.service"), None)
ONLINE = Reached(("cloud-final.service",), 40.0)
BOTH = "network-online.target, cloud-final.service"
OWES = (started("on-exit"), ended("on-exit", "failed", 1))

GATES = {
    "the network is awaited": (
        DEAD,
        Seen(),
        Moment(BOOT_2, 50.0, reached=OFFLINE),
        Due(Act.ON_EXIT, 850.0, "its run is dead", BOTH),
    ),
    "cloud-init is awaited": (
        DEAD,
        Seen(),
        Moment(BOOT_2, 50.0, reached=ONLINE),
        Due(Act.ON_EXIT, 850.0, "its run is dead", "cloud-final.service"),
    ),
    "the boot has come far enough": (
        DEAD,
        Seen(),
        Moment(BOOT_2, 50.0, reached=Reached((), 40.0)),
        Due(Act.ON_EXIT, 0.0, "its run is dead"),
    ),
    "the grace of uptime is enough": (
        DEAD,
        Seen(),
        Moment(BOOT_2, 900.0, reached=OFFLINE),
        Due(Act.ON_EXIT, 0.0, "its run is dead"),
    ),
    "what is due later waits for itself": (
        UNKNOWN,
        Seen(),
        Moment(BOOT_2, 50.0, reached=OFFLINE),
        Due(Act.ON_EXIT, 850.0, UNLESS + "cannot be asked whether it is alive"),
    ),
    "in the boot of its phase as well": (
        DEAD,
        Seen(),
        Moment(BOOT_1, 110.0, reached=OFFLINE),
        Due(Act.ON_EXIT, 790.0, "its run is dead", BOTH),
    ),
}


@pytest.mark.parametrize(("liveness", "seen", "moment", "expected"), GATES.values(), ids=GATES)
def test_hooks_wait_for_what_the_boot_has_not_reached(liveness, seen, moment, expected):
    operation = over_boots((BOOT_1, opened(run_id="run-a"), *PRE))
    assert due(operation, liveness, moment, PATIENCE, seen=seen) == expected


RESUMES = {
    "online at 40 s": (Reached((), 40.0), 100, 840.0),
    "online at 40 s, too long ago": (Reached((), 40.0), 940, 0.0),
    "not online": (OFFLINE, 100, 900.0),
    "not online within the grace": (OFFLINE, 1000, 800.0),
    "never online": (OFFLINE, 1800, 0.0),
    "online only after the grace": (Reached((), 1700.0), 1799, 1.0),
}


@pytest.mark.parametrize(("reached", "up_s", "in_s"), RESUMES.values(), ids=RESUMES)
def test_the_agent_has_the_grace_from_being_online_to_resume_its_run(reached, up_s, in_s):
    moment = Moment(BOOT_2, float(up_s), reached=reached)
    assert due(after_a_boot(), ALIVE, moment, PATIENCE, seen=NOT_RESUMED).in_s == in_s


def test_undos_that_are_tried_again_wait_for_the_network_too():
    operation = over_boots(
        (BOOT_1, opened(run_id="run-a"), *OWING, *OWES), (BOOT_2, Noted("x", "y"))
    )
    found = due(operation, DEAD, Moment(BOOT_2, 50.0, reached=OFFLINE), PATIENCE)
    assert found == Due(Act.RETRY_UNDOS, 850.0, "30-join is outstanding", BOTH)


def test_closing_starts_no_hook_and_waits_for_nothing():
    over = (started("on-exit"), ended("on-exit"))
    operation = over_boots((BOOT_1, opened(run_id="run-a"), *PRE, *over))
    found = due(operation, DEAD, Moment(BOOT_1, 50.0, reached=OFFLINE), PATIENCE)
    assert found == Due(Act.CLOSE, 0.0, "nothing is owed any more")


def test_after_a_boot_nothing_is_done_for_what_may_be_anothers():
    found = due(after_a_boot(), DEAD, in_boot(BOOT_2, 99.0), PATIENCE, is_here=None)
    assert found == Due(Act.NOTHING, None, "it is not known whether it is of this machine")


def test_in_the_boot_of_its_phase_it_is_this_machines():
    operation = over_boots((BOOT_1, opened(run_id="run-a"), *PRE))
    found = due(operation, DEAD, in_boot(BOOT_1, 110.0), PATIENCE, is_here=None)
    assert found == Due(Act.ON_EXIT, 0.0, "its run is dead")


WATCHED = (BOOT_1, opened(), *PRE, SnapshotTaken("after"), PENDING)
AWAITED = "the reboot that it waited for has come"
LOOKED = (BOOT_2, Observed("booted", {}), SnapshotTaken("booted-1"))
TOLD = Observed("follow_ups", [{"look": "booted-1"}])

WATCHES = {
    "until the reboot": (
        (WATCHED,),
        BOOT_1,
        Due(Act.WAIT, None, "a reboot is pending; the next boot is judged"),
    ),
    "the boot has come": ((WATCHED,), BOOT_2, Due(Act.FOLLOW_UP, 0.0, AWAITED)),
    "looked at, not told": ((WATCHED, LOOKED), BOOT_2, Due(Act.FOLLOW_UP, 0.0, AWAITED)),
    "told that it has not come": (
        ((*WATCHED, Observed("follow_ups", [{"look": ""}])),),
        BOOT_1,
        Due(Act.WAIT, None, "a reboot is pending; the next boot is judged"),
    ),
    "told in another shape": (
        ((*WATCHED, Observed("follow_ups", {"look": "booted-1"})),),
        BOOT_2,
        Due(Act.FOLLOW_UP, 0.0, AWAITED),
    ),
    "told": (
        (WATCHED, (*LOOKED, TOLD)),
        BOOT_2,
        Due(Act.NOTHING, None, "the operation is closed"),
    ),
}


@pytest.mark.parametrize(("boots", "boot_id", "expected"), WATCHES.values(), ids=WATCHES)
def test_a_closed_operation_waits_for_its_reboot(boots, boot_id, expected):
    operation = over_boots(*boots)
    assert due(operation, UNKNOWN, in_boot(boot_id, 300.0), PATIENCE) == expected


def test_a_hold_keeps_no_reboot_from_being_judged():
    found = due(over_boots(WATCHED), UNKNOWN, in_boot(BOOT_2, 30.0), PATIENCE, held="why")
    assert found == Due(Act.FOLLOW_UP, 0.0, AWAITED)


def test_without_a_boot_id_no_reboot_is_seen():
    assert due(over_boots(WATCHED), UNKNOWN, in_boot("", 30.0), PATIENCE).act is Act.WAIT


@pytest.mark.parametrize("path", [path for path in Path if path is not Path.PATCHED_REBOOT_PENDING])
def test_only_a_pending_reboot_is_watched(path):
    closed = (*WATCHED[:-1], OperationClosed(path, Verdict.PASSED))
    assert not is_watched(over_boots(closed))


LATE = {
    "no boot": ((WATCHED,), ""),
    "after on-exit": ((WATCHED, LOOKED), "booted-1"),
    "before on-exit": (
        ((BOOT_1, opened()), (BOOT_2, SnapshotTaken("booted-1"), SnapshotTaken("after"))),
        "",
    ),
    "before and after it": (
        (
            (BOOT_1, opened()),
            (BOOT_2, SnapshotTaken("booted-1"), SnapshotTaken("after")),
            (BOOT_3, SnapshotTaken("booted-2")),
        ),
        "booted-2",
    ),
}


@pytest.mark.parametrize(("boots", "expected"), LATE.values(), ids=LATE)
def test_a_late_look_came_after_all_others(boots, expected):
    assert late_look(over_boots(*boots)) == expected


OPEN = over_boots((BOOT_1, opened(run_id="run-a"), *PRE))
OF_RUN_A = "operation 20261105T041807Z-7f3a of run run-a is open since 2026-11-05T04:18:01.000000Z"
GONE_ONCE = Known(OPEN, UNKNOWN, Seen(second_look_in_s=40.0))


def test_a_foreign_pre_learns_when_to_look_again():
    found = belong(Call(Phase.PRE, run_id="run-b"), [GONE_ONCE], in_boot(BOOT_1, 103.0), PATIENCE)
    reason = f"{OF_RUN_A} (its run was gone at one look)"
    assert found == Belonging(Choice.BUSY, reason, OPEN.id, 40.0)


def test_a_run_that_was_not_resumed_is_ended_by_the_next_pre():
    known = Known(after_a_boot(), ALIVE, NOT_RESUMED)
    found = belong(Call(Phase.PRE, run_id="run-b"), [known], in_boot(BOOT_2, 900.0), PATIENCE)
    assert found.choice is Choice.END_FIRST
