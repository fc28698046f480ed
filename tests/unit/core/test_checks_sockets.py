"""The judgement of who listens."""

from __future__ import annotations

import pytest
from support.looks import (
    BOOT_2,
    dead,
    ends,
    failed,
    listener,
    look,
    owning,
    unit,
    updated,
)

from hookd.core.checks.sockets import sockets_lost
from hookd.core.ignore import Ignore
from hookd.core.model import Outcome

PASS, FAIL, UNKNOWN, SKIP = Outcome.PASS, Outcome.FAIL, Outcome.UNKNOWN, Outcome.SKIP
APP = listener("tcp *:80")
FRAGMENT = "/usr/lib/systemd/system/app.service"
RUNS = unit("app.service", fragment=FRAGMENT)
BEFORE = look("before", sockets=[APP], units=[RUNS])
LOST = "tcp *:80 of app.service is lost"
BY_PRE = f"{LOST} (a hook of pre did it, nothing has undone it)"


def told(*looks, **more):
    check = sockets_lost(ends(*looks, **more))
    return check.outcome, check.found


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        ([APP], (PASS, "they do")),
        ([APP, listener("tcp *:9")], (PASS, "they do")),
        ([], (FAIL, LOST)),
        ([listener("tcp *:8080")], (FAIL, f"{LOST} (it listens on tcp *:8080 now)")),
        ([listener("tcp *:80", "/usr/bin/new", "new.service")], (PASS, "they do")),
    ],
)
def test_who_listens(now, expected):
    assert told(BEFORE, look("after", sockets=now)) == expected


@pytest.mark.parametrize(
    ("program", "of", "text"),
    [("/usr/bin/app", "", "tcp *:80 of /usr/bin/app is lost"), ("", "", "tcp *:80 is lost")],
)
def test_as_much_is_said_of_it_as_is_known(program, of, text):
    before = look("before", sockets=[listener("tcp *:80", program, of)])
    assert told(before, look("after", sockets=[])) == (FAIL, text)


def test_before_and_expected_are_told():
    check = sockets_lost(ends(BEFORE, look("after", sockets=[])))
    before = "tcp *:80 app.service (/usr/bin/app)"
    assert (check.before, check.expected) == (before, "who listened does")


def test_it_says_when_hooks_may_have_done_it_and_which_package_is_behind_it():
    asked = owning(owners={FRAGMENT: "app.noarch"})
    installed = look("installed", sockets=[APP], aftermath=asked)
    leaving = look("leaving", sockets=[])
    found = told(BEFORE, installed, leaving, packages=updated("app.noarch"))
    assert found == (FAIL, f"{LOST} (since installed..leaving; app.noarch changed)")


def test_what_the_admin_ignores_is_not_counted():
    before = look("before", sockets=[APP, listener("udp 10.0.0.1:68")])
    found = told(before, look("after", sockets=[]), ignore=Ignore(sockets=("udp *:68",)))
    assert found == (FAIL, LOST)


@pytest.mark.parametrize(
    ("looks", "outcome", "reason"),
    [
        ((look("before"), look("after", sockets=[])), SKIP, "not looked at"),
        ((BEFORE, look("after", sockets="it hung")), UNKNOWN, "after: it hung"),
        ((look("before", sockets="it hung"), look("after", sockets=[])), UNKNOWN,
         "before: it hung"),
    ],
)  # fmt: skip
def test_where_there_is_nothing_to_compare(looks, outcome, reason):
    check = sockets_lost(ends(*looks))
    assert (check.outcome, check.reason) == (outcome, reason)


# -- whom pre's hooks stopped --------------------------------------------------------------------

STOPPED = (BEFORE, look("ready", sockets=[], units=[dead("app.service")]))


def test_whom_a_hook_of_pre_stopped_is_left_out_while_it_may_be_put_back():
    looks = (*STOPPED, look("arrived", sockets=[], units=[dead("app.service")]))
    found = (PASS, "they do, but for whom pre's hooks stopped: tcp *:80")
    assert told(*looks, is_final=False) == found
    assert told(*looks) == (FAIL, BY_PRE)


@pytest.mark.parametrize("now", [unit("app.service"), failed("app.service")])
def test_who_was_started_again_and_does_not_listen_is_lost(now):
    looks = (*STOPPED, look("after", sockets=[], units=[now]))
    assert told(*looks, is_final=False) == (FAIL, f"{LOST} (since before..ready)")


def test_whose_socket_it_was_need_not_be_known():
    one = listener("tcp *:80", "/usr/lib/systemd/systemd", "")
    looks = (look("before", sockets=[one]), look("ready", sockets=[]), look("after", sockets=[]))
    assert told(*looks, is_final=False)[0] is PASS


def test_a_boot_starts_what_is_enabled_whoever_stopped_it():
    looks = (*STOPPED, look("arrived", boot=BOOT_2, sockets=[], units=[dead("app.service")]))
    assert told(*looks, is_final=False) == (FAIL, f"{LOST} (since before..ready)")


# -- socket units --------------------------------------------------------------------------------

HELD = listener("tcp *:80", "/usr/lib/systemd/systemd", "app.socket")
OF_SOCKET = "tcp *:80 of app.socket is lost"


def test_a_lost_socket_of_a_socket_unit_names_the_package_below_it():
    one = unit("app.socket", sub="listening", fragment="/usr/lib/systemd/system/app.socket")
    before = look("before", sockets=[HELD], units=[one])
    asked = owning(owners={one.fragment: "app.noarch"})
    now = look("installed", sockets=[], units=[failed("app.socket")], aftermath=asked)
    found = told(before, now, packages=updated("app.noarch"))
    assert found == (FAIL, f"{OF_SOCKET} (app.noarch changed)")


@pytest.mark.parametrize("enabled", ["enabled", "static", "disabled"])
def test_a_socket_unit_that_pre_stopped_is_left_out_whatever_started_it(enabled):
    def at(name, one, listening=(), **more):
        return look(name, sockets=list(listening), units=[one], **more)

    before = at("before", unit("app.socket", enabled=enabled), [HELD])
    down = dead("app.socket", enabled)
    stopped = (before, at("ready", down), at("arrived", down))
    assert told(*stopped, is_final=False)[0] is PASS
    gone = (before, look("ready", sockets=[], units=[]), look("after", sockets=[], units=[]))
    assert told(*gone, is_final=False)[0] is PASS
    up = (before, at("ready", down), at("after", unit("app.socket", enabled=enabled)))
    assert told(*up, is_final=False) == (FAIL, f"{OF_SOCKET} (since before..ready)")
    broken = (before, at("ready", down), at("after", failed("app.socket", enabled)))
    assert told(*broken, is_final=False) == (FAIL, f"{OF_SOCKET} (since before..ready)")
