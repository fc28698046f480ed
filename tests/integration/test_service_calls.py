"""What can be asked of a real service, and that nothing that is asked of it costs it its life."""

from __future__ import annotations

import json
import re
import signal
import sys

import pytest
from support.faults import REPOSITORY, FaultRoot, end_all, environment, living, wait_for
from support.kills import bodies_of, events_of
from support.service import Service, request, said

from hookd.core.journal import Observed, PhaseEnded
from hookd.core.model import Phase
from hookd.system import clock

RUN = ("--operation-id", "run-1")
HANGS = 'echo $$ >> "$HOOKD_ROOT/ran"\nsleep 60\n'


@pytest.fixture(name="root")
def _root(tmp_path):
    root = FaultRoot(tmp_path / "root")
    yield root
    end_all(str(tmp_path))


@pytest.fixture(name="service")
def _service(root):
    found = Service(root, environment()).start()
    yield found
    found.stop()


# -- cancel ------------------------------------------------------------------------------------


def hanging(root, *more):
    root.hook("pre/10-x", HANGS, grace="1s")
    first = root.start("run", "pre", *RUN, *more)
    wait_for((root.path / "ran").exists, 20)
    return first


ENDING = r"ending pre of operation {} \(pid \d+\) since \S+Z\n"


@pytest.mark.parametrize("served", [True, False], ids=["served", "in-process"])
@pytest.mark.parametrize("asked", [True, False], ids=["by-socket", "by-signal"])
def test_cancel_ends_the_phase_whoever_executes_it_and_whoever_is_asked(root, served, asked):
    service = Service(root, environment()).start() if served or asked else None
    first = hanging(root, *(() if served else ("--no-daemon",)))
    if service and not asked:
        service.stop()  # the engine stays
    name = root.operations()[0]

    done = root.hookd("cancel")

    assert (done.code, done.err) == (0, ""), done
    assert re.fullmatch(ENDING.format(name), done.out), done
    assert first.wait(20) == 130
    assert root.operation().last(Phase.PRE).reason == "cancelled by SIGTERM"
    assert living(str(root.path)) == ([service.process.pid] if service and asked else [])
    if service and asked:
        assert "cancelled" in [line["event"] for line in service.log()]
        service.stop()


def test_each_phase_says_what_became_of_its_caller(root, service):
    told = []
    for number, phase in enumerate(Phase, 1):
        waits = (
            f'touch "$HOOKD_ROOT/{phase}"\n'
            f'until test -e "$HOOKD_ROOT/go.{phase}"; do sleep 0.05; done\n'
        )
        root.hook(f"{phase}/10-x", waits, grace="1s")
        client = root.start("run", phase.value, *RUN)
        wait_for((root.path / phase.value).exists, 20)
        client.kill()
        client.wait(20)
        if phase is not Phase.PRE:
            (root.path / f"go.{phase}").touch()
        wait_for(lambda: len(bodies_of(events_of(root), PhaseEnded)) >= number, 20)  # noqa: B023
        ended = bodies_of(events_of(root), Observed)
        told.append(next(one.value for one in ended[::-1] if one.subject == "caller.lost"))

    assert told == [
        {"phase": "pre", "attempt": 1, "then": "cancel"},
        {"phase": "post", "attempt": 1, "then": "finish"},
        {"phase": "on-exit", "attempt": 1, "then": "finish"},
    ]


def test_cancel_says_the_same_by_socket_and_by_itself_when_nothing_runs(root, service):
    by_socket = [root.hookd("cancel", *more) for more in ((), ("--json",))]
    service.stop()
    alone = [root.hookd("cancel", *more) for more in ((), ("--json",))]
    told = {
        "error": "no phase is running",
        "hint": "`hookd status` says what is open",
        "exit_code": 1,
    }
    expected = [(1, "", "hookd: no phase is running\n  `hookd status` says what is open\n")]
    expected.append((1, json.dumps(told) + "\n", expected[0][2]))
    assert [(done.code, done.out, done.err) for done in by_socket] == expected
    assert [(done.code, done.out, done.err) for done in alone] == expected


def test_cancel_as_json_names_the_phase(root, service):
    first = hanging(root)
    done = root.hookd("cancel", "--json")
    engine = root.operation().last(Phase.PRE).pid
    told = {"operation": root.operations()[0], "phase": "pre", "pid": engine}
    assert (done.code, json.loads(done.out)) == (0, told)
    assert first.wait(20) == 130


def test_cancel_never_signals_a_process_that_only_has_the_number_of_an_engine(root, service):
    """The lock is held by an engine that has not said so yet; what stands there is of another."""
    first = hanging(root)
    lock = root.state / "phase.lock"
    stale = {**json.loads(lock.read_text()), "process_started_at": 1.25}
    lock.write_text(json.dumps(stale))
    done = root.hookd("cancel")
    assert (done.code, done.err.splitlines()[0]) == (1, "hookd: no phase is running"), done
    assert first.poll() is None
    first.send_signal(signal.SIGKILL)
    first.wait(20)


# -- whatever is asked -------------------------------------------------------------------------

VERSION = r"this is hookd \S+, it speaks version 1"
VERB = r"this is hookd \S+, it knows no such verb"
BAD = {
    "no JSON": (b"\xff\x00garbage\n", "not a JSON line"),
    "an empty line": (b"\n", "not a JSON line"),
    "no object": (b"[1]\n", "not a JSON object"),
    "a text": (b'"run"\n', "not a JSON object"),
    "nothing but brackets": (b"[" * 60000 + b"\n", "not a JSON line"),
    "no version": (b"{}\n", VERSION),
    "a newer version": (request(v=2, verb="run", phase="pre"), VERSION),
    "a version that is no number": (request(v=[1], verb="run"), VERSION),
    "no verb": (request(phase="pre"), VERB),
    "an unknown verb": (request(verb="status"), VERB),
    "a verb that is no text": (request(verb=["run"]), VERB),
    "no phase": (request(verb="run"), "no such phase"),
    "an unknown phase": (request(verb="run", phase="pre-install"), "no such phase"),
    "a phase that is no text": (request(verb="run", phase=["pre"]), "no such phase"),
    "an id that is no text": (request(verb="run", phase="pre", identity=7), "identity is no text"),
    "a deadline that is no number": (
        request(verb="run", phase="pre", deadline_s="5"),
        "deadline_s is no positive number",
    ),
    "a deadline that is true": (
        request(verb="run", phase="pre", deadline_s=True),
        "deadline_s is no positive number",
    ),
    "a deadline in the past": (
        request(verb="run", phase="pre", deadline_s=-1),
        "deadline_s is no positive number",
    ),
    "an endless deadline": (
        request(verb="run", phase="pre", deadline_s=float("inf")),
        "deadline_s is no positive number",
    ),
    "a deadline that is not a number": (
        request(verb="run", phase="pre", deadline_s=float("nan")),
        "deadline_s is no positive number",
    ),
    "a deadline beyond all numbers": (
        request(verb="run", phase="pre", deadline_s=10**400),
        "deadline_s is no positive number",
    ),
    "an environment that is no object": (
        request(verb="run", phase="pre", environment=["AWS_REGION"]),
        "environment is no object",
    ),
    "a variable that is no text": (
        request(verb="run", phase="pre", environment={"AWS_REGION": 1}),
        "environment holds what is no variable: 'AWS_REGION'",
    ),
    "a variable with a zero byte": (
        request(verb="run", phase="pre", environment={"AWS_REGION": "a\0b"}),
        "environment holds what is no variable: 'AWS_REGION'",
    ),
    "a variable with an equals sign in its name": (
        request(verb="run", phase="pre", environment={"AWS_=": "x"}),
        "environment holds what is no variable: 'AWS_='",
    ),
    "a variable that is in no encoding": (
        request(verb="run", phase="pre", environment={"AWS_REGION": "\ud800"}),
        "environment holds what is no variable: 'AWS_REGION'",
    ),
}


def answer_to(service, data):
    connection = service.connect()
    connection.sendall(data)
    return [message for message in said(connection) if "hello" not in message]


def test_a_bad_request_is_told_why_and_the_service_lives(root, service):
    wrong = {}
    for name, (data, why) in BAD.items():
        *told, end = answer_to(service, data)
        if end != {"out": "", "exit_code": 2} or len(told) != 1:
            wrong[name] = (told, end)
        elif not re.fullmatch(f"hookd: {why}", told[0]["err"]):
            wrong[name] = told[0]
    assert wrong == {}
    assert root.operations() == []
    assert [line["event"] for line in service.log()[1:]] == ["refused"] * len(BAD)

    hello, due, turn, end = said_of_run(service)
    assert (sorted(hello), turn) == (["hello", "v"], {"turn": [*root.operations(), 1]})
    by, late = due["answer_by"]
    assert (3000 < by - clock.up_s() < 3600, late) == (True, 3)
    assert end["exit_code"] == 0
    assert end["out"].startswith("passed: pre of operation ")


def said_of_run(service):
    connection = service.connect()
    connection.sendall(request(verb="run", phase="pre", unknown={"key": []}))
    return said(connection)


def test_a_bad_request_for_json_is_told_why_as_json(service):
    _, end = answer_to(service, request(verb="run", json=True))
    told = {"error": "no such phase", "hint": "", "exit_code": 2}
    assert end == {"out": json.dumps(told) + "\n", "exit_code": 2}


def test_a_run_through_the_service_warns_of_the_configuration_as_a_run_without_does(root, service):
    root.configure("[run]\nsurprise = 1\n")
    served, alone = (root.hookd("run", "pre", *RUN, *more) for more in ((), ("--no-daemon",)))
    assert (served.code, served.err) == (alone.code, alone.err)
    assert "surprise" in served.err


# -- what it is started with, and below ----------------------------------------------------------


def test_a_service_whose_starter_ignored_signals_loses_no_outcome_and_can_be_ended(root):
    root.hook("pre/10-x", "yes | head -n 1\nkill -0 $$ || exit 5\nexit 3\n")
    service = Service(root, environment()).start("trap '' CHLD PIPE TERM INT HUP; ")
    done = root.hookd("run", "pre", *RUN)
    hook = root.hook_result("pre/10-x")
    assert (done.code, hook["outcome"], hook["exit_code"]) == (1, "failed", 3), done
    wait_for(lambda: service.children == [])
    assert service.stop(signal.SIGTERM) == 0


def test_a_hook_may_ask_the_service_for_nothing(root, service):
    called = f"{sys.executable} -m hookd --root $HOOKD_ROOT"
    script = f"export PYTHONPATH={REPOSITORY}\n"
    for words in ("run pre", "run on-exit", "cancel", "recover", "status"):
        name = words.replace(" ", "_").replace("-", "_")
        script += f'{called} {words}; echo {name}=$? >> "$HOOKD_OUTPUT"\n'
    root.hook("pre/10-x", script)
    done = root.hookd("run", "pre", *RUN)
    assert done.code == 0, done
    assert root.hook_result("pre/10-x")["outputs"] == {
        "run_pre": "2",
        "run_on_exit": "2",
        "cancel": "2",
        "recover": "2",
        "status": "75",
    }
    assert [line["event"] for line in service.log()].count("called") == 1


def test_every_line_of_an_engine_names_its_operation_and_none_what_hooks_say(root, service):
    root.hook("pre/10-x", 'echo hunter2; echo hunter2 >&2; echo pw=hunter2 > "$HOOKD_OUTPUT"\n')
    assert root.hookd("run", "pre", *RUN).code == 0
    wait_for(lambda: "answered" in [line["event"] for line in service.log()])
    _, called, *lines = service.log()
    assert (called["event"], called["identity"]) == ("called", "run-1")
    assert {"phase-started", "hook-ended", "phase-ended"} < {line["event"] for line in lines}
    assert {line.get("operation") for line in lines} == set(root.operations())
    assert len({line["caller_pid"] for line in [called, *lines]}) == 1
    assert "hunter2" not in service.log_path.read_text()
