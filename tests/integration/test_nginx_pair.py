"""What is nginx's own in its pair; test_hook_pairs.py has what all pairs promise."""

from __future__ import annotations

import fcntl

import pytest
from support.balancers import Nginx
from support.shipped import Alone, executable
from test_hook_pairs import why_not

pytestmark = pytest.mark.skipif(bool(why_not(Nginx)), reason=why_not(Nginx))


@pytest.fixture
def nginx(tmp_path):
    pair = Nginx(tmp_path)
    yield pair
    pair.end()


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"SERVERS": "10.0.0.1"}, "{file}: no server 10.0.0.1"),
        ({"SERVERS": " "}, "SERVERS names none"),
        ({"SERVERS": "a b;"}, "{file}: no server a"),
        ({"FILE": "upstream"}, "FILE is no absolute path of a file: upstream"),
        ({"PID_FILE": "{place}/none"}, "nginx does not run: no {place}/none"),
        ({"POLL_S": "soon"}, "POLL_S is no number: soon"),
        ({"TEST": " "}, "TEST or RELOAD names no command"),
        ({"RELOAD": "\n"}, "TEST or RELOAD names no command"),
    ],
)
def test_nginx_is_left_alone_where_something_makes_no_sense(nginx, tmp_path, settings, reason):
    before = nginx.state()
    names = vars(nginx)

    done = nginx.leaves(**{key: one.format(**names) for key, one in settings.items()})

    assert (done.code, done.reason, nginx.state()) == (1, reason.format(**names), before)


def test_a_file_that_nginx_does_not_take_is_as_it_was(nginx, tmp_path):
    before = nginx.state()

    done = nginx.leaves(TEST="false")

    assert (done.code, nginx.state()) == (1, before)
    assert done.reason == f"nginx does not take {nginx.file} with these down; it is as it was"
    assert nginx.answers() == ["a", "b"]


def test_what_somebody_edits_meanwhile_stays(nginx, tmp_path):
    assert nginx.leaves().code == 0
    edited = nginx.file.read_text().replace("business", "business, still")
    nginx.file.write_text(edited)

    assert nginx.joins().code == 0

    assert nginx.file.read_text() == edited.replace(" down;", ";")
    assert [one.name for one in tmp_path.glob(".*")] == []


@pytest.mark.parametrize("since", ["  server {a} down weight=2;", "  # no more {a}"])
def test_a_server_that_somebody_edits_so_that_it_gets_nothing_leaves_the_undo_owed(
    nginx, tmp_path, since
):
    address = f"127.0.0.1:{nginx.a}"
    assert nginx.leaves().code == 0
    edited = nginx.out[0].replace(f"  server {address} weight=2  down;", since.format(a=address))
    nginx.file.write_text(edited)

    done = nginx.joins()

    reason = f"{nginx.file}: somebody has edited it, these get nothing: {address}"
    assert (done.code, done.reason) == (75, reason)
    assert nginx.file.read_text() == edited


def test_a_server_that_is_down_in_the_file_alone_is_told_to_nginx(nginx, tmp_path):
    down = nginx.out[0].replace("  down", " down")
    nginx.file.write_text(down)
    before = nginx.answers()

    left = nginx.leaves()
    while_out = nginx.answers()
    joined = nginx.joins()

    assert (before, while_out) == (["a", "b"], ["b"])
    assert (left.code, left.outputs, joined.code) == (0, {"left": "0"}, 0)
    assert nginx.file.read_text() == down


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("  server {a} # down for a while\n    weight=2;", "is not on one line of its own"),
        ("  server {a} # weight=1;\n    weight=2;", "is not on one line of its own"),
        ("  server {a}\n    weight=2;", "is not on one line of its own"),
        ("  server {a}; server {a} weight=2;", "is not on one line of its own"),
        (
            "  server {a};\n  server 127.1; server {a} backup;",
            "is not on one line of its own",
        ),
        ("  server {a} weight=2; # down; not any more", ""),
        ("  server\t{a}\tmax_fails=0;# down", ""),
        ("  server {a} backup; # k\u00f6nnte down sein", ""),
    ],
)
def test_only_the_words_of_the_server_count_and_not_a_comment(nginx, tmp_path, line, reason):
    address = f"127.0.0.1:{nginx.a}"
    text = nginx.file.read_text().replace(f"  server {address} weight=2 ;", line.format(a=address))
    # neither UTF-8, nor with an end of the last line
    before = text.encode("latin-1").rstrip(b"\n")
    nginx.file.write_bytes(before)

    left = nginx.leaves()
    while_out = nginx.file.read_bytes()
    joined = nginx.joins()

    if reason:
        reason = f"{nginx.file}: server {address} {reason}"
        assert (left.code, left.reason, while_out) == (1, reason, before)
    else:
        assert (left.code, while_out) == (0, before.replace(b";", b" down;", 1))
    assert (joined.code, nginx.file.read_bytes()) == (0, before)


def test_a_file_that_is_written_anew_while_workers_drain_stops_pre(nginx, tmp_path):
    before = nginx.file.read_text()
    nginx.hold()
    alone = Alone(tmp_path)
    leaving = alone.start(nginx.leave, **nginx.settings[nginx.leave])
    nginx.until(lambda: nginx.answers() == ["b"])

    nginx.file.write_text(before)
    nginx.release()
    done = alone.end(leaving)

    reason = f"{nginx.file}: somebody has written it anew, 127.0.0.1:{nginx.a} is not down"
    assert (done.code, done.reason) == (1, reason)


def test_workers_that_somebody_starts_with_the_old_file_meanwhile_are_waited_for(nginx, tmp_path):
    alone = Alone(tmp_path)
    syncing, go = alone.scratch / "syncing", alone.scratch / "go"
    executable(alone.bin / "sync", "#!/bin/sh\n: >syncing; until [ -e go ]; do sleep 0.05; done\n")
    settings = {**nginx.settings[nginx.leave], "DRAIN_TIMEOUT_S": 2}
    leaving = alone.start(nginx.leave, **settings)
    nginx.until(syncing.exists)
    old = nginx.workers()
    nginx.nginx(nginx.balancer, "-s", "reload")
    nginx.until(lambda: nginx.workers().isdisjoint(old))
    nginx.hold()
    go.touch()

    done = alone.end(leaving)
    nginx.release()

    assert (done.code, done.reason.startswith("after 2 s worker ")) == (1, True)


def test_nodes_that_share_the_file_take_turns(nginx, tmp_path):
    alone = Alone(tmp_path)
    executable(alone.bin / "flock", '#!/bin/sh\necho >>asked; exec /usr/bin/flock "$@"\n')
    asked, new = alone.scratch / "asked", nginx.place / "new"
    new.write_text(nginx.file.read_text().replace(f":{nginx.b};", f":{nginx.b} down;"))
    new.chmod(0o640)
    with nginx.file.open("r+") as old, new.open("r+") as current:
        fcntl.flock(old, fcntl.LOCK_EX)
        leaving = alone.start(nginx.leave, **nginx.settings[nginx.leave])
        nginx.until(asked.exists)
        fcntl.flock(current, fcntl.LOCK_EX)
        new.rename(nginx.file)
        old.close()
        nginx.until(lambda: asked.read_text() == "\n\n")
        while_locked = nginx.file.read_text()

    done = alone.end(leaving)

    text = nginx.out[0].replace(f":{nginx.b};", f":{nginx.b} down;")
    assert while_locked == text.replace(" down;", ";", 1)
    assert (done.code, nginx.state()) == (0, (text, "0o640"))


def test_a_file_that_is_put_back_keeps_what_another_node_wrote(nginx, tmp_path):
    alone, other = Alone(tmp_path), Alone(tmp_path / "other")
    test = executable(
        alone.bin / "test", "#!/bin/sh\n: >testing; until [ -e go ]; do sleep 0.05; done; false\n"
    )
    executable(other.bin / "flock", '#!/bin/sh\n: >asked; exec /usr/bin/flock "$@"\n')
    settings = nginx.settings[nginx.leave]
    leaving = alone.start(nginx.leave, **{**settings, "TEST": test})
    nginx.until((alone.scratch / "testing").exists)
    second = other.start(nginx.leave, **{**settings, "SERVERS": f"127.0.0.1:{nginx.b}"})
    nginx.until((other.scratch / "asked").exists)
    (alone.scratch / "go").touch()

    codes = [alone.end(leaving).code, other.end(second).code]

    text = nginx.out[0].replace("  down;", " ;").replace(f":{nginx.b};", f":{nginx.b} down;")
    assert (codes, nginx.state()) == ([1, 0], (text, "0o640"))


def test_what_another_node_writes_once_the_lock_is_gone_is_not_removed(nginx, tmp_path):
    """Nodes that share the file make the new one under one name, each while it holds the lock."""
    new = tmp_path / ".upstream.hookd"
    nginx.hold()
    alone = Alone(tmp_path)
    leaving = alone.start(nginx.leave, **nginx.settings[nginx.leave])
    nginx.until(lambda: nginx.answers() == ["b"])

    new.write_text("another node's")
    nginx.release()
    left = alone.end(leaving)
    there = new.exists()
    new.unlink()
    common = nginx.settings[nginx.join]
    reload = executable(tmp_path / "reload", f"#!/bin/sh\n: >{new}; {common['RELOAD']}\n")
    joined = nginx.joins(RELOAD=reload)

    assert (left.code, there, joined.code, new.exists()) == (0, True, 0, True)


def test_a_record_that_a_power_cut_has_emptied_is_none(nginx, tmp_path):
    before = nginx.state()
    Alone(tmp_path)
    (tmp_path / "scratch/nginx").touch()

    codes = [nginx.leaves().code, nginx.joins().code]

    assert (codes, nginx.state()) == ([0, 0], before)


def test_a_server_that_is_named_twice_is_taken_out_once(nginx, tmp_path):
    before, address = nginx.state(), f"127.0.0.1:{nginx.a}"

    left = nginx.leaves(SERVERS=f"{address} {address}")
    while_out = nginx.state()
    joined = nginx.joins()

    assert (left.code, left.outputs, joined.code) == (0, {"left": "1"}, 0)
    assert (while_out, nginx.state()) == (nginx.out, before)


def test_commands_may_stand_on_several_lines(nginx, tmp_path):
    words = {
        name: f"\n{nginx.settings[nginx.join][name]}\n".replace(" ", "\n")
        for name in ("TEST", "RELOAD")
    }

    done = [nginx.leaves(**words), nginx.joins(**words)]

    assert [(one.code, one.reason) for one in done] == [(0, ""), (0, "")]


def test_an_nginx_that_does_not_run_has_its_servers_when_it_starts(nginx, tmp_path):
    before = nginx.state()
    assert nginx.leaves().code == 0
    nginx.stop()

    done = nginx.joins()
    ended = nginx.state()
    nginx.nginx(nginx.balancer)
    nginx.until(lambda: nginx.answers() == ["a", "b"])

    assert (done.code, done.reason) == (75, f"nginx does not run: no {tmp_path}/nginx.pid")
    assert ended == before


def test_workers_that_still_answer_are_waited_for_and_not_for_ever(nginx, tmp_path):
    nginx.hold()

    done = nginx.leaves(DRAIN_TIMEOUT_S=1)
    nginx.release()

    assert (done.code, done.reason.startswith("after 1 s worker ")) == (1, True)
    assert nginx.joins().code == 0


def test_an_nginx_that_does_not_reload_leaves_the_undo_owed(nginx, tmp_path):
    assert nginx.leaves().code == 0

    blank = nginx.joins(RELOAD=" ")
    done = nginx.joins(RELOAD="true", RELOAD_TIMEOUT_S=1)
    again = nginx.joins(RELOAD="false")

    assert (blank.code, blank.reason) == (1, "TEST or RELOAD names no command")
    assert (done.code, done.reason) == (75, "nginx has no new workers")
    assert (again.code, again.reason) == (75, "nginx did not reload")
