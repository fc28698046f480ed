"""The units of systemd, from what systemctl 219 and later ones print."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hookd.core.codec import decode, encode
from hookd.core.node import Unit, Units
from hookd.core.readings import Standing
from hookd.system import units
from hookd.system.process.command import Completed
from hookd.system.root import NOTHING_RUNS, Root
from hookd.system.systemd import Silent

# 219: columns padded, a JOB column while any job is queued
LIST_219 = b"""\
dev-xvda1.device          loaded     active     plugged               /dev/xvda1
-.mount                   loaded     active     mounted               /
app.service               loaded     activating start       start     The application
app.socket                loaded     active     listening             Sockets of the application
basic.target              loaded     active     active                Basic System
crond.service             loaded     active     running               Command Scheduler
ghost.service             not-found  inactive   dead                  ghost.service
session-3.scope           loaded     active     running               Session 3 of user root
system.slice              loaded     active     active                System Slice
systemd-tmpfiles-clean.timer loaded  active     waiting               Daily Cleanup
"""
TAIL = b"ignore_errors=no ; start_time=[n/a] ; stop_time=[n/a] ; pid=0 ; code=(null) ; status=0/0 }"
# 219 leaves out what is empty, knows no NRestarts and prints a job's number only where one is
SHOW_219 = b"""\
Id=-.mount
LoadState=loaded
ActiveState=active
SubState=mounted
FragmentPath=/run/systemd/generator/-.mount
UnitFileState=generated
Result=success

Type=forking
MainPID=812
ExecMainStartTimestampMonotonic=18446744073709551615
ExecStart={ path=/usr/bin/python3 ; argv[]=/usr/bin/python3 /opt/app/run.py ; TAIL
Result=success
Id=app.service
LoadState=loaded
ActiveState=activating
SubState=start
FragmentPath=/etc/systemd/system/app.service
UnitFileState=enabled
Job=931

ListenStream=[::]:8080
ListenDatagram=127.0.0.1:53
ListenStream=/run/app.sock
Result=success
Id=app.socket
Triggers=app.service
LoadState=loaded
ActiveState=active
SubState=listening
FragmentPath=/etc/systemd/system/app.socket
UnitFileState=enabled

Type=simple
MainPID=611
ExecMainStartTimestampMonotonic=8675309
Result=success
Id=crond.service
LoadState=loaded
ActiveState=active
SubState=running
FragmentPath=/usr/lib/systemd/system/crond.service
UnitFileState=enabled

Result=success
Id=systemd-tmpfiles-clean.timer
Triggers=systemd-tmpfiles-clean.service
LoadState=loaded
ActiveState=active
SubState=waiting
FragmentPath=/usr/lib/systemd/system/systemd-tmpfiles-clean.timer
UnitFileState=static
""".replace(b"TAIL", TAIL)
TIMER = "systemd-tmpfiles-clean.timer"
LIB = "/usr/lib/systemd/system"
UNITS_219 = (
    Unit(
        "-.mount",
        *("loaded", "active", "mounted", "generated"),
        result="success",
        fragment="/run/systemd/generator/-.mount",
    ),
    Unit(
        "app.service",
        *("loaded", "activating", "start", "enabled", "forking", "success"),
        main_pid=812,
        fragment="/etc/systemd/system/app.service",
        files=("/usr/bin/python3", "/opt/app/run.py"),
    ),
    Unit(
        "app.socket",
        *("loaded", "active", "listening", "enabled"),
        result="success",
        fragment="/etc/systemd/system/app.socket",
        listens=("tcp *:8080", "udp 127.0.0.1:53"),
        triggers=("app.service",),
    ),
    Unit("basic.target", "loaded", "active", "active"),
    Unit(
        "crond.service",
        *("loaded", "active", "running", "enabled", "simple", "success"),
        main_pid=611,
        started_us=8675309,
        fragment=f"{LIB}/crond.service",
    ),
    Unit("ghost.service", "not-found", "inactive", "dead"),
    Unit(
        TIMER,
        *("loaded", "active", "waiting", "static"),
        result="success",
        fragment=f"{LIB}/{TIMER}",
    ),
)

LIST_252 = b"""\
-.mount loaded active mounted Root Mount
app.socket      loaded active listening Sockets of the application
chronyd.service loaded active running NTP client/server
sshd.service    loaded failed failed  OpenSSH server daemon
user-runtime-dir@0.service loaded active exited User Runtime Directory /run/user/0
"""
SHOW_252 = b"""\
Type=overlay
Result=success
Id=-.mount
LoadState=loaded
ActiveState=active
SubState=mounted
FragmentPath=
UnitFileState=
Job=

Listen=[::]:8080 (Stream)
Listen=127.0.0.1:53 (Datagram)
Listen=/run/app.sock (Stream)
Result=success
Id=app.socket
Triggers=app.service app-admin.service
LoadState=loaded
ActiveState=active
SubState=listening
FragmentPath=/usr/lib/systemd/system/app.socket
UnitFileState=disabled

Type=forking
MainPID=540
NRestarts=2
ExecMainStartTimestampMonotonic=4711
ExecStart={ path=/usr/sbin/chronyd ; argv[]=/usr/sbin/chronyd $OPTIONS ; TAIL
Result=success
Id=chronyd.service
LoadState=loaded
ActiveState=active
SubState=running
FragmentPath=/usr/lib/systemd/system/chronyd.service
UnitFileState=enabled

Type=notify
MainPID=0
NRestarts=[not set]
ExecMainStartTimestampMonotonic=[not set]
Result=exit-code
Id=sshd.service
LoadState=loaded
ActiveState=failed
SubState=failed
FragmentPath=/usr/lib/systemd/system/sshd.service
UnitFileState=enabled

Type=oneshot
MainPID=0
NRestarts=18446744073709551615
ExecMainStartTimestampMonotonic=3
ExecStart={ path=/lib/systemd/user-runtime-dir ; argv[]=user-runtime-dir start 0 ; TAIL
ExecStart={ path=/bin/sh ; argv[]=/bin/sh -c printf 'a

Id=b
' ; TAIL
Result=success
Id=user-runtime-dir@0.service
LoadState=loaded
ActiveState=active
SubState=exited
FragmentPath=/usr/lib/systemd/system/user-runtime-dir@.service
UnitFileState=static
""".replace(b"TAIL", TAIL)
UNITS_252 = (
    Unit("-.mount", "loaded", "active", "mounted", kind="overlay", result="success"),
    Unit(
        "app.socket",
        *("loaded", "active", "listening", "disabled"),
        result="success",
        fragment=f"{LIB}/app.socket",
        listens=("tcp *:8080", "udp 127.0.0.1:53"),
        triggers=("app.service", "app-admin.service"),
    ),
    Unit(
        "chronyd.service",
        *("loaded", "active", "running", "enabled", "forking", "success"),
        restarts=2,
        main_pid=540,
        started_us=4711,
        fragment=f"{LIB}/chronyd.service",
        files=("/usr/sbin/chronyd",),
    ),
    Unit(
        "sshd.service",
        *("loaded", "failed", "failed", "enabled", "notify", "exit-code"),
        fragment=f"{LIB}/sshd.service",
    ),
    Unit(
        "user-runtime-dir@0.service",
        *("loaded", "active", "exited", "static", "oneshot", "success"),
        started_us=3,
        fragment=f"{LIB}/user-runtime-dir@.service",
        files=("/lib/systemd/user-runtime-dir", "/bin/sh"),
    ),
)


class Systemctl:
    """Answers by the verb, and remembers what it was asked."""

    def __init__(self, listed=b"", shown=b"", failing=""):
        self.said = {"list-units": listed, "show": shown}
        self.failing = failing
        self.asked = []

    def __call__(self, argv, *, timeout_s, environment=None):
        self.asked.append((argv, timeout_s))
        if argv[1] == self.failing:
            return Completed(argv, 1, b"", b"Failed to get properties: Connection timed out\n")
        return Completed(argv, 0, self.said[argv[1]])


@pytest.mark.parametrize(
    ("listed", "shown", "expected"),
    [
        (LIST_219, SHOW_219, Units(units=UNITS_219, jobs=("app.service",))),
        (LIST_252, SHOW_252, Units(units=UNITS_252)),
    ],
    ids=["219", "252"],
)
def test_the_units_as_systemctl_shows_them(listed, shown, expected):
    assert units.listed(Systemctl(listed, shown)) == expected


def test_units_are_kept_in_a_snapshot_and_read_from_one_of_an_earlier_version():
    found = Units(units=(*UNITS_219, *UNITS_252), jobs=("app.service",))
    value = encode(found)
    assert decode(Units, value) == found
    for one in value["units"]:
        for name in ("files", "listens", "triggers"):
            del one[name]
    earlier = (replace(one, files=(), listens=(), triggers=()) for one in found.units)
    assert decode(Units, value) == replace(found, units=tuple(earlier))


def test_systemctl_is_asked_twice_and_only_of_units_that_it_can_tell_more_of():
    systemctl = Systemctl(LIST_219, SHOW_219)
    units.listed(systemctl)
    (listing, listing_s), (showing, showing_s) = systemctl.asked
    assert listing == (
        *("systemctl", "list-units", "--no-pager", "--no-legend", "--full", "--all", "--plain"),
    )
    assert showing[:5] == ("systemctl", "show", "--no-pager", "-p", "Id")
    names = ("-.mount", "app.service", "app.socket", "crond.service", TIMER)
    assert showing[showing.index("--") + 1 :] == names
    assert listing_s + showing_s < units.LIMIT_S


def test_more_names_than_one_argv_should_hold_are_asked_in_parts():
    names = [f"mnt-{n:04}.mount" for n in range(2500)]
    listed = "".join(f"{name} loaded active mounted /mnt\n" for name in names).encode()
    systemctl = Systemctl(listed)
    found = units.listed(systemctl)
    assert [one.name for one in found.units] == names
    asked = [argv[argv.index("--") + 1 :] for argv, _ in systemctl.asked[1:]]
    assert [len(part) for part in asked] == [1000, 1000, 500]
    assert [name for part in asked for name in part] == names


def test_more_units_than_there_can_be_are_not_read():
    listed = "".join(f"mnt-{n}.mount loaded active mounted /mnt\n" for n in range(10_001)).encode()
    reason = "there are 10001 units, more than 10000"
    assert units.listed(Systemctl(listed)) == Units(Standing.UNKNOWN, reason)


HOSTILE = {
    "nothing": (b"", b"", ()),
    "garbage": (b"\0\xff\n\n...\nunit loaded\n", b"=\n\n===\n\xff\xfe=\0", ()),
    "of units that are not listed": (
        b"a.service loaded active running A",
        b"Id=b.service\nMainPID=7\nJob=5\n",
        (Unit("a.service", "loaded", "active", "running"),),
    ),
    "numbers that are none": (
        b"a.service loaded active running A",
        "Id=a.service\nNRestarts=-1\nMainPID=\u0663\nExecMainStartTimestampMonotonic=1e9\n".encode(),
        (Unit("a.service", "loaded", "active", "running"),),
    ),
    "a number without an end": (
        b"a.service loaded active running A",
        b"Id=a.service\nNRestarts=" + b"9" * 5000,
        (Unit("a.service", "loaded", "active", "running"),),
    ),
    "one that is gone by the second question": (
        b"run-r1.service loaded active running A",
        b"Id=run-r1.service\nLoadState=not-found\nActiveState=inactive\nSubState=dead\n",
        (Unit("run-r1.service", "not-found", "inactive", "dead"),),
    ),
}


@pytest.mark.parametrize(("listed", "shown", "expected"), HOSTILE.values(), ids=HOSTILE)
def test_what_cannot_be_is_left_out(listed, shown, expected):
    assert units.listed(Systemctl(listed, shown)) == Units(units=expected)


@pytest.mark.parametrize("verb", ["list-units", "show"])
def test_no_answer_is_told(verb):
    with pytest.raises(Silent, match="Connection timed out"):
        units.listed(Systemctl(LIST_219, SHOW_219, failing=verb))


def test_below_another_root_nobody_is_asked(tmp_path):
    systemctl = Systemctl(failing="list-units")
    (tmp_path / "run/systemd/system").mkdir(parents=True)
    found = units.read(Root(str(tmp_path)), systemctl)
    assert (found, systemctl.asked) == (Units(Standing.ABSENT, NOTHING_RUNS), [])
