"""What is HAProxy's own in its pair; test_hook_pairs.py has what all pairs promise."""

from __future__ import annotations

import os
import sys
import time

import pytest
from support.balancers import Haproxy, traffic_ended
from support.shipped import Alone, Done, executable
from test_hook_pairs import why_not

pytestmark = pytest.mark.skipif(bool(why_not(Haproxy)), reason=why_not(Haproxy))
NOTHING = "nothing was taken away\n"


@pytest.fixture
def haproxy(tmp_path):
    pair = Haproxy(tmp_path)
    yield pair
    pair.end()


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"SERVERS": "web/c"}, "{place}/admin.sock: cannot tell the state of web/c"),
        ({"SERVERS": " "}, "SERVERS or SOCKETS names none"),
        ({"SOCKETS": " "}, "SERVERS or SOCKETS names none"),
        ({"SERVERS": "web"}, "SERVERS: no BACKEND/SERVER: web"),
        ({"SOCKETS": "{place}/none"}, "{place}/none: cannot tell the state of web/a"),
        ({"SOCKETS": "127.0.0.1:{b}"}, "127.0.0.1:{b}: cannot tell the state of web/a"),
        ({"SOCKETS": "localhost"}, "SOCKETS: no path, no HOST:PORT: localhost"),
        ({"SOCKETS": "admin.sock"}, "SOCKETS: no path, no HOST:PORT: admin.sock"),
        ({"SOCKETS": "./admin.sock"}, "SOCKETS: no path, no HOST:PORT: ./admin.sock"),
        ({"SOCKETS": "127.0.0.1:99999"}, "127.0.0.1:99999: cannot tell the state of web/a"),
        ({"SOCKETS": "[::1]:1"}, "[::1]:1: cannot tell the state of web/a"),
        ({"DRAIN_TIMEOUT_S": "0"}, "DRAIN_TIMEOUT_S is no number: 0"),
        ({"POLL_S": "soon"}, "POLL_S is no number: soon"),
        ({"MIN_UP": "two"}, "MIN_UP is no number: two"),
        ({"MIN_UP": "2"}, "{place}/admin.sock: others up in web: 1; MIN_UP is 2"),
        (
            {"SERVERS": "web/a web/b", "MIN_UP": "1"},
            "{place}/admin.sock: others up in web: 0; MIN_UP is 1",
        ),
    ],
)
def test_haproxy_is_told_nothing_where_something_makes_no_sense(
    haproxy, tmp_path, settings, reason
):
    before = haproxy.state()
    names = vars(haproxy)

    done = haproxy.leaves(**{key: one.format(**names) for key, one in settings.items()})

    assert (done.code, done.reason) == (1, reason.format(**names))
    assert haproxy.state() == before


@pytest.mark.parametrize(
    "order", ["state maint", "state drain", "weight 0", "addr 127.0.0.1 port 1"]
)
def test_a_server_that_is_needed_stays_until_another_is_up(haproxy, order):
    haproxy.ask(f"set server web/b {order}")
    haproxy.until(lambda: haproxy.answers() == ["a"])
    before = haproxy.state()

    needed = haproxy.leaves(MIN_UP=1)

    reason = f"{haproxy.place}/admin.sock: others up in web: 0; MIN_UP is 1"
    assert (needed.code, needed.reason, haproxy.state()) == (1, reason, before)

    haproxy.ask("set server web/b state ready")
    haproxy.ask("set server web/b weight 100%")
    haproxy.ask(f"set server web/b addr 127.0.0.1 port {haproxy.b}")
    haproxy.until(lambda: haproxy.answers() == ["a", "b"])
    assert haproxy.leaves(MIN_UP=1).code == 0


def test_a_server_that_was_out_needs_no_other(haproxy):
    for server in "ab":
        haproxy.ask(f"set server web/{server} state maint")

    assert haproxy.leaves(MIN_UP=1).code == 0


def test_haproxy_is_waited_for_and_not_for_ever(haproxy, tmp_path):
    haproxy.hold()

    done = haproxy.leaves(DRAIN_TIMEOUT_S=1)
    while_held = haproxy.state()
    haproxy.release()
    again = haproxy.leaves()

    assert (done.code, done.reason) == (1, "after 1 s web/a has 2 sessions")
    assert while_held == (("a", "DRAIN", "1"), ("b", "UP", "1"))
    expected = Done(0, "", {"left": "1"}, "1 servers have drained and are in maintenance\n")
    assert (again, haproxy.state()) == (expected, haproxy.out)


def test_a_node_that_does_not_answer_gets_no_request_and_the_undo_is_owed(haproxy, tmp_path):
    assert haproxy.leaves().code == 0
    haproxy.ask("set server web/a addr 127.0.0.1 port 1")
    traffic = haproxy.traffic()

    done = haproxy.joins(UP_TIMEOUT_S=2)
    again = haproxy.joins(UP_TIMEOUT_S=1)

    assert traffic_ended(traffic) == {"failed": [], "seen": ["200 b"]}
    reason = f"web/a at {tmp_path}/admin.sock is not as before (ready, operational 0), was ready"
    assert (done.code, done.reason) == (75, f"after 2 s {reason}")
    assert (again.code, again.reason) == (75, f"after 1 s {reason}")


def test_a_haproxy_is_reached_by_tcp(haproxy, tmp_path):
    before = haproxy.state()

    left = haproxy.leaves(SOCKETS=f"127.0.0.1:{haproxy.admin}")
    while_out = haproxy.state()
    joined = haproxy.joins()

    assert (left.code, joined.code) == (0, 0)
    assert (while_out, haproxy.state()) == (haproxy.out, before)


def test_a_server_without_checks_is_up_at_once(haproxy, tmp_path):
    config = haproxy.place / "haproxy.cfg"
    config.write_text(config.read_text().replace(" check inter 200ms fall 2 rise 1", ""))
    haproxy.reboot()
    before = haproxy.state()

    codes = [haproxy.leaves().code, haproxy.joins().code]

    assert (codes, haproxy.state()) == ([0, 0], before)
    assert haproxy.answers() == ["a", "b"]


def test_what_the_configuration_disables_and_somebody_made_ready_is_ready_again(haproxy, tmp_path):
    config = haproxy.place / "haproxy.cfg"
    config.write_text(config.read_text().replace("rise 1", "rise 1 disabled", 1))
    haproxy.stop()
    haproxy.start()
    haproxy.ask("set server web/a state ready")
    haproxy.until(lambda: haproxy.answers() == ["a", "b"])
    before = haproxy.state()

    assert haproxy.leaves().code == 0
    while_out = haproxy.state()
    haproxy.stop()
    haproxy.start()
    assert haproxy.joins().code == 0

    assert (while_out, haproxy.state()) == (haproxy.out, before)


def test_what_the_configuration_enables_meanwhile_is_not_taken_out(haproxy, tmp_path):
    config = haproxy.place / "haproxy.cfg"
    enabled = config.read_text()
    config.write_text(enabled.replace("rise 1", "rise 1 disabled", 1))
    haproxy.stop()
    haproxy.start()

    left = haproxy.leaves()
    config.write_text(enabled)
    haproxy.reboot()
    before = haproxy.state()
    joined = haproxy.joins()

    said = "0 servers have drained and are in maintenance\n"
    assert (left, joined) == (Done(0, "", {"left": "0"}, said), Done(0, "", {}, NOTHING))
    assert haproxy.state() == before


def test_called_again_it_takes_no_server_out_of_maintenance(haproxy, tmp_path):
    asked = tmp_path / "asked"
    executable(
        tmp_path / "bin/python3",
        f"""#!/bin/sh
echo "$5" >>{asked}
exec {sys.executable} "$@"
""",
    )
    assert haproxy.leaves().code == 0
    first = asked.read_text().splitlines()

    assert haproxy.leaves().code == 0

    look = "show info; show servers state web; show stat"
    orders = ["set server web/a state drain", "set server web/a state maint"]
    assert [one for one in first if one != look] == orders
    assert set(asked.read_text().splitlines()[len(first) :]) == {look}


@pytest.mark.parametrize("what", ["state maint", "state drain", "weight 0"])
def test_what_was_out_by_the_runtime_api_is_out_again_in_a_new_process(haproxy, tmp_path, what):
    haproxy.ask(f"set server web/a {what}")
    before = haproxy.state()

    left = haproxy.leaves()
    while_out = haproxy.state()
    haproxy.reboot()
    joined = haproxy.joins()

    assert (left.code, while_out[0][1], joined.code) == (0, "MAINT", 0)
    assert haproxy.state() == before


def test_a_new_process_is_known_by_its_age_where_its_pid_has_come_again(haproxy, tmp_path):
    haproxy.ask("set server web/a state maint")
    before = haproxy.state()
    assert haproxy.leaves().code == 0
    haproxy.reboot()
    record = tmp_path / "scratch/haproxy"
    # as in a container, and as if patching had taken a while
    record.write_text(record.read_text().rsplit("\t", 1)[0] + f"\t{haproxy.pid()}\n")
    os.utime(str(record), (time.time() - 300,) * 2)

    joined = haproxy.joins()

    assert (joined.code, haproxy.state()) == (0, before)


def test_maintenance_that_somebody_ends_meanwhile_is_not_begun_again(haproxy, tmp_path):
    before = haproxy.state()
    haproxy.ask("set server web/a state maint")
    left = haproxy.leaves()
    haproxy.ask("set server web/a state ready")

    joined = haproxy.joins()

    assert (left.code, joined.code, haproxy.state()) == (0, 0, before)


def test_sessions_of_a_server_that_drained_before_are_waited_for(haproxy, tmp_path):
    haproxy.hold()
    haproxy.take_out()

    done = haproxy.leaves(DRAIN_TIMEOUT_S=1)
    haproxy.release()

    assert (done.code, done.reason) == (1, "after 1 s web/a has 2 sessions")


def test_a_server_that_comes_back_while_another_drains_stops_pre(haproxy, tmp_path):
    haproxy.ask("set server web/a state maint")
    haproxy.hold()
    alone = Alone(tmp_path)
    executable(alone.bin / "sleep", '#!/bin/sh\n: >waits; exec /bin/sleep "$@"\n')
    names = {**haproxy.settings[haproxy.leave], "SERVERS": "web/a web/b"}
    leaving = alone.start(haproxy.leave, **names)
    haproxy.until((alone.scratch / "waits").exists)

    haproxy.ask("set server web/a state ready")
    haproxy.release()
    done = alone.end(leaving)

    reason = f"{tmp_path}/admin.sock: web/a was in maintenance and is not: who ends it?"
    assert (done.code, done.reason) == (1, reason)


@pytest.mark.parametrize("hook", ["leave", "join"])
def test_a_socket_that_is_gone_is_told_in_a_line(haproxy, tmp_path, hook):
    assert haproxy.leaves().code == 0
    haproxy.stop()
    where = tmp_path / "admin.sock"
    alone, name = Alone(tmp_path), getattr(haproxy, hook)

    process = alone.start(name, **haproxy.settings[name])
    _, said = process.communicate(timeout=30)
    haproxy.start()

    assert said.decode().splitlines()[:-1] == [f"{where}: [Errno 111] Connection refused"]


def test_a_haproxy_that_is_gone_leaves_the_undo_owed(haproxy, tmp_path):
    assert haproxy.leaves().code == 0
    haproxy.stop()

    done = haproxy.joins()
    haproxy.start()

    assert (done.code, done.reason) == (75, f"not made ready: web/a at {tmp_path}/admin.sock")
