"""A whole operation with what admins expect: baseline, retries, what pre's hooks stop, verify."""

from __future__ import annotations

import json
import subprocess
import sys
import time

import pytest
from support.answering import Answering, closed_port
from support.fakeroot import FakeRoot, check_of, hooks_of, metadata
from support.hostroot import HostRoot, says, why_not

needs_namespace = pytest.mark.skipif(bool(why_not()), reason=why_not() or "-")

READY = '[verify]\nsettle = "20s"\n[expect.file."/var/ready"]\ncontains = "ok"\n'
START = "echo ok > /var/ready"
STOP = "rm -f /var/ready"


@pytest.fixture
def root(tmp_path):
    found = HostRoot(tmp_path)
    found.write("var/ready", "ok\n")
    found.config(READY)
    yield found
    found.end()


@pytest.fixture
def server():
    found = Answering()
    yield found
    found.close()


def looks(root):
    """Return what was met in each look that tried, by its name."""
    found = {}
    for path in root.path.glob("var/lib/hookd/operations/*/snapshots/*.json"):
        results = json.loads(path.read_text())["expectations"]["results"]
        if results:
            found[path.stem] = [one["is_met"] for one in results]
    return found


def outcome(root, kind="file"):
    check = check_of(root.result(), f"expect.{kind}")
    return check["outcome"], check["found"], check["before"]


def went(root, *phases):
    return [root.run("run", phase)[0] for phase in phases or ("pre", "post", "on-exit")]


@needs_namespace
def test_what_holds_passes_in_the_looks_that_try_it_and_in_no_other(root):
    for phase in ("pre", "post", "on-exit"):
        root.hook(phase, "10-look", says(phase))

    assert went(root) == [0, 0, 0]
    assert looks(root) == {"before": [True], "ready": [True], "arrived": [True], "after": [True]}
    assert outcome(root) == ("pass", "/var/ready: there, 'ok' in it", "")
    assert root.result()["operation"]["verdict"] == "passed"


@needs_namespace
def test_nothing_expected_is_no_check(root):
    root.config("")
    went(root)

    assert [c["id"] for c in root.result()["checks"] if c["id"].startswith("expect.")] == []
    assert looks(root) == {}


@needs_namespace
def test_what_the_patches_broke_fails_the_operation_and_health(root):
    root.config(READY.replace("20s", "1s"))
    root.hook("on-exit", "70-join", metadata("only_if_healthy = true") + says("join"))
    went(root, "pre", "post")
    (root.path / "var/ready").unlink()

    assert went(root, "on-exit") == [1]
    assert outcome(root) == ("fail", "/var/ready: not there", "/var/ready: met")
    assert (root.ran(), root.result()["operation"]["verdict"]) == ([], "failed")


@needs_namespace
def test_what_did_not_hold_before_is_told_so(root):
    root.config(READY.replace("20s", "1s"))
    (root.path / "var/ready").unlink()

    assert went(root) == [0, 0, 1]
    assert outcome(root) == ("fail", "/var/ready: not there", "/var/ready: not met")


@needs_namespace
def test_what_comes_after_two_seconds_is_waited_for_and_the_wait_is_told(root):
    went(root, "pre", "post")
    ready = root.path / "var/ready"
    ready.unlink()
    process = root.start("run", "on-exit", "-v")
    assert process.stderr.readline() == b"waiting for what is expected: /var/ready\n"
    time.sleep(2)
    ready.write_text("ok\n")
    process.communicate(timeout=30)

    assert process.returncode == 0
    assert outcome(root) == ("pass", "/var/ready: there, 'ok' in it", "")


@needs_namespace
def test_a_web_server_that_comes_up_late_is_waited_for(root, server):
    url = server.url("/health")
    server.answer("/health", 200)
    root.config(f'[verify]\nsettle = "20s"\n[expect.http."{url}"]\n')
    went(root, "pre", "post")
    server.answer("/health", 503)
    asked = len(server.asked)
    process = root.start("run", "on-exit")
    until = time.monotonic() + 20
    while len(server.asked) < asked + 2:  # tried, and tried again
        assert time.monotonic() < until
        time.sleep(0.05)
    server.answer("/health", 200)
    process.communicate(timeout=30)

    assert process.returncode == 0
    assert outcome(root, "http") == ("pass", f"{url}: status 200", "")


@needs_namespace
def test_what_pre_stopped_is_not_waited_for_and_keeps_no_undo_from_bringing_it_back(root):
    root.config(READY.replace("20s", "2m"))
    root.hook("pre", "30-stop", STOP)
    root.hook("on-exit", "20-look", says("look"))  # after it the machine is looked at again
    root.undo("30-start", "30-stop", START, "only_if_healthy = true")
    root.hook("on-exit", "70-join", metadata("only_if_healthy = true") + says("join"))
    went(root, "pre", "post")
    began = time.monotonic()

    assert went(root, "on-exit") == [0]
    assert time.monotonic() - began < 60  # two minutes had it waited
    assert looks(root) == {"before": [True], "ready": [False], "arrived": [False], "after": [True]}
    assert (outcome(root)[0], root.ran()) == ("pass", ["look", "join"])
    judged = [check for event in root.events("checked") for check in event["checks"]]
    at_first = next(one for one in judged if one["id"] == "expect.file")
    assert (at_first["outcome"], at_first["reason"]) == (
        "skip",
        "pre's hooks had stopped it, on-exit's have not run yet: /var/ready",
    )


@needs_namespace
def test_what_pre_stopped_and_nobody_brings_back_fails_in_the_end_with_that_reason(root):
    root.config(READY.replace("20s", "1s"))
    root.hook("pre", "30-stop", STOP)
    root.hook("on-exit", "30-look", says("look"))

    assert went(root) == [0, 0, 1]
    check = check_of(root.result(), "expect.file")
    assert (check["outcome"], check["reason"], check["before"]) == (
        "fail",
        "pre's hooks had stopped it, on-exit's did not bring it back: /var/ready",
        "/var/ready: met",
    )


@needs_namespace
def test_a_deadline_leaves_time_to_the_hooks(root):
    root.config(READY.replace("20s", "2m"))
    went(root, "pre", "post")
    (root.path / "var/ready").unlink()
    root.hook("on-exit", "10-look", says("look"))
    began = time.monotonic()
    root.run("run", "on-exit", "--deadline", "10s")

    assert time.monotonic() - began < 20
    assert (hooks_of(root.result(), "on-exit"), root.ran()) == (
        {"10-look": ("passed", "")},
        ["look"],
    )


@needs_namespace
def test_a_cancelled_on_exit_waits_no_longer(root):
    root.config(READY.replace("20s", "2m"))
    went(root, "pre", "post")
    (root.path / "var/ready").unlink()
    process = root.start("run", "on-exit", "--no-daemon", "-v")
    assert b"waiting for what is expected" in process.stderr.readline()
    process.terminate()
    process.communicate(timeout=20)

    assert process.returncode == 130


@needs_namespace
def test_units_are_asked_from_systemd(root):
    root.systemd()
    root.config(
        '[verify]\nsettle = "1s"\n'
        '[expect.units."app.service"]\nactive = true\n[expect.units."db.service"]\nactive = true\n'
    )
    block = "LoadState=loaded\nActiveState={}\nSubState={}\nUnitFileState=enabled"
    root.answer(
        "show", "\n\n".join((block.format("active", "running"), block.format("failed", "failed")))
    )
    _, out, _ = root.run("verify")

    assert out.splitlines() == [
        "met       units    app.service: active (running), enabled",
        "not met   units    db.service: failed (failed), enabled",
        "          expected: active",
        "1 met, 1 not met",
    ]
    shown = "-p LoadState -p ActiveState -p SubState -p UnitFileState"
    assert root.asked() == [f"show --no-pager {shown} -- app.service db.service"]


# -- hookd verify ------------------------------------------------------------------------------


@needs_namespace
def test_verify_prints_what_is_met_and_what_is_not(root, server):
    url, dead = server.url("/health", "app:hunter2@"), f"127.0.0.1:{closed_port()}"
    server.answer("/health", 200)
    root.config(
        f'[expect.http."{url}"]\n[expect.tcp."{dead}"]\n[expect.command."/no/check"]\n'
        '[expect.file."/var/ready"]\nmode = "0644"\n'
    )
    shown = server.url("/health", "app:[masked]@")
    code, out, _ = root.run("verify")

    assert (code, out.splitlines()) == (
        1,
        [
            f"met       http     {shown}: status 200",
            f"not met   tcp      {dead}: connection refused",
            "          expected: reachable",
            "not known command  /no/check: the file is gone",
            "          expected: exit 0",
            "met       file     /var/ready: there, mode 0644",
            "2 met, 1 not met, 1 not known",
        ],
    )


@needs_namespace
@pytest.mark.parametrize(("text", "code", "is_met"), [("ok", 0, True), ("no", 1, False)])
def test_verify_ends_0_when_all_is_met_and_says_it_in_json(root, text, code, is_met):
    root.write("var/ready", text)
    found, out, _ = root.run("verify", "--json")
    told = f"there, 'ok' {'' if is_met else 'not '}in it"

    assert (found, json.loads(out)) == (
        code,
        [
            {
                "kind": "file",
                "name": "/var/ready",
                "is_met": is_met,
                "expected": "there, 'ok' in it",
                "found": told,
                "reason": "",
                "is_skipped": False,
            }
        ],
    )


@needs_namespace
def test_a_command_that_is_tried_cannot_verify(root):
    line = f"{sys.executable} -m hookd verify"
    environment = f"/usr/bin/env PYTHONPATH={root.environment(None)['PYTHONPATH']}"
    root.config(f'[expect.command."{environment} {line}"]\nexit_code = 2\n')
    code, out, _ = root.run("verify")

    assert (code, out.splitlines()[-1]) == (0, "1 met, 0 not met")


def test_verify_with_nothing_expected_says_how_to_write_something(tmp_path):
    root = FakeRoot(tmp_path)
    code, out, _ = root.run("verify")

    assert code == 0
    assert out.startswith("nothing is expected of this machine; write into /etc/hookd/hookd.toml")
    assert root.json("verify") == []


def test_verify_does_not_go_by_half_a_configuration(tmp_path):
    root = FakeRoot(tmp_path)
    root.config('[expect.file."/x"]\nmode = 7\n[expect.file."/etc"]\n')
    code, out, err = root.run("verify")

    assert (code, out) == (78, "")
    assert 'expect.file."/x".mode: must be text, not a number' in err


def test_verify_tells_of_an_unknown_key_and_goes_on(tmp_path):
    root = FakeRoot(tmp_path)
    root.config('[expect.file."/etc"]\nmod = "0755"\n')
    code, out, err = root.run("verify")

    assert (code, out.splitlines()[-1]) == (0, "1 met, 0 not met")
    assert 'expect.file."/etc".mod: unknown key' in err


def test_below_another_root_files_are_judged_and_the_rest_is_skipped(tmp_path):
    root = FakeRoot(tmp_path)
    root.config(
        '[expect.file."/etc/ready"]\n[expect.tcp."127.0.0.1:1"]\n'
        '[expect.units."a.service"]\nactive = true\n'
    )
    began = time.monotonic()

    assert went(root) == [0, 0, 1]
    assert time.monotonic() - began < 60  # nothing is waited for where nothing runs
    checks = {one["id"]: one for one in root.result()["checks"]}
    assert [checks[f"expect.{kind}"]["outcome"] for kind in ("file", "tcp", "units")] == [
        "fail",
        "skip",
        "skip",
    ]
    assert checks["expect.tcp"]["reason"] == "nothing runs below another root"


def test_check_names_what_is_wrong_with_its_place(tmp_path):
    root = FakeRoot(tmp_path)
    root.config('[expect.units.app]\nactive = true\n[expect.http."localhost"]\n')
    code, out, _ = root.run("check")

    file = f"{root.path}/etc/hookd/hookd.toml"
    unit = 'expect.units.app: is no unit: its name has a type; write "app.service"'
    url = "expect.http.localhost: is no address: write http://HOST[:PORT]/PATH or https://..."
    assert (code, out.splitlines()) == (
        1,
        [f"error: {file}: {unit}", f"error: {file}: {url}", "2 errors, 0 warnings"],
    )
    assert root.run("run", "pre")[0] == 78


def test_neither_engine_nor_service_load_what_speaks_to_a_network():
    program = (
        "import sys, hookd.engine.call, hookd.daemon.server, hookd.commands.verify;"
        "print([m for m in ('requests', 'urllib3') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)

    assert done.stdout == b"[]\n"
