"""The hook that refuses to patch: a file, an instance tag, who is logged in, the calendar."""

from __future__ import annotations

import datetime as dt
import os
import struct
import subprocess

import pytest
from support.fakeimds import FakeImds
from support.fakeroot import FakeRoot, hooks_of, is_root
from support.shipped import Alone, Done, as_vendor, configure, executable

HOLD = "pre/05-hold"
USER_PROCESS = 7  # utmp(5)


@pytest.fixture
def alone(tmp_path):
    return Alone(tmp_path)


# -- a file ----------------------------------------------------------------------------------


def test_a_file_holds_while_it_is_there(alone):
    file = alone.root / "hold"
    before = alone.run(HOLD, HOLD_FILE="/hold")
    file.write_text("OPS-12: the release\x1b[31m\nmore\n")

    done = alone.run(HOLD, HOLD_FILE="/hold")

    assert before == Done(0, "", {}, "nothing holds\n")
    assert (done.code, done.reason) == (1, "held: /hold is there: OPS-12: the release?[31m")


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir, lambda path: os.symlink("gone", path)])
def test_whatever_is_there_holds(alone, make):
    make(str(alone.root / "hold"))

    done = alone.run(HOLD, HOLD_FILE="/hold")

    assert (done.code, done.reason) == (1, "held: /hold is there:")


@pytest.mark.skipif(not is_root(), reason="files are given to another user by root")
def test_a_file_that_cannot_be_looked_for_holds(alone):
    (alone.root / "closed").mkdir(mode=0o700)
    os.chown(str(alone.root / "closed"), 1, 1)
    as_a_user = ("setpriv", "--bounding-set", "-dac_override,-dac_read_search")

    done = alone.run(HOLD, within=as_a_user, HOLD_FILE="/closed/hold")

    path = alone.root / "closed/hold"
    assert done.code == 1
    assert done.reason.endswith(f"'{path}': Permission denied")


# -- a tag -----------------------------------------------------------------------------------


def tagged(alone, tag, tags, **more):
    """Run the hook against a metadata service that tells `tags`, or none if that is None."""
    with FakeImds() as imds:
        if tags is not None:
            imds.items["/latest/meta-data/tags/instance"] = "\n".join(tags)
        for name, value in (tags or {}).items():
            imds.items[f"/latest/meta-data/tags/instance/{name}"] = value
        for name, value in more.items():
            setattr(imds, name, value)
        done = alone.run(HOLD, HOLD_TAG=tag, AWS_EC2_METADATA_SERVICE_ENDPOINT=imds.url)
        return done.code, done.reason


@pytest.mark.parametrize(
    ("tag", "tags", "expected"),
    [
        ("Hold", {"Name": "web"}, (0, "")),
        ("Hold", {"Hold": "OPS-12"}, (1, "held: tag Hold is OPS-12")),
        ("Hold", {"Hold": "false"}, (0, "")),
        ("Hold", {"Hold": ""}, (0, "")),
        ("Stage=live", {"Stage": "live"}, (1, "held: tag Stage is live")),
        ("Stage=live", {"Stage": "test"}, (0, "")),
        ("Hold", None, (1, "HOLD_TAG: the metadata service tells no instance tags: allow it")),
        ("a/../b", {"Name": "web"}, (1, "HOLD_TAG: the metadata service has no such key: a/../b")),
    ],
)
def test_a_tag_holds_by_its_value(alone, tag, tags, expected):
    assert tagged(alone, tag, tags) == expected


@pytest.mark.parametrize(
    ("service", "reason"),
    [
        ({"is_off": True}, "HOLD_TAG: the metadata service answers 403"),
        ({"answers": [503]}, "HOLD_TAG: the metadata service answers 503"),
        ({"expires_after": 1}, "HOLD_TAG: the metadata service answers 401"),
    ],
)
def test_a_service_that_does_not_tell_is_asked_again(alone, service, reason):
    assert tagged(alone, "Hold", {"Name": "web"}, **service) == (75, reason)


def test_that_there_is_no_tag_is_believed_of_a_service_that_tells_tags(alone):
    executable(
        alone.bin / "curl",
        "#!/bin/sh\ncat >taken\ncase $* in\n*/api/token) printf 'token\\n200' ;;\n"
        "*/tags/instance) printf 'busy\\n503' ;;\n*) printf 'none\\n404' ;;\nesac\n",
    )

    done = alone.run(HOLD, HOLD_TAG="Hold")

    assert (done.code, done.reason) == (75, "HOLD_TAG: the metadata service answers 503")


def test_a_service_that_is_not_there_is_asked_again(alone):
    done = alone.run(HOLD, HOLD_TAG="Hold", AWS_EC2_METADATA_SERVICE_ENDPOINT="http://127.0.0.1:9")

    assert (done.code, done.reason) == (75, "HOLD_TAG: the metadata service does not answer")


# -- who is logged in ------------------------------------------------------------------------


def log_in(alone, *names):
    """Write a utmp with one session for each name, in the layout of utmp(5) on x86_64."""
    record = struct.Struct("<hxxi32s4s32s256shhiii4i20x")
    run = alone.root / "var/run"
    run.mkdir(parents=True)
    sessions = [
        record.pack(
            USER_PROCESS,
            os.getpid(),
            b"pts/1",
            b"1",
            name.encode(),
            b"10.0.0.1",
            0,
            0,
            0,
            1,
            0,
            *[0] * 4,
        )
        for name in names
    ]
    (run / "utmp").write_bytes(b"".join(sessions))


@pytest.mark.parametrize(
    ("rule", "reason"),
    [
        ("any", "held: alice is logged in; backup is logged in"),
        ("any !backup", "held: alice is logged in"),
        ("any !backup !alice", ""),
        ("alice bob", "held: alice is logged in"),
        ("bob", ""),
    ],
)
def test_users_hold_by_name(alone, rule, reason):
    log_in(alone, "alice", "backup", "alice")

    done = alone.run(HOLD, HOLD_USERS=rule)

    assert (done.code, done.reason) == (1 if reason else 0, reason)


def test_nobody_knows_who_is_logged_in_without_a_list(alone):
    done = alone.run(HOLD, HOLD_USERS="any")

    assert (done.code, done.reason) == (1, "HOLD_USERS: cannot tell who is logged in")


def test_a_session_of_session_manager_counts(alone):
    log_in(alone)
    worker = executable(alone.bin / "ssm-session-worker", "#!/bin/sh\nread -r line\n")
    session = subprocess.Popen([str(worker)], stdin=subprocess.PIPE)
    with open(f"/proc/{session.pid}/comm", encoding="ascii") as file:
        while file.read() != "ssm-session-wor\n":
            file.seek(0)

    during = alone.run(HOLD, HOLD_USERS="ssm-session")
    session.communicate()

    assert (during.code, during.reason) == (1, "held: ssm-session is logged in")


# -- the calendar ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("window", "now", "holds"),
    [
        ("08:00-18:00", "2026-11-25 08:00", True),
        ("08:00-18:00", "2026-11-25 17:59", True),
        ("08:00-18:00", "2026-11-25 18:00", False),
        ("00:00-24:00", "2026-11-25 23:59", True),
        ("Mon-Fri 08:00-18:00", "2026-11-27 09:09", True),  # a Friday
        ("Mon-Fri 08:00-18:00", "2026-11-28 09:09", False),
        ("Sat 22:00-06:00", "2026-11-28 23:00", True),
        ("Sat 22:00-06:00", "2026-11-29 05:59", True),
        ("Sat 22:00-06:00", "2026-11-29 06:00", False),
        ("Sat 22:00-06:00", "2026-11-28 05:00", False),  # Friday's night
        ("Sun 22:00-06:00", "2026-11-30 05:00", True),
        ("Fri-Mon 10:00-11:00", "2026-11-29 10:30", True),  # over the end of the week
        ("Fri-Mon 10:00-11:00", "2026-12-01 10:30", False),
        ("2026-11-25", "2026-11-25 00:00", True),
        ("2026-12-20..2027-01-02", "2027-01-02 23:59", True),
        ("2026-12-20..2027-01-02", "2027-01-03 00:00", False),
        ("2026-12-24; ; Wed 08:00-09:00 ;", "2026-11-25 08:08", True),
        ("2026-12-24\n  Wed 08:00-09:00\n", "2026-11-25 08:08", True),
    ],
)
def test_a_window_holds_from_its_beginning_to_its_end(alone, window, now, holds):
    moment = dt.datetime.strptime(now + " +0000", "%Y-%m-%d %H:%M %z")
    told = moment.strftime("%u %H %M %Y-%m-%d")
    executable(alone.bin / "date", f"#!/bin/sh\n[ \"$TZ\" = UTC ] && echo '{told}'\n")

    assert alone.run(HOLD, BLACKOUT=window).code == int(holds)


def test_a_window_is_of_its_time_zone(alone):
    # of two zones a whole day apart one is at tomorrow's or yesterday's date for certain
    now = dt.datetime.now(dt.timezone.utc)
    there = [now + dt.timedelta(hours=hours) for hours in (14, -11)]
    zones = ["Pacific/Kiritimati", "Pacific/Pago_Pago"]

    held = [
        alone.run(HOLD, BLACKOUT=there[0].strftime("%Y-%m-%d"), TIMEZONE=zone).code
        for zone in zones
    ]

    assert there[0].date() > there[1].date()
    assert held == [1, 0]


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"BLACKOUT": "8-18"}, "BLACKOUT: no window: 8-18"),
        ({"BLACKOUT": "08:00-08:00"}, "BLACKOUT: no window: 08:00-08:00"),
        ({"BLACKOUT": "25:00-26:00"}, "BLACKOUT: no window: 25:00-26:00"),
        ({"BLACKOUT": "Abc 08:00-09:00"}, "BLACKOUT: no day: Abc"),
        (
            {"BLACKOUT": "08:00-09:00", "TIMEZONE": "Mars"},
            "TIMEZONE: not in /usr/share/zoneinfo: Mars",
        ),
        ({"BLACKOUT": "2026-24-12"}, "BLACKOUT: no window: 2026-24-12"),
        (
            {"BLACKOUT": "2026-12-20..2026-01-02"},
            "BLACKOUT: ends before it begins: 2026-12-20..2026-01-02",
        ),
        ({"BLACKOUT": " ;\n"}, "BLACKOUT names nothing"),
        ({"HOLD_FILE": "hold"}, "HOLD_FILE is no absolute path: hold"),
        ({"HOLD_FILE": "\n/hold"}, "HOLD_FILE is no absolute path: ?/hold"),
        ({"HOLD_USERS": " "}, "HOLD_USERS names nobody:"),
        ({"HOLD_USERS": "!deploy"}, "HOLD_USERS names nobody: !deploy"),
        ({"HOLD_USERS": "any,bob"}, "HOLD_USERS: not names separated by blanks: any,bob"),
    ],
)
def test_what_makes_no_sense_holds(alone, settings, reason):
    done = alone.run(HOLD, **settings)

    assert (done.code, done.reason) == (1, reason)


def test_hookd_patches_nothing_while_it_is_held(tmp_path):
    root = as_vendor(FakeRoot(tmp_path))
    root.write("etc/no-patching", "OPS-12\n")
    configure(root, **{HOLD: {"HOLD_FILE": "/etc/no-patching"}})

    assert root.run("run", "pre")[0] == 1

    hooks = hooks_of(root.result(), "pre")
    assert hooks["05-hold"] == ("failed", "exit 1: held: /etc/no-patching is there: OPS-12")
    assert hooks["20-backup-config"] == ("skipped", "after 05-hold failed")
