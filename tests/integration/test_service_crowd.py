"""Fifty clients at once on one socket, most of them bad: one run, everyone answered, no memory."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import time

import pytest
from support.faults import FaultRoot, end_all, environment, wait_for
from support.service import Service, request, said

from hookd.daemon.incoming import LATE

CUT_WITHIN_S = 5.0
PATIENCE_S = 5.0
"""What a busy machine may take on top."""

HOOK = (
    'echo $HOOKD_HOOK >> "$HOOKD_ROOT/ran"\n'
    "head -c 400000 /dev/zero | tr '\\0' x | fold -w 80\n"
    'until test -e "$HOOKD_ROOT/go"; do sleep 0.05; done\n'
)


@pytest.fixture(name="root")
def _root(tmp_path):
    root = FaultRoot(tmp_path / "root")
    root.hook("pre/10-x", HOOK, grace="1s")
    root.hook("pre/20-y", 'echo $HOOKD_HOOK >> "$HOOKD_ROOT/ran"\n')
    yield root
    end_all(str(tmp_path))


@pytest.fixture(name="service")
def _service(root):
    found = Service(root, environment()).start()
    yield found
    found.stop()


def run_of(run_id, **more):
    return request(verb="run", phase="pre", identity=run_id, **more)


KINDS = {
    "idle": 6,  # first: they are there when engines are forked, and none of those holds them
    "run": 14,
    "never reads": 6,
    "leaves": 5,
    "leaves in mid-request": 5,
    "garbage": 6,
    "half a request": 4,
    "half-closed": 4,
}


class Crowd:
    """Fifty connections of one wave, all there before any is answered; `of` is by kind."""

    def __init__(self, service, run_id):
        self.of = {kind: [service.connect() for _ in range(n)] for kind, n in KINDS.items()}
        self.began = time.monotonic()
        whole = run_of(run_id)
        self._send("run", whole)
        self._send("never reads", run_of(run_id, live=True, verbose=True))
        self._send("leaves", whole)
        self._send("leaves in mid-request", whole[:20])
        self._send("garbage", b"\x00\xff\x1b[2J{}\n")
        self._send("half a request", whole[:20])
        self._send("half-closed", whole[:20])
        for connection in self.of["leaves"] + self.of["leaves in mid-request"]:
            connection.close()
        for connection in self.of["half-closed"]:
            connection.shutdown(socket.SHUT_WR)

    def _send(self, kind, data):
        for connection in self.of[kind]:
            connection.sendall(data)

    def answers(self, kind):
        return [said(connection) for connection in self.of[kind]]

    def close(self):
        for connections in self.of.values():
            for connection in connections:
                connection.close()


def refused(why):
    return [{"err": f"hookd: {why}"}, {"out": "", "exit_code": 2}]


def end(messages):
    """Return the code and the one line of JSON of an answer."""
    *_, last = messages
    line = last["out"].splitlines()[-1]
    return last["exit_code"], json.loads(line[len("hookd-result: ") :])


def wave(root, service, number, *, patient=False, cancelled=False):
    """Play one wave of an operation of its own; return the codes of its runs."""
    run_id = f"run-{number}"
    before = ran(root)
    with contextlib.suppress(FileNotFoundError):
        (root.path / "go").unlink()
    crowd = Crowd(service, run_id)
    wait_for(lambda: len(ran(root)) > len(before), 30)

    for _, told in map(split_hello, crowd.answers("garbage")):
        assert told == refused("not a JSON line")
    assert crowd.answers("half-closed") == [refused("the request has no end")] * 4
    if patient:
        silent = crowd.answers("idle") + crowd.answers("half a request")
        took_s = time.monotonic() - crowd.began
        assert silent == [refused(LATE)] * 10
        # each has its own time, from when it came: the first came before the crowd was whole
        assert CUT_WITHIN_S - 1 < took_s < CUT_WITHIN_S + PATIENCE_S
    if cancelled:
        assert root.hookd("cancel").code == 0
    (root.path / "go").touch()

    answers = [end(messages) for messages in crowd.answers("run")]
    assert answers == [answers[0]] * len(answers)
    crowd.close()
    started = ran(root)[len(before) :]
    name = answers[0][1]["operation"]
    expected = [f"{name}/pre-1/10-x#1"] + ([] if cancelled else [f"{name}/pre-1/20-y#1"])
    assert started == expected
    assert root.hookd("run", "on-exit", "--operation-id", run_id).code in (0, 1)
    wait_for(lambda: service.children == [], 20)
    return [code for code, _ in answers]


def split_hello(messages):
    return [one for one in messages if "hello" in one], [m for m in messages if "hello" not in m]


def ran(root):
    path = root.path / "ran"
    return path.read_text().split() if path.exists() else []


def test_fifty_clients_at_once_are_one_run_and_cost_the_service_nothing(root, service):
    descriptors = service.descriptors
    codes = [wave(root, service, 0, patient=True)]
    rss_kb = service.rss_kb
    codes += [wave(root, service, number) for number in (1, 2, 3)]
    codes += [wave(root, service, 4, patient=True, cancelled=True)]

    assert codes == [[0] * 14] * 4 + [[130] * 14]
    wait_for(lambda: service.descriptors == descriptors)  # it sees a moment later who has left
    assert service.rss_kb - rss_kb <= 1024
    assert service.process.poll() is None
    assert len(root.operations()) == 5


def test_a_storm_of_idle_connections_keeps_no_caller_out(root, service):
    (root.path / "go").touch()
    idle = [service.connect() for _ in range(300)]
    done = root.hookd("run", "pre", "-v")
    for connection in idle:
        connection.close()
    assert (done.code, "not served" in done.err) == (0, False), done
    assert len(ran(root)) == 2


def test_what_is_too_many_is_done_by_the_client_itself(root, service):
    crowd = []
    for _ in range(128):
        crowd.append(service.connect())
        crowd[-1].sendall(run_of("run-1"))  # at once: who says nothing for 5 s is sent away
    wait_for(lambda: len(service.children) == 128, 60)

    late = root.start("run", "pre", "-v", "--operation-id", "run-1", stderr=-1)
    assert b"not served" in late.stderr.readline()
    cancelled = root.hookd("cancel")

    assert cancelled.code == 0, cancelled
    _, err = late.communicate(timeout=60)
    assert late.returncode == 130, err
    assert {end(said(connection))[0] for connection in crowd} == {130}
    assert len(ran(root)) == 1
    refusals = [line for line in service.log() if line["event"] == "refused"]
    assert {line["reason"] for line in refusals} == {"128 calls are being served"}
    wait_for(lambda: service.children == [], 20)


def test_stopped_engines_and_clients_cost_the_service_nothing(root, service):
    """A client that is stopped never reads; an engine that is stopped never answers."""
    call = root.start("run", "pre")
    wait_for(lambda: ran(root), 20)
    (engine,) = service.children
    os.kill(engine, signal.SIGSTOP)
    call.send_signal(signal.SIGSTOP)
    assert root.hookd("status").code == 75
    busy = root.hookd("run", "post", "--deadline", "1s")
    assert busy.code == 75, busy
    (root.path / "go").touch()
    os.kill(engine, signal.SIGCONT)
    call.send_signal(signal.SIGCONT)
    assert call.wait(20) == 0
