"""The judgement of units: what the patch run broke, and what it did not."""

from __future__ import annotations

import pytest
from support.looks import BOOT_2, dead, ends, failed, look, mount, owning, unit, updated

from hookd.core.checks import units
from hookd.core.ignore import Ignore
from hookd.core.model import Outcome
from hookd.core.node import Unit, Units

PASS, WARN, FAIL = Outcome.PASS, Outcome.WARN, Outcome.FAIL
UNKNOWN, SKIP = Outcome.UNKNOWN, Outcome.SKIP
APP, FRAGMENT = "app.service", "/usr/lib/systemd/system/app.service"
RUNS = unit(APP, fragment=FRAGMENT)


def looked(before, *later, boots=(), names=("installed", "leaving", "arrived", "after")):
    """Return looks with one list of units each; `boots` names those after a boot."""
    names = names[-len(later) :]
    found = [look("before", units=before)]
    for name, now in zip(names, later):
        found.append(look(name, **({"boot": BOOT_2} if name in boots else {}), units=now))
    return found


def told(check):
    return check.outcome, check.found


def of_before(check):
    return check.outcome, check.before


def since_pre(*looks, **more):
    return told(units.failed_since_pre(ends(*looks, **more)))


# -- failed since pre --------------------------------------------------------------------------

BROKEN = {
    "failed": ([RUNS], [failed(APP)], "app.service is failed"),
    "failed, not there before": ([], [failed("new.service")], "new.service is failed"),
    "failed oneshot": (
        [dead("job.service", kind="oneshot")],
        [failed("job.service", kind="oneshot")],
        "job.service is failed",
    ),
    "failed timer": ([unit("a.timer", sub="waiting")], [failed("a.timer")], "a.timer is failed"),
    "stopped": ([RUNS], [dead(APP)], "app.service is stopped"),
    "stopped and disabled": ([RUNS], [dead(APP, "disabled")], "app.service is stopped"),
    "forgotten": ([RUNS], [], "app.service is stopped and not loaded"),
    "a timer that is stopped": ([unit("a.timer")], [dead("a.timer")], "a.timer is stopped"),
    "an init script of systemd 219": (
        [unit("network.service", sub="exited", enabled="bad", kind="forking")],
        [dead("network.service", "bad", kind="forking")],
        "network.service is stopped",
    ),
    "its file is gone and it stopped": (
        [RUNS],
        [dead(APP, "", load="not-found")],
        "app.service is without its unit file",
    ),
    "its file is gone while it runs": (
        [unit("tool.service", enabled="static")],
        [unit("tool.service", enabled="", load="not-found")],
        "tool.service is without its unit file",
    ),
}


@pytest.mark.parametrize(("before", "now", "found"), BROKEN.values(), ids=BROKEN)
def test_what_is_broken(before, now, found):
    assert since_pre(*looked(before, now)) == (FAIL, found)


WELL = {
    "as before": ([RUNS], [RUNS]),
    "restarted": ([RUNS], [unit(APP, main_pid=7, started_us=7)]),
    "starts": ([RUNS], [unit(APP, "activating", "start-post")]),
    "waits to be restarted": ([RUNS], [unit(APP, "activating", "auto-restart")]),
    "reloads": ([RUNS], [unit(APP, "reloading", "reload")]),
    "stops": ([RUNS], [unit(APP, "deactivating", "stop-sigterm")]),
    "failed before": ([failed(APP)], [failed(APP)]),
    "recovered": ([failed(APP)], [RUNS]),
    "reset": ([failed(APP)], [dead(APP)]),
    "started by hand before": ([unit(APP, enabled="disabled")], [dead(APP, "disabled")]),
    "static": ([unit("systemd-hostnamed.service", enabled="static")], []),
    "oneshot that stayed": (
        [unit("systemd-pstore.service", sub="exited", kind="oneshot")],
        [dead("systemd-pstore.service", kind="oneshot")],
    ),
    "oneshot that ran": ([unit("a.service", "activating", "start", kind="oneshot")], []),
    "timer that ran": ([unit("a.timer", sub="waiting")], [unit("a.timer", sub="elapsed")]),
    "was on its way": ([unit(APP, "activating", "start")], [dead(APP)]),
    "a target": ([unit("remote-fs.target", sub="active")], [dead("remote-fs.target")]),
    "a mount without its unit file": (
        [unit("data.mount", sub="mounted", enabled="generated")],
        [unit("data.mount", sub="mounted", enabled="", load="not-found")],
    ),
    "of systemd-run": ([], [failed("run-u4.service")]),
    "of a person": ([unit("user@1000.service")], [failed("user@1000.service")]),
    "hookd's own": ([unit("hookd.socket")], [failed("hookd.service")]),
    "transient": ([], [failed("patch-it.service", "transient")]),
}


@pytest.mark.parametrize(("before", "now"), WELL.values(), ids=WELL)
def test_what_is_well(before, now):
    assert since_pre(*looked(before, now)) == (PASS, "it does")


def test_before_expected_and_remedy_are_told():
    check = units.failed_since_pre(ends(*looked([RUNS], [failed(APP)])))
    assert (check.before, check.expected) == (
        "app.service active (running), enabled",
        "what ran or was well does so",
    )
    assert "journalctl -b -u UNIT" in check.remedy


def test_it_says_which_package_is_behind_it():
    asked = owning(owners={FRAGMENT: "app.noarch"})
    looks = (look("before", units=[RUNS]), look("after", units=[failed(APP)], aftermath=asked))
    found = since_pre(*looks, packages=updated("app.noarch"))
    assert found == (FAIL, "app.service is failed (app.noarch changed)")


@pytest.mark.parametrize(
    ("later", "found"),
    [
        (([RUNS], [failed(APP)], [failed(APP)], [failed(APP)]), "(since installed..leaving)"),
        (([RUNS], [RUNS], [RUNS], [dead(APP)]), "(since arrived..after)"),
    ],
)
def test_it_says_when_hooks_may_have_done_it(later, found):
    outcome, text = since_pre(*looked([RUNS], *later))
    assert (outcome, text.partition(" (")[2]) == (FAIL, found[1:])


def test_at_most_five_are_named():
    names = [f"{n}.service" for n in range(7)]
    _, found = since_pre(*looked([unit(n) for n in names], [failed(n) for n in names]))
    assert found.endswith("4.service is failed and 2 more")


def test_what_the_admin_ignores_is_not_counted():
    looks = looked([RUNS, unit("b.service")], [failed(APP), dead("b.service")])
    found = since_pre(*looks, ignore=Ignore(units=("a*.service",)))
    assert found == (FAIL, "b.service is stopped")


def test_a_lost_mount_is_told_as_a_mount_alone():
    before = [unit("srv-my\\x2ddata.mount", sub="mounted", enabled="generated"), RUNS]
    now = [failed("srv-my\\x2ddata.mount", "generated"), failed("other.mount", ""), RUNS]
    looks = (
        look("before", units=before, mounts=[mount("/srv/my-data")]),
        look("after", units=now, mounts=[]),
    )
    assert since_pre(*looks) == (FAIL, "other.mount is failed")


def test_what_has_got_a_job_since_the_look_before_is_on_its_way():
    queued = Units(units=(dead(APP),), jobs=(APP,))
    assert since_pre(*looked([RUNS], [RUNS], queued)) == (PASS, "it does")


def test_a_job_that_does_not_end_is_no_excuse():
    queued = Units(units=(dead(APP),), jobs=(APP,))
    before = look("before", units=[RUNS])
    arrived, after = look("arrived", units=queued), look("after", units=queued)
    assert since_pre(before, arrived) == (FAIL, "app.service is stopped")
    assert since_pre(before, arrived, after) == (FAIL, "app.service is stopped")


def test_a_boot_in_between_changes_nothing_about_what_is_expected():
    looks = looked([RUNS], [RUNS], [RUNS], [dead(APP)], [dead(APP)], boots=("arrived", "after"))
    assert since_pre(*looks) == (FAIL, "app.service is stopped")


def test_without_pre_the_last_known_state_is_the_baseline():
    looks = (look("last-known", units=[RUNS]), look("arrived", units=[failed(APP)]))
    assert since_pre(*looks) == (FAIL, "app.service is failed")


@pytest.mark.parametrize(
    ("looks", "outcome", "reason"),
    [
        (looked([RUNS]), SKIP, "there is no look before to compare with"),
        ((look("before"), look("after")), SKIP, "not looked at"),
        ((look("before"), look("after", units=[failed(APP)])), SKIP, "not looked at"),
        (looked("it hung", [RUNS]), UNKNOWN, "before: it hung"),
        (looked([RUNS], "it hung"), UNKNOWN, "after: it hung"),
        ((look("before", units=[RUNS]), look("after")), UNKNOWN, "after: not looked at"),
    ],
)
def test_where_there_is_nothing_to_compare(looks, outcome, reason):
    for judge in (units.failed_since_pre, units.failed_before, units.agent_alive):
        check = judge(ends(*looks))
        assert (check.outcome, check.reason) == (outcome, reason)


# -- what pre's hooks stopped ------------------------------------------------------------------

STOPPED = (look("before", units=[RUNS]), look("ready", units=[dead(APP)]))
BY_PRE = "app.service is stopped (a hook of pre did it, nothing has undone it)"


def test_what_a_hook_of_pre_stopped_is_left_out_while_it_may_be_put_back():
    looks = (*STOPPED, look("arrived", units=[dead(APP)]))
    found = since_pre(*looks, is_final=False)
    assert found == (PASS, "it does, but for what pre's hooks stopped: app.service")


def test_what_is_still_stopped_in_the_end_is_said_and_no_package_is_blamed():
    asked = owning(owners={FRAGMENT: "app.noarch"})
    looks = (*STOPPED, look("after", units=[dead(APP)], aftermath=asked))
    assert since_pre(*looks, packages=updated("app.noarch")) == (FAIL, BY_PRE)


def test_a_service_that_fails_when_it_is_stopped_is_stopped_nevertheless():
    looks = (STOPPED[0], look("ready", units=[failed(APP)]), look("after", units=[failed(APP)]))
    assert since_pre(*looks, is_final=False)[0] is PASS
    assert since_pre(*looks) == (FAIL, BY_PRE.replace("stopped", "failed"))


def test_what_an_undo_started_and_that_failed_then_is_the_patchs():
    asked = owning(owners={FRAGMENT: "app.noarch"})
    looks = (
        *STOPPED,
        look("arrived", units=[dead(APP)]),
        look("after", units=[failed(APP)], aftermath=asked),
    )
    for is_final in (True, False):
        found = since_pre(*looks, packages=updated("app.noarch"), is_final=is_final)
        text = "app.service is failed (since arrived..after; app.noarch changed)"
        assert found == (FAIL, text)


def test_the_rest_is_counted_before_what_pre_stopped():
    looks = (
        look("before", units=[RUNS, unit("b.service")]),
        look("ready", units=[dead(APP), unit("b.service")]),
        look("after", units=[dead(APP), failed("b.service")]),
    )
    assert since_pre(*looks) == (FAIL, f"b.service is failed, {BY_PRE}")
    assert since_pre(*looks, is_final=False) == (FAIL, "b.service is failed")


def test_a_boot_starts_what_is_enabled_whoever_stopped_it():
    looks = (*STOPPED, look("arrived", boot=BOOT_2, units=[dead(APP)]))
    found = since_pre(*looks, is_final=False)
    assert found == (FAIL, "app.service is stopped (since before..ready)")


@pytest.mark.parametrize(
    ("ready", "arrived"),
    [(dead(APP, "disabled"), []), (dead(APP, "masked"), [dead(APP, "masked")])],
)
def test_but_not_what_a_hook_disabled_or_masked(ready, arrived):
    looks = (STOPPED[0], look("ready", units=[ready]), look("arrived", boot=BOOT_2, units=arrived))
    assert since_pre(*looks, is_final=False)[0] is PASS


def test_without_the_look_after_pres_hooks_nobody_knows_that_they_did_it():
    looks = (STOPPED[0], look("ready", units="it hung"), look("arrived", units=[dead(APP)]))
    assert since_pre(*looks, is_final=False) == (FAIL, "app.service is stopped")


# -- failed before -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "now", "expected"),
    [
        ([failed("b.service"), failed(APP)], [failed(APP), failed("b.service")],
         (WARN, "app.service, b.service, still failed")),
        ([failed(APP)], [RUNS], (PASS, "none that still is")),
        ([failed(APP)], [], (PASS, "none that still is")),
        ([RUNS], [failed(APP)], (PASS, "none that still is")),
        ([failed("run-u1.service")], [failed("run-u1.service")], (PASS, "none that still is")),
        ([failed("old.service")], [failed("old.service")], (PASS, "none that still is")),
    ],
)  # fmt: skip
def test_what_was_failed_before_is_told_apart(before, now, expected):
    ignore = Ignore(units=("old.*",))
    assert told(units.failed_before(ends(*looked(before, now), ignore=ignore))) == expected


@pytest.mark.parametrize(
    ("before", "now", "expected"),
    [
        ([failed("b.service"), failed(APP)], [failed(APP)],
         (WARN, "app.service failed (failed), enabled")),
        ([failed("b.service"), failed(APP)], [RUNS],
         (PASS, "app.service failed (failed), enabled, b.service failed (failed), enabled")),
        ([RUNS, failed("old.service"), failed("run-u1.service")], [RUNS], (PASS, "none")),
    ],
)  # fmt: skip
def test_what_was_failed_before_is_told_as_it_was(before, now, expected):
    ignore = Ignore(units=("old.*",))
    assert of_before(units.failed_before(ends(*looked(before, now), ignore=ignore))) == expected


# -- flapping ----------------------------------------------------------------------------------


def counted(restarts, **more):
    return [unit(APP, restarts=restarts, **more)]


@pytest.mark.parametrize(
    ("looks", "expected"),
    [
        (looked(counted(2), counted(5)), (WARN, "app.service (restarted 3 times)")),
        (looked(counted(2), counted(4)), (PASS, "none")),
        (looked(counted(9), counted(2)), (PASS, "none")),  # by hand, which sets it to 0
        (looked(counted(9), counted(3)), (WARN, "app.service (restarted 3 times)")),
        (looked(counted(9), counted(9)), (PASS, "none")),
        (looked(counted(9), counted(2), boots=("after",)), (PASS, "none")),
        (
            looked(counted(3), counted(3), boots=("after",)),
            (WARN, "app.service (restarted 3 times)"),
        ),
        (looked([], counted(4)), (WARN, "app.service (restarted 4 times)")),
        (
            looked(counted(0), counted(0), counted(1)),
            (WARN, "app.service (restarted since arrived)"),
        ),
        (looked(counted(0), counted(1), counted(1)), (PASS, "none")),
        (
            looked([RUNS], [unit(APP, "activating", "auto-restart")]),
            (WARN, "app.service (it waits to be restarted)"),
        ),
        (looked(counted(0), [failed(APP, restarts=5)]), (PASS, "none")),  # it gave up
        (looked(counted(None), counted(None), counted(None)), (PASS, "none")),
        (looked([], [unit("run-u1.service", restarts=9)]), (PASS, "none")),
        (looked([], [unit("noisy.service", restarts=9)]), (PASS, "none")),
    ],
)
def test_what_flaps(looks, expected):
    ignore = Ignore(units=("noisy.*",))
    assert told(units.flapping(ends(*looks, ignore=ignore))) == expected


WAITS = unit("b.service", "activating", "auto-restart", restarts=1)


@pytest.mark.parametrize(
    ("looks", "expected"),
    [
        (looked(counted(2), counted(5)), (WARN, "app.service 2 restarts")),
        (looked(counted(1), counted(5)), (WARN, "app.service 1 restart")),
        (looked(counted(7), counted(5), boots=("after",)), (WARN, "app.service 7 restarts")),
        (looked([], counted(4)), (WARN, "app.service not loaded")),
        (
            looked(counted(None), [unit(APP, "activating", "auto-restart")]),
            (WARN, "app.service active (running), enabled"),
        ),
        (looked("it hung", counted(4)), (WARN, "")),
        (looked(counted(4)), (PASS, "")),
        (looked(counted(2), counted(2)), (PASS, "none")),
        (
            looked([*counted(9), WAITS], counted(9)),
            (PASS, "app.service 9 restarts, b.service 1 restart"),
        ),
        (looked([unit("noisy.service", restarts=9), *counted(0)], counted(0)), (PASS, "none")),
        (looked(counted(None), counted(None)), (PASS, "")),
        (looked("it hung", counted(2)), (PASS, "")),
    ],
)
def test_how_often_it_was_restarted_before_is_told_where_it_is_known(looks, expected):
    ignore = Ignore(units=("noisy.*",))
    assert of_before(units.flapping(ends(*looks, ignore=ignore))) == expected


def test_it_says_which_package_is_behind_what_flaps():
    asked = owning(owners={FRAGMENT: "app.noarch"})
    looks = (
        look("before", units=counted(0)),
        look("after", units=counted(3, fragment=FRAGMENT), aftermath=asked),
    )
    found = told(units.flapping(ends(*looks, packages=updated("app.noarch"))))
    assert found == (WARN, "app.service (restarted 3 times; app.noarch changed)")


def test_what_was_started_again_while_the_machine_came_to_rest_flaps_on_systemd_219_too():
    looks = looked(counted(None), counted(None))
    found = told(units.flapping(ends(*looks, restless=(APP,))))
    text = "app.service (restarted while the machine was to come to rest)"
    assert found == (WARN, text)


@pytest.mark.parametrize(
    ("now", "outcome", "reason"),
    [("it hung", UNKNOWN, "after: it hung"), (None, SKIP, "not looked at")],
)
def test_flapping_needs_the_last_look_only(now, outcome, reason):
    last = look("after", units=now) if now else look("after")
    check = units.flapping(ends(look("before"), last))
    assert (check.outcome, check.reason) == (outcome, reason)
    assert told(units.flapping(ends(look("before"), look("after", units=[RUNS])))) == (PASS, "none")


# -- the agent ---------------------------------------------------------------------------------

AGENT, SNAP = units.AGENTS


@pytest.mark.parametrize(
    ("before", "now", "expected"),
    [
        ([unit(AGENT)], [unit(AGENT)], (PASS, "it runs", "")),
        ([unit(SNAP)], [unit(SNAP, "activating", "start")], (PASS, "it runs", "")),
        ([unit(AGENT)], [failed(AGENT)], (FAIL, f"{AGENT} failed (failed), enabled", "")),
        (
            [unit(AGENT)],
            [unit(AGENT, "activating", "auto-restart")],
            (FAIL, f"{AGENT} activating (auto-restart), enabled", ""),
        ),
        ([unit(SNAP)], [], (FAIL, f"{SNAP} not loaded", "")),
        ([dead(AGENT)], [dead(AGENT)], (SKIP, "", "the SSM agent did not run before")),
        ([RUNS], [RUNS], (SKIP, "", "the SSM agent did not run before")),
    ],
)
def test_the_agent(before, now, expected):
    check = units.agent_alive(ends(*looked(before, now)))
    assert (check.outcome, check.found, check.reason) == expected


@pytest.mark.parametrize("now", [[unit(AGENT)], []])
def test_how_the_agent_ran_before_is_told(now):
    check = units.agent_alive(ends(*looked([unit(AGENT)], now)))
    assert check.before == f"{AGENT} active (running), enabled"


def test_a_unit_whose_state_is_not_told_is_not_taken_for_broken():
    assert since_pre(*looked([RUNS], [Unit(APP)])) == (PASS, "it does")
