"""The hook that tells people: SNS by the real aws CLI and moto's server, a webhook that listens."""

from __future__ import annotations

import json
import os
import sys

import pytest
from support.fakeroot import CHECKOUT, FakeRoot, hooks_of, says
from support.motoserver import REGION
from support.pairs import AWS, Ecs
from support.shipped import Alone, as_vendor, configure, executable
from support.webhook import listening
from test_hook_pairs import why_not

NOTIFY = "on-exit/90-notify"
TOPIC = "arn:aws:sns:eu-west-1:1:t"
HOOKD = f"/usr/bin/env PYTHONPATH={CHECKOUT} {sys.executable} -m hookd"


@pytest.fixture
def webhook():
    with listening() as server:
        yield server


@pytest.fixture
def url_file(tmp_path, webhook):
    path = tmp_path / "url"
    path.write_text(webhook.url + "\n")
    path.chmod(0o600)
    return path


def node(tmp_path, **settings):
    root = as_vendor(FakeRoot(tmp_path))
    phases = '[run]\nphases = ["pre", "on-exit"]\n'
    configure(root, phases, **{NOTIFY: {"HOOKD": HOOKD, **settings}})
    return root


def message(operation, **more):
    """Return what a webhook gets of an operation that went well, but for `more`."""
    told = {
        "operation": operation,
        "instance_id": "this machine",
        "health": "passed",
        "path": "nothing-to-do",
        "well": True,
        "hooks": [],
        "checks": [],
        "outstanding": [],
        **more,
    }
    state = "well so far" if told["well"] else "NOT WELL"
    lines = [f"hookd: this machine is {state} after patching ({told['path']})"]
    lines.append(f"health: {told['health']}")
    kinds = ("hooks", "checks", "outstanding")
    lines += [f"{kind}: {', '.join(told[kind])}" for kind in kinds if told[kind]]
    lines += ["packages: 0 changes", f"operation: {operation} (hookd show {operation})"]
    return {"text": "\n".join(lines), **told}


def test_an_operation_that_goes_well_is_told_once(tmp_path, webhook, url_file):
    root = node(tmp_path, WEBHOOK_FILE=url_file)

    root.run("run", "pre")
    assert root.run("run", "on-exit")[0] == 0

    operation = root.result()["operation"]["id"]
    assert webhook.got == [("/services/secret", "application/json", message(operation))]
    assert b"secret" not in b"".join(
        path.read_bytes() for path in root.path.glob("var/**/*") if path.is_file()
    )


def test_what_failed_in_this_very_phase_is_told(tmp_path, webhook, url_file):
    root = node(tmp_path, WEBHOOK_FILE=url_file, WHEN="failure")
    root.hook("pre", "30-leave", says("leave"))
    root.undo("70-join", "30-leave", "exit 1")

    root.run("run", "pre")
    root.run("run", "on-exit")

    operation = root.result()["operation"]["id"]
    failed = {
        "well": False,
        "hooks": ["on-exit/70-join failed"],
        "checks": ["undo.outstanding"],
        "outstanding": ["70-join"],
    }
    assert [body for _, _, body in webhook.got] == [message(operation, **failed)]


def test_with_when_failure_nobody_is_told_of_what_went_well(tmp_path, webhook, url_file):
    root = node(tmp_path, WEBHOOK_FILE=url_file, WHEN="failure")

    root.run("run", "pre")
    root.run("run", "on-exit")

    assert (webhook.got, hooks_of(root.result(), "on-exit")["90-notify"][0]) == ([], "passed")


@pytest.mark.parametrize("code", [302, 500])
def test_a_webhook_that_does_not_take_it_fails_no_operation(tmp_path, webhook, url_file, code):
    webhook.code = code
    root = node(tmp_path, WEBHOOK_FILE=url_file)
    with open(str(root.path / "etc/hookd/hookd.toml"), "a", encoding="ascii") as file:
        file.write(f'[hooks."{NOTIFY}"]\nretry_delay = "0s"\n')

    root.run("run", "pre")
    ended, _, _ = root.run("run", "on-exit")

    result = root.result()
    outcome = hooks_of(result, "on-exit")["90-notify"]
    assert (ended, result["operation"]["verdict"]) == (0, "passed-with-warnings")
    assert outcome == ("failed", f"exit 75: the webhook was not told: it answers {code}")
    assert len(webhook.got) == 3


RESULT = {
    "operation": {"id": "20260205T015311Z-7f3a", "outstanding_undos": []},
    "host": {"instance_id": "i-1f"},
    "phases": [],
    "checks": [{"id": "reboot.needed", "outcome": "unknown"}],
    "changes": {"packages": [{}, {}]},
}


class Told(Alone):
    """A hook that is told RESULT by a hookd on its PATH, and a health."""

    def __init__(self, tmp_path):
        super().__init__(tmp_path)
        self.result = tmp_path / "result.json"
        self.result.write_text(json.dumps(RESULT))
        executable(self.bin / "hookd", f"#!/bin/sh\ncat {self.result}\n")

    def tell(self, health, path="patched-rebooted", **settings):
        return self.run(NOTIFY, HOOKD_HEALTH=health, HOOKD_PATH=path, **settings)

    def know(self, **more):
        """Let hookd tell a result with `more`."""
        self.result.write_text(json.dumps({**RESULT, **more}))


def test_the_same_is_told_once_and_something_else_again(tmp_path, webhook, url_file):
    told = Told(tmp_path)

    said = [told.tell(one, WEBHOOK_FILE=url_file).stdout for one in ("passed", "passed", "failed")]

    assert said == [
        "told: hookd: i-1f is well so far after patching (patched-rebooted)\n",
        "told before\n",
        "told: hookd: i-1f is NOT WELL after patching (patched-rebooted)\n",
    ]
    assert [body["health"] for _, _, body in webhook.got] == ["passed", "failed"]


def test_what_is_unknown_is_not_well(tmp_path, webhook, url_file):
    assert Told(tmp_path).tell("unknown", WEBHOOK_FILE=url_file, WHEN="failure").code == 0

    [(_, _, body)] = webhook.got
    assert "i-1f is NOT KNOWN after patching" in body["text"].splitlines()[0]
    assert (body["well"], body["checks"]) == (False, ["reboot.needed"])


@pytest.mark.parametrize(
    "path",
    ["pre-missing", "pre-failed", "install-failed", "post-failed", "interrupted", "unclear"],
)
def test_a_path_of_no_success_is_told_whatever_the_health(tmp_path, webhook, url_file, path):
    Told(tmp_path).tell("passed", path, WEBHOOK_FILE=url_file, WHEN="failure")

    [(_, _, body)] = webhook.got
    state = "NOT KNOWN" if path == "unclear" else "NOT WELL"
    first = body["text"].splitlines()[0]
    assert (first, body["well"]) == (f"hookd: i-1f is {state} after patching ({path})", False)


@pytest.mark.parametrize(
    ("outcome", "severity", "well"),
    [("fail", "fail", False), ("unknown", "fail", False), ("fail", "warn", True)],
)
def test_a_check_that_is_not_of_the_health_counts(
    tmp_path, webhook, url_file, outcome, severity, well
):
    node = Told(tmp_path)
    node.know(checks=[{"id": "ssm.patch-state", "outcome": outcome, "severity": severity}])

    node.tell("passed", WEBHOOK_FILE=url_file)

    [(_, _, body)] = webhook.got
    assert (body["well"], body["checks"]) == (well, ["ssm.patch-state"])


def test_a_hook_that_has_passed_since_is_not_told(tmp_path, webhook, url_file):
    tries = [
        [{"name": "70-join", "outcome": "failed"}, {"name": "90-notify", "outcome": "failed"}],
        [{"name": "70-join", "outcome": "passed"}, {"name": "90-notify", "outcome": "running"}],
    ]
    node = Told(tmp_path)
    owed = {"id": "undo.outstanding", "outcome": "fail", "severity": "fail"}
    phases = [{"phase": "on-exit", "hooks": hooks} for hooks in tries]
    node.know(phases=phases, checks=[owed])  # of the last look, before 70-join

    node.tell("passed", WEBHOOK_FILE=url_file)

    [(_, _, body)] = webhook.got
    assert (body["well"], body["hooks"], body["checks"]) == (True, [], [])


def test_of_two_ways_each_is_told_once_though_the_other_fails(tmp_path, webhook, url_file):
    node = Told(tmp_path)
    calls = tmp_path / "calls"
    aws = executable(node.bin / "aws", f"#!/bin/sh\necho call >>{calls}\n")
    both = {"TOPIC_ARN": TOPIC, "WEBHOOK_FILE": url_file}

    webhook.code = 500
    first = node.tell("passed", **both)
    executable(aws, "#!/bin/sh\nexit 255\n")
    webhook.code = 200
    second = node.tell("failed", **both)
    executable(aws, f"#!/bin/sh\necho call >>{calls}\n")
    third = node.tell("failed", **both)

    assert [first.reason, second.reason, third.code] == [
        "the webhook was not told: it answers 500",
        "SNS was not told",
        0,
    ]
    assert [body["health"] for _, _, body in webhook.got] == ["passed", "failed"]
    assert calls.read_text() == "call\ncall\n"


def test_the_url_may_end_as_on_windows_and_without_an_end(tmp_path, webhook):
    path = tmp_path / "url"
    path.write_bytes(webhook.url.encode() + b"\r\n")
    crlf = Told(tmp_path).tell("passed", WEBHOOK_FILE=path)
    path.write_bytes(webhook.url.encode())
    none = Told(tmp_path).tell("failed", WEBHOOK_FILE=path)

    assert (crlf.code, none.code, len(webhook.got)) == (0, 0, 2)


@pytest.mark.parametrize("text", ["", "hooks.example.org/secret\n", 'https://a/"\nproxy="b\n'])
def test_what_is_no_url_is_not_sent_to_and_not_shown(tmp_path, text):
    path = tmp_path / "url"
    path.write_text(text)

    done = Told(tmp_path).tell("passed", WEBHOOK_FILE=path)

    assert (done.code, done.reason) == (1, f"WEBHOOK_FILE: its first line is no URL: {path}")


@pytest.mark.skipif(bool(why_not(Ecs)), reason=why_not(Ecs) or "-")
def test_sns_delivers_it(tmp_path, moto):
    name = "t-" + os.urandom(4).hex()
    topic = moto.call("sns", "create_topic", Name=name)["TopicArn"]
    queue = moto.call("sqs", "create_queue", QueueName=name)["QueueUrl"]
    arn = f"arn:aws:sqs:{REGION}:123456789012:{name}"
    moto.call("sns", "subscribe", TopicArn=topic, Protocol="sqs", Endpoint=arn)
    access = {"AWS_ENDPOINT_URL": moto.url, "AWS_EC2_METADATA_DISABLED": "true"}
    keys = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}

    done = Told(tmp_path).tell("passed", TOPIC_ARN=topic, AWS_CLI=AWS, **access, **keys)

    assert done.code == 0, done
    [got] = moto.call("sqs", "receive_message", QueueUrl=queue)["Messages"]
    body = json.loads(got["Body"])
    subject = "hookd: i-1f is well so far after patching (patched-rebooted)"
    assert (body["Subject"], body["Message"].splitlines()) == (
        subject,
        [
            subject,
            "health: passed",
            "checks: reboot.needed",
            "packages: 2 changes",
            "operation: 20260205T015311Z-7f3a (hookd show 20260205T015311Z-7f3a)",
        ],
    )


@pytest.mark.parametrize(
    ("settings", "code", "reason"),
    [
        ({}, 77, "not configured: set TOPIC_ARN or WEBHOOK_FILE"),
        ({"TOPIC_ARN": "web"}, 1, "TOPIC_ARN: no ARN: web"),
        ({"WEBHOOK_FILE": "/none"}, 1, "cannot read WEBHOOK_FILE: /none"),
        ({"WEBHOOK_FILE": "/none", "WHEN": "never"}, 1, "WHEN is always or failure: never"),
        ({"TOPIC_ARN": TOPIC, "HOOKD": "false"}, 75, "hookd does not tell the result"),
    ],
)
def test_what_makes_no_sense_is_said(tmp_path, settings, code, reason):
    done = Told(tmp_path).tell("passed", **settings)

    assert (done.code, done.reason) == (code, reason)
