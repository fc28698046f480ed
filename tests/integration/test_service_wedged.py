"""A service that is stopped, deaf, mute, dead or another one: the run goes on, and only once."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import threading

import pytest
from support.faults import FaultRoot, end_all, environment, wait_for
from support.service import Service

from hookd.daemon import protocol

RUN = ("--operation-id", "run-1")
SAYS = 'echo $HOOKD_HOOK >> "$HOOKD_ROOT/ran"\n'
WAITS = SAYS + 'until test -e "$HOOKD_ROOT/go"; do sleep 0.05; done\n'


@pytest.fixture(name="make")
def _make(tmp_path):
    def make(name="root", script=SAYS):
        root = FaultRoot(tmp_path / name)
        root.hook("pre/10-x", script)
        return root

    yield make
    end_all(str(tmp_path))


def ran(root):
    """Return the tokens of the starts of hooks, as the hooks themselves noted them."""
    path = root.path / "ran"
    return path.read_text().split() if path.exists() else []


@pytest.fixture(name="listening")
def _listening():
    """Return `listening(root, serve)`: a socket where the service's is; `serve` gets it."""
    made = []

    def listen(root, serve=None):
        path = root.path / protocol.SOCKET[1:]
        path.parent.mkdir(parents=True)
        one = socket.socket(socket.AF_UNIX)
        one.bind(str(path))
        one.listen(5)
        one.settimeout(60)
        made.append((one, None))
        if serve is dead:
            one.close()
        elif serve:
            made[-1] = (one, threading.Thread(target=serve, args=(one,)))
            made[-1][1].start()

    yield listen
    for one, thread in made:
        if thread:
            thread.join(60)
        one.close()


def mute(listening):
    """Take one request and say nothing until the client has enough."""
    connection, _ = listening.accept()
    with connection:
        while connection.recv(65536):
            pass


def newer(listening):
    connection, _ = listening.accept()
    with connection:
        connection.sendall(protocol.to_bytes({"v": protocol.VERSION + 1, "hello": "hookd 9"}))
        while connection.recv(65536):
            pass


def closing(listening):
    listening.accept()[0].close()


def dead(_listening):
    """Leave the file and nobody behind it."""


@pytest.mark.parametrize(
    ("serve", "why"),
    [
        (newer, f"the service speaks version {protocol.VERSION + 1}"),
        (
            closing,
            r"the service closed the connection|\[Errno \d+\] (Broken pipe|.* reset by peer)",
        ),
        (dead, r"\[Errno 111\] Connection refused"),
    ],
    ids=["a newer service", "one that closes", "a socket without one"],
)
def test_what_cannot_serve_is_passed_by_at_once(make, listening, serve, why):
    root = make()
    listening(root, serve)
    done = root.hookd("run", "pre", "-v", *RUN)
    (name,) = root.operations()
    assert done.code == 0, done
    said = re.fullmatch(
        r"hookd: not served \((.*)\), doing it in this process", done.err.splitlines()[0]
    )
    assert re.fullmatch(why, said.group(1)), done
    assert ran(root) == [f"{name}/pre-1/10-x#1"]


def test_without_a_terminal_only_a_person_who_asks_is_told(make, listening):
    root = make()
    listening(root, dead)
    done = root.hookd("run", "pre", *RUN)
    assert (done.code, done.err) == (0, "")


def test_what_says_nothing_is_waited_for_15_s_and_then_passed_by(make, listening):
    """All at once, because each takes as long; the stopped one wakes up in the middle of the run.

    Its engine finds the phase running in the client's own process, and joins it.
    """
    stopped, deaf, mutes = make("stopped", WAITS), make("deaf"), make("mute")
    listening(deaf)
    listening(mutes, mute)
    service = Service(stopped, environment()).start()
    service.process.send_signal(signal.SIGSTOP)
    calls = {root: call(root) for root in (stopped, deaf, mutes)}

    wait_for((stopped.path / "ran").exists, 40)
    service.process.send_signal(signal.SIGCONT)
    wait_for(lambda: "waiting" in [line["event"] for line in service.log()], 20)
    (stopped.path / "go").touch()

    for root, process in calls.items():
        _, err = process.communicate(timeout=60)
        said = err.decode().splitlines()[0]
        assert process.returncode == 0, err
        assert said == "hookd: not served (the service does not answer), doing it in this process"
        assert ran(root) == [f"{root.operations()[0]}/pre-1/10-x#1"]
    answered = wait_for(lambda: [line for line in service.log() if line["event"] == "answered"], 20)
    assert [line["exit_code"] for line in answered] == [0]
    service.stop()


def call(root):
    return root.start("run", "pre", "-v", *RUN, stderr=subprocess.PIPE)


def test_the_service_dies_between_its_hello_and_the_end_and_the_run_is_joined(make):
    """The engine outlives the service; with both gone the client resumes in its own process."""
    root = make("root", WAITS)
    service = Service(root, environment()).start()
    process = call(root)
    wait_for((root.path / "ran").exists, 20)
    service.stop(signal.SIGKILL)
    (root.path / "go").touch()
    _, err = process.communicate(timeout=60)
    assert (process.returncode, ran(root)) == (0, [f"{root.operations()[0]}/pre-1/10-x#1"]), err
    assert b"not served" not in err


@pytest.mark.parametrize(("phase", "code"), [("pre", 3), ("post", 3)])
def test_an_engine_that_is_stopped_is_waited_for_until_the_deadline(make, phase, code):
    root = make()
    root.hook(f"{phase}/10-x", WAITS)
    service = Service(root, environment()).start()
    process = root.start("run", phase, "--deadline", "8s", *RUN, stderr=subprocess.PIPE)
    wait_for((root.path / "ran").exists, 20)
    holder = json.loads((root.state / "phase.lock").read_text())
    os.kill(holder["pid"], signal.SIGSTOP)

    _, err = process.communicate(timeout=60)

    assert process.returncode == code
    assert err.decode().splitlines()[0] == "hookd: the service has not answered by the deadline"
    os.kill(holder["pid"], signal.SIGKILL)
    service.stop()


def test_the_engine_dies_and_the_client_says_what_became_of_its_hook(make):
    root = make("root", WAITS)
    service = Service(root, environment()).start()
    process = call(root)
    wait_for((root.path / "ran").exists, 20)
    holder = json.loads((root.state / "phase.lock").read_text())
    os.kill(holder["pid"], signal.SIGKILL)
    _, err = process.communicate(timeout=60)
    assert b"not served (the service closed the connection)" in err
    assert process.returncode == 1, err
    assert ran(root) == [f"{root.operations()[0]}/pre-1/10-x#1"]
    assert root.hook_result("pre/10-x")["outcome"] == "interrupted"
    wait_for(lambda: service.children == [])
    service.stop()
