"""What systemctl prints, in the forms of 219 and of later ones, becomes what is not at rest."""

from __future__ import annotations

import time

import pytest

from hookd.core.due import Reached
from hookd.core.rest import Bustle
from hookd.system import systemd
from hookd.system.process.command import Completed
from hookd.system.root import Root

AT_REST = b"""\
app.service            loaded active     running The application
fail2ban.service       loaded failed     failed  Bans
getty@tty1.service     loaded active     running Getty on tty1
gone.service           not-found inactive dead   gone.service
"""
LONG_AGO = 1  # microsecond of CLOCK_MONOTONIC


def just_now():
    return int(time.monotonic() * 1e6)


def shown(unit, since=LONG_AGO, restarts="0", pid="41"):
    """As `systemctl show`: NRestarts only where it is known."""
    lines = [f"Id={unit}", f"MainPID={pid}", f"InactiveExitTimestampMonotonic={since}"]
    lines += [f"NRestarts={restarts}"] if restarts else []
    return "\n".join([*lines, "ExecMainStartTimestampMonotonic=7"]) + "\n"


class Systemctl:
    """Answers each verb by what it was told, and remembers how it was asked."""

    def __init__(self, jobs=b"", units=AT_REST, show="", failing=()):
        self.said = {"list-jobs": jobs, "list-units": units, "show": show.encode()}
        self.failing = failing
        self.asked = []

    def __call__(self, argv, *, timeout_s, environment=None):
        self.asked.append((argv, timeout_s))
        if argv[1] in self.failing:
            return Completed(argv, 1, b"", b"Failed to list jobs: Connection timed out\n")
        return Completed(argv, 0, self.said[argv[1]])


def test_a_machine_at_rest_is_not_busy_and_its_services_are_marked():
    systemctl = Systemctl(show=shown("app.service") + "\n" + shown("getty@tty1.service", pid="9"))

    assert systemd.look(systemctl, 120.0) == Bustle(
        (), (("app.service", "0/7/41"), ("getty@tty1.service", "0/7/9"))
    )
    assert [argv for argv, _ in systemctl.asked] == [
        ("systemctl", "list-jobs", "--no-pager", "--no-legend", "--full"),
        (
            *("systemctl", "list-units", "--no-pager", "--no-legend", "--full"),
            *("--all", "--plain", "--type=service"),
        ),
        (
            *("systemctl", "show", "--no-pager", "-p", "Id"),
            *("-p", "InactiveExitTimestampMonotonic", "-p", "ActiveEnterTimestampMonotonic"),
            *("-p", "ActiveExitTimestampMonotonic", "-p", "InactiveEnterTimestampMonotonic"),
            *("-p", "NRestarts", "-p", "ExecMainStartTimestampMonotonic", "-p", "MainPID"),
            *("--", "app.service", "getty@tty1.service"),
        ),
    ]
    assert {timeout_s for _, timeout_s in systemctl.asked} == {5.0}


def test_where_restarts_are_not_counted_the_process_tells_them():
    systemctl = Systemctl(units=AT_REST[:60], show=shown("app.service", restarts="", pid="57"))
    assert systemd.look(systemctl, 120.0).restarts == (("app.service", "/7/57"),)


JOBS = {
    "219, none": (b"", ()),
    "newer, none": (b"No jobs running.\n", ()),
    "one that runs": (b"117 app.service start running\n", ("app.service (start)",)),
    "aligned": (b" 96  -.mount      start  running\n", ("-.mount (start)",)),
    "one that waits for it": (
        b"117 app.service start running\n118 multi-user.target start waiting\n",
        ("app.service (start)",),
    ),
    "those that wait for hookd's own": (
        b"90 hookd.service start running\n118 multi-user.target start waiting\n",
        (),
    ),
    "garbage": (b"\0\xff\xfe\n117 app.service\n \n", ()),
}


@pytest.mark.parametrize(("jobs", "expected"), JOBS.values(), ids=JOBS)
def test_jobs_that_run_are_busy_and_those_that_wait_wait_for_them(jobs, expected):
    assert systemd.look(Systemctl(jobs), 120.0).busy == expected


MOVING = {
    "activating": (b"app.service loaded activating start", ("app.service (start)",)),
    "failing and started again": (
        b"app.service loaded activating auto-restart App",
        ("app.service (auto-restart)",),
    ),
    "with a column for its job": (
        b"app.service loaded deactivating stop-sigterm stop App",
        ("app.service (stop-sigterm)",),
    ),
    "hookd's own": (b"hookd.service loaded activating start start hookd", ()),
}


@pytest.mark.parametrize(("units", "expected"), MOVING.values(), ids=MOVING)
def test_a_service_that_is_on_its_way_is_busy(units, expected):
    assert systemd.look(Systemctl(units=units), 120.0).busy == expected


@pytest.mark.parametrize(
    ("since", "expected"),
    [(LONG_AGO, ()), (0, ("app.service (start)",)), (None, ("app.service (start)",))],
    ids=["older than the bound", "never", "just now"],
)
def test_what_is_on_its_way_for_longer_than_the_bound_is_not_waited_for(since, expected):
    since = just_now() if since is None else since
    systemctl = Systemctl(b"117 app.service start running\n", b"", shown("app.service", since))
    assert systemd.look(systemctl, 5.0).busy == expected


@pytest.mark.parametrize("verb", ["list-jobs", "list-units", "show"])
def test_no_answer_is_unrest(verb):
    why = "systemctl exited 1: Failed to list jobs: Connection timed out"
    assert systemd.look(Systemctl(failing=[verb]), 120.0) == Bustle((why,))


def test_nothing_is_asked_about_no_unit():
    systemctl = Systemctl(units=b"")
    assert systemd.look(systemctl, 120.0) == Bustle()
    assert [argv[1] for argv, _ in systemctl.asked] == ["list-jobs", "list-units"]


def test_another_root_is_not_running(tmp_path):
    (tmp_path / "run/systemd/system").mkdir(parents=True)
    assert not systemd.is_running(Root(str(tmp_path)))


ONLINE = "Id=network-online.target\nActiveState=active\nActiveEnterTimestampMonotonic=41500000\n"
OFFLINE = (
    "Id=network-online.target\nActiveState=inactive\nJob=12\nActiveEnterTimestampMonotonic=0\n"
)
NO_CLOUD_INIT = "\nId=cloud-final.service\nActiveState=inactive\n"

REACHED = {
    "online, no cloud-init": (ONLINE + NO_CLOUD_INIT, Reached((), 41.5)),
    "cloud-init has ended": (
        ONLINE + "\nId=cloud-final.service\nActiveState=active\n",
        Reached((), 41.5),
    ),
    "cloud-init has failed": (
        ONLINE + "\nId=cloud-final.service\nActiveState=failed\n",
        Reached((), 41.5),
    ),
    "cloud-init is to come": (
        ONLINE + "\nId=cloud-final.service\nActiveState=inactive\nJob=90\n",
        Reached(("cloud-final.service",), 41.5),
    ),
    "cloud-init runs": (
        ONLINE + "\nId=cloud-final.service\nActiveState=activating\nJob=90\n",
        Reached(("cloud-final.service",), 41.5),
    ),
    "no network yet": (OFFLINE + NO_CLOUD_INIT, Reached(("network-online.target",), None)),
    "nothing is told": ("", Reached(("network-online.target",), None)),
    "garbage": ("=\n\n\n===\nId\n", Reached(("network-online.target",), None)),
}


@pytest.mark.parametrize(("said", "expected"), REACHED.values(), ids=REACHED)
def test_how_far_a_boot_has_come(said, expected):
    systemctl = Systemctl(show=said)
    assert systemd.reached(systemctl) == expected
    assert [argv for argv, _ in systemctl.asked] == [
        (
            *("systemctl", "show", "--no-pager", "-p", "Id", "-p", "ActiveState", "-p", "Job"),
            *("-p", "ActiveEnterTimestampMonotonic"),
            *("--", "network-online.target", "cloud-final.service"),
        )
    ]


def test_a_systemd_that_gives_no_answer_is_waited_for():
    why = "systemctl exited 1: Failed to list jobs: Connection timed out"
    found = systemd.reached(Systemctl(failing=["show"]))
    assert found == Reached((f"systemd ({why})",), None)


# -- what is shown -------------------------------------------------------------------------------

NAMES = ("app.socket", "app.service")
SOCKET_219 = "Id=app.socket\nListenStream=[::]:80\nListenStream=/run/app\n"
SERVICE_219 = "MainPID=41\nExecStart={ path=/a }\nExecStart={ path=/b }\nId=app.service\n"
SAID_219 = [
    [("Id", "app.socket"), ("ListenStream", "[::]:80"), ("ListenStream", "/run/app")],
    [
        *[("MainPID", "41"), ("ExecStart", "{ path=/a }"), ("ExecStart", "{ path=/b }")],
        ("Id", "app.service"),
    ],
]
WANTED = ("Id", "MainPID", "ExecStart", "Listen")


def test_every_line_of_a_unit_is_told_in_order():
    systemctl = Systemctl(show=f"{SOCKET_219}\n{SERVICE_219}")
    assert systemd.said_of(systemctl, NAMES, WANTED) == SAID_219
    assert [dict(one) for one in SAID_219] == systemd.show(systemctl, NAMES, WANTED)


@pytest.mark.parametrize("text", ["printf a\n\nMainPID=7 ; x=1 }", "\n\n\n\n", "a\n\n\n=\n\n b }"])
def test_a_blank_line_within_a_value_ends_no_unit(text):
    service = f"ExecStart={{ path=/bin/sh ; argv[]=sh -c {text}\nMainPID=41\nId=app.service\n"
    found = systemd.show(Systemctl(show=f"{service}\n{SOCKET_219}"), NAMES, ("Id", "MainPID"))
    assert found == [{"MainPID": "41", "Id": "app.service"}, {"Id": "app.socket"}]


class Strict(Systemctl):
    """As 231, 232 and the 219 of RHEL 7: ends at the first unit without a property asked for."""

    def __call__(self, argv, **more):
        said = super().__call__(argv, **more)
        return Completed(argv, 1, SOCKET_219.encode(), b"") if "-p" in argv else said


def test_where_it_ends_at_a_unit_without_a_property_all_are_asked_for():
    everything = f"Environment=SECRET=1\n{SOCKET_219}\nEnvironment=SECRET=2\n{SERVICE_219}"
    systemctl = Strict(show=everything)
    assert systemd.said_of(systemctl, NAMES, WANTED, timeout_s=7.0) == SAID_219
    (_, first_s), (argv, then_s) = systemctl.asked
    assert argv == ("systemctl", "show", "--no-pager", "--", *NAMES)
    assert first_s == 7.0
    assert 6.0 < then_s <= 7.0
