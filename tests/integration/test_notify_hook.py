"""The hook that tells people: SNS by the real aws CLI and moto's server, a webhook that listens."""

from __future__ import annotations

import http.server
import json
import os
import sys
import threading

import pytest
from support.fakeroot import CHECKOUT, FakeRoot, hooks_of, says
from support.motoserver import REGION
from support.pairs import AWS, Ecs
from support.shipped import Alone, as_vendor, configure, executable
from test_hook_pairs import why_not

NOTIFY = "on-exit/90-notify"
HOOKD = f"/usr/bin/env PYTHONPATH={CHECKOUT} {sys.executable} -m hookd"


class Webhook(http.server.BaseHTTPRequestHandler):
    """Keeps what is posted in `got`; answers `code`."""

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.got.append((self.path, self.headers["Content-Type"], json.loads(body)))
        self.send_response(self.server.code)
        self.end_headers()

    def log_message(self, *words):
        """Say nothing."""


@pytest.fixture
def webhook():
    server = http.server.HTTPServer(("127.0.0.1", 0), Webhook)
    server.got, server.code = [], 200
    server.url = f"http://127.0.0.1:{server.server_port}/services/secret"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


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


def test_a_webhook_that_refuses_fails_no_operation(tmp_path, webhook, url_file):
    webhook.code = 500
    root = node(tmp_path, WEBHOOK_FILE=url_file)
    with open(str(root.path / "etc/hookd/hookd.toml"), "a", encoding="ascii") as file:
        file.write(f'[hooks."{NOTIFY}"]\nretry_delay = "0s"\n')

    root.run("run", "pre")
    code, _, _ = root.run("run", "on-exit")

    result = root.result()
    outcome = hooks_of(result, "on-exit")["90-notify"]
    assert (code, result["operation"]["verdict"]) == (0, "passed-with-warnings")
    assert outcome == ("failed", "exit 75: the webhook was not told (curl: 22)")
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

    def tell(self, health, **settings):
        return self.run(NOTIFY, HOOKD_HEALTH=health, HOOKD_PATH="patched", **settings)


def test_the_same_is_told_once_and_something_else_again(tmp_path, webhook, url_file):
    told = Told(tmp_path)

    said = [told.tell(one, WEBHOOK_FILE=url_file).stdout for one in ("passed", "passed", "failed")]

    assert said == [
        "told: hookd: i-1f is well so far after patching (patched)\n",
        "told before\n",
        "told: hookd: i-1f is NOT WELL after patching (patched)\n",
    ]
    assert [body["health"] for _, _, body in webhook.got] == ["passed", "failed"]


def test_what_is_unknown_is_not_well(tmp_path, webhook, url_file):
    assert Told(tmp_path).tell("unknown", WEBHOOK_FILE=url_file, WHEN="failure").code == 0

    [(_, _, body)] = webhook.got
    assert body["text"].splitlines()[0] == "hookd: i-1f is NOT KNOWN after patching (patched)"
    assert (body["well"], body["checks"]) == (False, ["reboot.needed"])


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
    subject = "hookd: i-1f is well so far after patching (patched)"
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
        ({"WEBHOOK_FILE": "/dev/null", "HOOKD": "false"}, 75, "hookd does not tell the result"),
    ],
)
def test_what_makes_no_sense_is_said(tmp_path, settings, code, reason):
    done = Told(tmp_path).tell("passed", **settings)

    assert (done.code, done.reason) == (code, reason)
