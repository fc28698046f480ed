"""What is HAProxy's and nginx's own in their pairs; test_hook_pairs.py has the rest."""

from __future__ import annotations

import pytest
from support.balancers import Haproxy, Nginx
from support.shipped import Alone, Done
from test_hook_pairs import why_not


def made(kind, tmp_path):
    if why_not(kind):
        pytest.skip(why_not(kind))
    return kind(tmp_path)


@pytest.fixture
def haproxy(tmp_path):
    pair = made(Haproxy, tmp_path)
    yield pair
    pair.end()


@pytest.fixture
def nginx(tmp_path):
    pair = made(Nginx, tmp_path)
    yield pair
    pair.end()


def leave(pair, tmp_path, **more):
    return Alone(tmp_path).run(pair.leave, **{**pair.settings[pair.leave], **more})


def join(pair, tmp_path, **more):
    return Alone(tmp_path).run(pair.join, **{**pair.settings[pair.join], **more})


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"SERVERS": "web/c"}, "{place}/admin.sock: cannot tell the state of web/c"),
        ({"SERVERS": "web"}, "SERVERS: no BACKEND/SERVER: web"),
        ({"SOCKETS": "{place}/none"}, "{place}/none: cannot tell the state of web/a"),
        ({"SOCKETS": "127.0.0.1:{b}"}, "127.0.0.1:{b}: cannot tell the state of web/a"),
        ({"DRAIN_TIMEOUT_S": "0"}, "DRAIN_TIMEOUT_S is no number: 0"),
    ],
)
def test_haproxy_is_told_nothing_where_something_makes_no_sense(
    haproxy, tmp_path, settings, reason
):
    before = haproxy.state()
    names = vars(haproxy)

    done = leave(haproxy, tmp_path, **{key: one.format(**names) for key, one in settings.items()})

    assert (done.code, done.reason) == (1, reason.format(**names))
    assert haproxy.state() == before


def test_haproxy_is_waited_for_and_not_for_ever(haproxy, tmp_path):
    haproxy.hold()

    done = leave(haproxy, tmp_path, DRAIN_TIMEOUT_S=1)
    while_held = haproxy.state()
    haproxy.release()
    again = leave(haproxy, tmp_path)

    assert (done.code, done.reason) == (1, "after 1 s web/a has 2 sessions")
    assert while_held == (("a", "DRAIN", "1"), ("b", "UP", "1"))
    expected = Done(0, "", {"left": "1"}, "1 servers have drained and are in maintenance\n")
    assert (again, haproxy.state()) == (expected, haproxy.out)


def test_a_haproxy_that_does_not_find_the_node_up_leaves_the_undo_owed(haproxy, tmp_path):
    assert leave(haproxy, tmp_path).code == 0
    haproxy.ask("set server web/a addr 127.0.0.1 port 1")

    done = join(haproxy, tmp_path, UP_TIMEOUT_S=2)

    assert (done.code, done.reason.startswith("after 2 s web/a at ")) == (75, True)


def test_a_haproxy_that_is_gone_leaves_the_undo_owed(haproxy, tmp_path):
    assert leave(haproxy, tmp_path).code == 0
    haproxy.stop()

    done = join(haproxy, tmp_path)
    haproxy.start()

    assert (done.code, done.reason) == (75, f"not made ready: web/a at {tmp_path}/admin.sock")


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"SERVERS": "10.0.0.1"}, "{file}: no server 10.0.0.1"),
        ({"SERVERS": "a b;"}, "{file}: no server a"),
        ({"FILE": "upstream"}, "FILE is no absolute path of a file: upstream"),
        ({"PID_FILE": "{place}/none"}, "nginx does not run: no {place}/none"),
    ],
)
def test_nginx_is_left_alone_where_something_makes_no_sense(nginx, tmp_path, settings, reason):
    before = nginx.state()
    names = vars(nginx)

    done = leave(nginx, tmp_path, **{key: one.format(**names) for key, one in settings.items()})

    assert (done.code, done.reason, nginx.state()) == (1, reason.format(**names), before)


def test_a_file_that_nginx_does_not_take_is_as_it_was(nginx, tmp_path):
    before = nginx.state()

    done = leave(nginx, tmp_path, TEST="false")

    assert (done.code, nginx.state()) == (1, before)
    assert done.reason == f"nginx does not take {nginx.file} with these down; it is as it was"
    assert nginx.answers() == ["a", "b"]


def test_what_somebody_edits_meanwhile_stays(nginx, tmp_path):
    assert leave(nginx, tmp_path).code == 0
    edited = nginx.file.read_text().replace("business", "business, still")
    nginx.file.write_text(edited)

    assert join(nginx, tmp_path).code == 0

    assert nginx.file.read_text() == edited.replace(" down;", ";")
    assert [one.name for one in tmp_path.glob(".*")] == []


def test_workers_that_still_answer_are_waited_for_and_not_for_ever(nginx, tmp_path):
    nginx.hold()

    done = leave(nginx, tmp_path, DRAIN_TIMEOUT_S=1)
    nginx.release()

    assert (done.code, done.reason.startswith("after 1 s worker ")) == (1, True)
    assert join(nginx, tmp_path).code == 0


def test_an_nginx_that_does_not_reload_leaves_the_undo_owed(nginx, tmp_path):
    assert leave(nginx, tmp_path).code == 0

    done = join(nginx, tmp_path, RELOAD="true", RELOAD_TIMEOUT_S=1)
    again = join(nginx, tmp_path, RELOAD="false")

    assert (done.code, done.reason) == (75, "nginx has no new workers")
    assert (again.code, again.reason) == (75, "nginx did not reload")
