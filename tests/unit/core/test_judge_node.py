"""Whole operations judged by what ran: which phase says what, and when pre's doing counts."""

from __future__ import annotations

from dataclasses import replace

from support.journals import folded, opened, ran, started
from support.looks import BOOT_1, dead, failed, listener, look, mount, owning, unit

from hookd.core.ignore import Ignore
from hookd.core.journal import Observed, PhaseEnded, SnapshotTaken
from hookd.core.judge import judge
from hookd.core.model import Health, Outcome, Path, Phase, PhaseOutcome, Severity, Verdict
from hookd.core.node import Clock, Disks, Network, Processes, Selinux, Space
from hookd.core.readings import PackageSet
from hookd.core.rest import SETTLED

PRE, POST, ON_EXIT = Phase.PRE, Phase.POST, Phase.ON_EXIT
APP, AGENT = unit("app.service", restarts=0), unit("amazon-ssm-agent.service", restarts=0)
ALL = ("before", "ready", "installed", "leaving", "arrived", "after")
OF_NODE = (
    *("agent.alive", "clock.stepped", "config.rpmnew", "disk.low", "mounts.lost"),
    *("network.route-lost", "packages.files-intact", "processes.stale", "selinux.mode-kept"),
    *("sockets.lost", "units.failed-before", "units.failed-since-pre", "units.flapping"),
)


def whole(name, **more):
    """Return a look at which everything could be read."""
    readings = {
        "units": [APP, AGENT],
        "sockets": [listener("tcp *:80")],
        "mounts": [mount("/")],
        "network": Network(default_routes=("ipv4 via 10.0.0.1 dev eth0",)),
        "clock": Clock(synchronised=True, booted_at=1000.0),
        "processes": Processes(),
        "selinux": Selinux(mode="enforcing"),
        "leavings": [],
        "aftermath": None if name == "before" else owning(),
    }
    found = look(name, **{**readings, **more})
    room = Disks(spaces=(Space("/", 1 << 30, 1 << 40, 9000, 10000),))
    node = replace(found.node, disks=room)
    return replace(found, node=node, packages=(PackageSet(),))


def looked(**changed):
    """Return the looks of an operation, those of `changed` with other readings."""
    return {name: whole(name, **changed.get(name, {})) for name in ALL}


def ran_phase(phase, *hooks):
    at, end = {PRE: ALL[:2], POST: ALL[2:4], ON_EXIT: ALL[4:]}[phase]
    taken = (SnapshotTaken(at, f"{at}.json"), SnapshotTaken(end, f"{end}.json"))
    return (started(phase.value), taken[0], *hooks, taken[1])


def ended(phase):
    return PhaseEnded(phase, 1, PhaseOutcome.PASSED, 0, 0, "all hooks done")


WHOLE = tuple(
    body
    for phase in (PRE, POST, ON_EXIT)
    for body in (*ran_phase(phase, *ran("10-x", "passed", phase.value)), ended(phase))
)


def judged(snapshots, bodies=WHOLE, phase=ON_EXIT, severities=None, **more):
    return judge(folded(opened(), *bodies), snapshots, severities or {}, phase, **more)


def worse(judgement):
    """Return the checks of the running node that are not well."""
    good = (Outcome.PASS, Outcome.SKIP)
    return {c.id: c.outcome.value for c in judgement.checks if c.outcome not in good}


def test_where_nothing_changed_every_check_passes_and_there_is_no_change():
    found = judged(looked())
    of_node = {check.id: check.outcome for check in found.checks if check.id in OF_NODE}
    assert of_node == dict.fromkeys(OF_NODE, Outcome.PASS)
    changes = found.changes
    assert (changes.units, changes.sockets, changes.mounts, changes.settings) == ((), (), (), ())
    assert (found.verdict, found.health) == (Verdict.PASSED, Health.PASSED)


def test_a_broken_service_fails_one_check():
    down = {"units": [failed("app.service"), AGENT]}
    found = judged(looked(installed=down, leaving=down, arrived=down, after=down))
    assert worse(found) == {"units.failed-since-pre": "fail"}
    assert (found.verdict, found.health) == (Verdict.FAILED, Health.FAILED)


def test_a_service_that_was_broken_before_warns():
    down = {"units": [failed("app.service"), AGENT]}
    found = judged(looked(**dict.fromkeys(ALL, down)))
    assert worse(found) == {"units.failed-before": "warn"}
    assert found.verdict is Verdict.PASSED_WITH_WARNINGS


def test_pre_asks_for_room_alone_and_post_what_holds_in_mid_restart():
    pre = judged({"before": whole("before")}, ran_phase(PRE)[:-1], PRE)
    assert [check.id for check in pre.checks if check.id in OF_NODE] == ["disk.low"]
    post = judged(looked(), (*ran_phase(PRE), *ran_phase(POST)), POST)
    assert [check.id for check in post.checks if check.id in OF_NODE] == [
        "config.rpmnew",
        "disk.low",
        "packages.files-intact",
        "units.failed-since-pre",
    ]


def test_pre_says_of_room_what_it_asked_itself_where_no_look_could():
    before = replace(whole("before"), node=look("before").node)
    assert judged({"before": before}, ran_phase(PRE)[:-1], PRE).checks[0].id != "disk.low"


STOPPED = {"units": [dead("app.service"), AGENT], "sockets": []}
BY_PRE = looked(**dict.fromkeys(ALL[1:], STOPPED))


def test_what_pre_stopped_counts_once_on_exit_has_ended_and_not_before():
    running = judged(BY_PRE, WHOLE[:-1])
    assert (worse(running), running.health) == ({}, Health.PASSED)
    over = judged(BY_PRE)
    assert worse(over) == {"sockets.lost": "fail", "units.failed-since-pre": "fail"}
    assert over.verdict is Verdict.FAILED


def test_what_pre_stopped_is_not_held_against_post():
    bodies = (*ran_phase(PRE), *ran_phase(POST))
    assert worse(judged(BY_PRE, bodies, POST)) == {}


def test_a_unit_that_did_not_come_to_rest_in_this_boot_flaps():
    value = {"attempt": 1, "boot_id": BOOT_1, "left": ["app.service (started again)"]}
    found = judged(looked(), (*WHOLE, Observed(SETTLED, value)))
    assert worse(found) == {"units.flapping": "warn"}


def test_what_the_admin_ignores_and_how_checks_count_is_as_configured():
    down = {"units": [failed("app.service"), AGENT]}
    snapshots = looked(arrived=down, after=down)
    assert worse(judged(snapshots, ignore=Ignore(units=("app.*",)))) == {}
    severities = {"units.failed-since-pre": Severity.WARN}
    found = judged(snapshots, severities=severities)
    assert (worse(found), found.verdict) == (
        {"units.failed-since-pre": "warn"},
        Verdict.PASSED_WITH_WARNINGS,
    )


def test_what_could_not_be_read_leaves_the_verdict_open():
    found = judged(looked(after={"sockets": "it hung"}))
    assert worse(found) == {"sockets.lost": "unknown"}
    assert (found.verdict, found.health) == (Verdict.INCOMPLETE, Health.UNKNOWN)


def without_pre(*names, severities=None, **changed):
    snapshots = {**looked(**changed), "last-known": whole("last-known")}
    bodies = (*ran_phase(ON_EXIT), ended(ON_EXIT))
    return judged({name: snapshots[name] for name in names}, bodies, severities=severities)


ALONE = ("last-known", "arrived", "after")
DOWN = dict.fromkeys(("arrived", "after"), STOPPED)
LOST = ("sockets.lost", "units.failed-since-pre")


def test_without_pre_and_an_earlier_operation_there_is_no_baseline():
    assert worse(without_pre("arrived", "after", **DOWN)) == {}


def test_where_nothing_was_to_be_done_what_differs_from_the_last_operation_only_warns():
    found = without_pre(*ALONE, **DOWN)
    assert (found.way.path, worse(found)) == (Path.NOTHING_TO_DO, dict.fromkeys(LOST, "warn"))
    assert found.verdict is Verdict.PASSED_WITH_WARNINGS
    ignored = dict.fromkeys(LOST, Severity.IGNORE)
    assert without_pre(*ALONE, severities=ignored, **DOWN).verdict is Verdict.PASSED


def test_where_something_was_installed_since_it_fails():
    installed = PackageSet(installed={"app.noarch": (("1-1", 1),)})
    snapshots = {name: whole(name, **DOWN.get(name, {})) for name in ALL[4:]}
    patched = {name: replace(one, packages=(installed,)) for name, one in snapshots.items()}
    bodies = (*ran_phase(ON_EXIT), ended(ON_EXIT))
    found = judged({"last-known": whole("last-known"), **patched}, bodies)
    assert {name: worse(found)[name] for name in LOST} == dict.fromkeys(LOST, "fail")
