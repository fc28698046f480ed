"""Who no longer listens, and what only looks so."""

from __future__ import annotations

import pytest
from support.looks import dead, failed, listener, look, owning, unit, updated

from hookd.core.blame import Blame
from hookd.core.differences import SocketChange
from hookd.core.node import Sockets, Units
from hookd.core.sockets import attributed, awaited, changes, lost, moved, named, who

APP, OTHER = listener("tcp *:80"), listener("tcp *:443", "/usr/bin/other", "other.service")
WHO = "app.service (/usr/bin/app)"


def sockets(*listening, **more):
    return Sockets(listening=listening, **more)


def between(before, after):
    looks = (look("ready", sockets=list(before)), look("installed", sockets=list(after)))
    return changes(looks, Blame(looks, ()))


@pytest.mark.parametrize(
    ("one", "text"),
    [
        (listener("tcp 0.0.0.0:80"), "tcp *:80"),
        (listener("tcp [::]:80"), "tcp *:80"),
        (listener("udp [fe80::1]:123"), "udp [fe80::1]:123"),
        (listener("tcp 127.0.0.1:25"), "tcp 127.0.0.1:25"),
    ],
)
def test_how_a_socket_is_named(one, text):
    assert named(one) == text


@pytest.mark.parametrize(
    ("program", "of", "text"),
    [
        ("/usr/bin/app", "app.service", WHO),
        ("/usr/bin/app", "", "/usr/bin/app"),
        ("", "app.service", "app.service"),
        ("", "", "not known who"),
    ],
)
def test_how_its_owner_is_told(program, of, text):
    assert who(listener("tcp *:80", program, of)) == text


LOST = {
    "nobody listens": (APP, ()),
    "on another port": (APP, [listener("tcp *:8080")]),
    "by another protocol": (APP, [listener("udp *:80")]),
    "on one address only": (APP, [listener("tcp 127.0.0.1:80")]),
    "on another address": (listener("tcp 10.0.0.1:80"), [listener("tcp 10.0.0.2:80")]),
    "of a port that is given out, and the program with it": (listener("tcp *:40000"), [OTHER]),
}


@pytest.mark.parametrize(("one", "left"), LOST.values(), ids=LOST)
def test_a_lost_socket(one, left):
    assert lost(sockets(one), sockets(*left)) == (one,)


NOISE = {
    "the same": (APP, [APP]),
    "all of IPv6 for all of IPv4": (listener("tcp 0.0.0.0:80"), [listener("tcp [::]:80")]),
    "all addresses for one": (listener("tcp 127.0.0.1:80"), [listener("tcp *:80")]),
    "another program there": (APP, [listener("tcp *:80", "/usr/bin/new")]),
    "another port that is given out": (listener("udp *:40000"), [listener("udp *:50000")]),
    "a given-out port of nobody known": (listener("tcp *:40000", "", ""), []),
    "of a person": (listener("tcp 127.0.0.1:9000", "/usr/sbin/sshd", "session-4.scope"), []),
    "of a user's service": (listener("tcp *:9000", "/usr/bin/x", "user@1000.service"), []),
    "of an interface that went": (
        listener("udp [fe80::a]:123", "/usr/sbin/ntpd", "ntpd.service"),
        [listener("udp 127.0.0.1:123", "/usr/sbin/ntpd", "ntpd.service")],
    ),
}


@pytest.mark.parametrize(("one", "left"), NOISE.values(), ids=NOISE)
def test_noise(one, left):
    assert lost(sockets(one), sockets(*left)) == ()


def test_the_range_of_each_look_counts():
    before = sockets(listener("tcp *:15000"), ephemeral=(10000, 20000))
    assert lost(before, sockets(listener("tcp *:40000"))) == ()


def test_where_a_program_listens_now():
    before = sockets(APP, listener("tcp *:8443"))
    after = sockets(listener("tcp *:8080"), listener("tcp *:8443"), OTHER)
    assert moved(APP, before, after) == ("tcp *:8080",)


def test_a_moved_socket_is_two_changes():
    assert between([APP], [listener("tcp *:8080")]) == (
        SocketChange("tcp *:80", WHO, "", "ready..installed"),
        SocketChange("tcp *:8080", "", WHO, "ready..installed"),
    )


def test_another_owner_is_a_change_where_both_are_known():
    after = listener("tcp *:80", "/usr/bin/new", "new.service")
    new = "new.service (/usr/bin/new)"
    assert between([APP], [after]) == (SocketChange("tcp *:80", WHO, new, "ready..installed"),)
    assert between([APP], [listener("tcp *:80", "", "")]) == ()


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ([APP], [APP]),
        ([listener("tcp *:40000")], [listener("tcp *:50000")]),
        ([], [listener("tcp *:40000", "", "")]),
        ([], [listener("tcp *:6010", "/usr/sbin/sshd", "session-9.scope")]),
        ([APP, APP], [APP]),
    ],
)
def test_what_is_no_change(before, after):
    assert between(before, after) == ()


def test_the_packages_below_the_unit_are_blamed_for_what_is_lost_but_not_for_what_pre_did():
    fragment = "/usr/lib/systemd/system/app.service"
    looks = (
        look("before", sockets=[APP, OTHER], units=[unit("app.service", fragment=fragment)]),
        look("ready", sockets=[APP]),
        look("after", sockets=[OTHER], aftermath=owning(owners={fragment: "app.noarch"})),
    )
    other = "other.service (/usr/bin/other)"
    assert changes(looks, Blame(looks, updated("app.noarch"))) == (
        SocketChange("tcp *:443", other, "", "before..ready"),
        SocketChange("tcp *:443", "", other, "ready..after"),
        SocketChange("tcp *:80", WHO, "", "ready..after", ("app.noarch",)),
    )


@pytest.mark.parametrize(
    ("now", "left"),
    [
        (unit("app.service", started_us=900_000_001), ("tcp *:80 of app.service",)),
        (unit("app.service", started_us=900_000_000), ()),  # it has had its time
        (unit("app.service", started_us=0), ()),  # without a main process nobody knows
        (failed("app.service", started_us=999_000_000), ()),
        (unit("new.service", started_us=999_000_000), ()),
    ],
)
def test_who_was_started_just_now_is_awaited(now, left):
    looks = (look("before", sockets=[APP]), look("arrived", sockets=[], units=[now]))
    assert awaited(*looks, monotonic_s=1020.0, within_s=120.0) == left


def test_soon_after_a_boot_everything_was_started_just_now():
    now = unit("app.service", started_us=1)
    looks = (look("before", sockets=[APP]), look("arrived", sockets=[], units=[now]))
    found = awaited(*looks, monotonic_s=50.0, within_s=120.0)
    assert found == ("tcp *:80 of app.service",)


def test_who_is_ignored_is_not_awaited():
    now = unit("app.service", started_us=999_000_000)
    looks = (look("before", sockets=[APP]), look("arrived", sockets=[], units=[now]))
    for patterns, left in ((("tcp *:8?",), ()), (("udp *",), ("tcp *:80 of app.service",))):
        found = awaited(*looks, monotonic_s=1020.0, within_s=120.0, ignore=patterns)
        assert found == left


def test_who_listens_elsewhere_is_not_awaited_and_another_of_its_program_is_not_it():
    now = [unit("app.service", started_us=999_000_000)]
    for new, left in (
        (listener("tcp *:81"), ()),
        (listener("tcp *:81", of="another.service"), ("tcp *:80 of app.service",)),
    ):
        looks = (look("before", sockets=[APP]), look("arrived", sockets=[new], units=now))
        assert awaited(*looks, monotonic_s=1020.0, within_s=120.0) == left


def test_nobody_is_awaited_who_listens_or_of_whom_nothing_is_known():
    now = [unit("app.service", started_us=999_000_000)]
    known = look("before", sockets=[APP])
    pairs = (
        (known, look("arrived", sockets=[APP], units=now)),
        (known, look("arrived", sockets="it hung", units=now)),
        (look("before"), look("arrived", sockets=[], units=now)),
    )
    for before, after in pairs:
        assert awaited(before, after, monotonic_s=1020.0, within_s=120.0) == ()


# -- what systemd holds --------------------------------------------------------------------------

SYSTEMD = "/usr/lib/systemd/systemd"


def held(socket, of=""):
    return listener(socket, SYSTEMD, of)


def listening(name, *listens, **more):
    return unit(name, sub="listening", listens=listens, **more)


HOLDERS = {
    "the unit that listens there": ([listening("app.socket", "tcp *:80")], "app.socket"),
    "one of several sockets": ([listening("app.socket", "udp *:80", "tcp *:80")], "app.socket"),
    "by another protocol": ([listening("app.socket", "udp *:80")], ""),
    "on another port": ([listening("app.socket", "tcp *:8080")], ""),
    "on another address": ([listening("app.socket", "tcp 10.0.0.1:80")], ""),
    "one that is down": ([dead("app.socket", listens=("tcp *:80",))], ""),
    "one that is up beside it": (
        [dead("a.socket", listens=("tcp *:80",)), listening("b.socket", "tcp *:80")],
        "b.socket",
    ),
    "two that are up": ([listening(f"{n}.socket", "tcp *:80") for n in "ab"], ""),
    "none": ([], ""),
}


@pytest.mark.parametrize(("units", "of"), HOLDERS.values(), ids=HOLDERS)
def test_whose_a_socket_is_that_systemd_holds(units, of):
    found = attributed(sockets(held("tcp *:80")), Units(units=tuple(units)))
    assert found == sockets(held("tcp *:80", of))


@pytest.mark.parametrize(
    "one",
    [
        listener("tcp *:80", "/usr/bin/app", ""),
        listener("tcp *:80", "", ""),
        held("tcp *:80", "user@0.service"),
    ],
)
def test_what_others_hold_stays_theirs(one):
    units = Units(units=(listening("app.socket", "tcp *:80"),))
    assert attributed(sockets(one), units) == sockets(one)


APP_80, APP_81 = held("tcp *:80", "app.socket"), held("tcp *:81", "app.socket")


@pytest.mark.parametrize(
    ("one", "after", "now"),
    [
        (APP_80, [APP_81], ("tcp *:81",)),
        (APP_80, [held("tcp *:81", "other.socket")], ()),
        (APP_80, [held("tcp *:81")], ()),
        (held("tcp *:80"), [held("tcp *:81")], ()),
        (held("tcp *:80"), [APP_81], ()),
    ],
)
def test_a_new_port_of_another_socket_unit_is_not_where_it_listens_now(one, after, now):
    assert moved(one, sockets(one), sockets(*after)) == now


def test_a_port_of_a_socket_unit_is_not_drawn_whatever_its_number_is():
    one, other = held("tcp *:40000", "app.socket"), held("tcp *:50000", "other.socket")
    assert lost(sockets(one, other), sockets(other)) == (one,)
    assert between([other], [other, one]) == (
        SocketChange("tcp *:40000", "", f"app.socket ({SYSTEMD})", "ready..installed"),
    )
    without = held("tcp *:40000")
    assert lost(sockets(without, held("tcp *:50000")), sockets(held("tcp *:50000"))) == ()


@pytest.mark.parametrize(("one", "other"), [(APP_80, held("tcp *:80")), (held("tcp *:80"), APP_80)])
def test_whether_the_unit_was_found_out_is_no_change(one, other):
    assert between([one], [other]) == ()


def test_another_socket_unit_is_a_change():
    after = held("tcp *:80", "new.socket")
    was, now = f"app.socket ({SYSTEMD})", f"new.socket ({SYSTEMD})"
    assert between([APP_80], [after]) == (SocketChange("tcp *:80", was, now, "ready..installed"),)
    taken = listener("tcp *:80")
    assert between([held("tcp *:80")], [taken]) == (
        SocketChange("tcp *:80", SYSTEMD, WHO, "ready..installed"),
    )
