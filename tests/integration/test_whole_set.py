"""All that hooks.d has, configured together, in one rehearsal of an ordinary patch run.

Amazon is moto's server, asked by the real aws CLI; Kubernetes is asked by the real kubectl;
HAProxy, nginx and pip are real. systemd does not run below another root: the lab has that.
"""

from __future__ import annotations

import json
import pathlib
import subprocess
import sys

import pytest
from support import shipped
from support.balancers import Haproxy, Nginx
from support.fakeroot import CHECKOUT, FakeRoot, hooks_of
from support.kubeserver import NAME, KubeServer, pod
from support.pairs import Ecs, Standby
from test_hook_pairs import why_not
from test_kubernetes_hooks import KUBECTL, write_kernel

ALL = (Standby, Ecs, Haproxy, Nginx)
WHY_NOT = next((why_not(kind) for kind in ALL if why_not(kind)), "") or (
    "" if KUBECTL else "no kubectl"
)
pytestmark = pytest.mark.skipif(bool(WHY_NOT), reason=WHY_NOT or "-")


class Cluster(KubeServer):
    """A Kubernetes whose node boots when the machine in `root` does."""

    root: pathlib.Path

    @property
    def boot_id(self):
        return (self.root / "proc/sys/kernel/random/boot_id").read_text().strip()

    @boot_id.setter
    def boot_id(self, value):
        """The machine says it."""


@pytest.fixture
def others(tmp_path, moto):
    made = []
    for kind in ALL:
        place = tmp_path / kind.__name__
        place.mkdir()
        made.append(kind(place, *((moto,) if kind in (Standby, Ecs) else ())))
    yield made
    for one in made:
        one.end()


@pytest.fixture
def cluster(tmp_path):
    Cluster.root = tmp_path / "root"
    made = Cluster()
    yield made
    made.close()


@pytest.fixture
def root(tmp_path):
    found = shipped.as_vendor(FakeRoot(tmp_path))
    yield found
    found.end()


def target_group(moto, standby):
    """Return the ARN of a target group with the instance of `standby` in it, and its ports."""
    vpc = standby.instance()["VpcId"]
    [group] = moto.call(
        "elbv2",
        "create_target_group",
        Name=standby.group,
        Protocol="HTTP",
        Port=80,
        VpcId=vpc,
    )["TargetGroups"]
    arn = group["TargetGroupArn"]
    targets = [{"Id": standby.id, "Port": 8080}]
    moto.call("elbv2", "register_targets", TargetGroupArn=arn, Targets=targets)

    def ports():
        found = moto.call("elbv2", "describe_target_health", TargetGroupArn=arn)
        return [one["Target"]["Port"] for one in found["TargetHealthDescriptions"]]

    return arn, ports


def application(place):
    """Return the directory of an application of Python that needs nothing."""
    place.mkdir()
    subprocess.run([sys.executable, "-m", "venv", str(place / "venv")], check=True)
    (place / "requirements.txt").write_text("--no-index\n")
    return place


def test_the_whole_set_goes_along_with_a_patch_run(tmp_path, root, moto, others, cluster):
    standby, _ecs, haproxy, _nginx = others
    write_kernel(root.path, host=NAME)
    cluster.pods = [pod("web-1")]
    arn, ports = target_group(moto, standby)
    topic = moto.call("sns", "create_topic", Name=standby.group)["TopicArn"]
    queue = moto.call("sqs", "create_queue", QueueName=standby.group)["QueueUrl"]
    endpoint = f"arn:aws:sqs:eu-west-1:123456789012:{standby.group}"
    moto.call("sns", "subscribe", TopicArn=topic, Protocol="sqs", Endpoint=endpoint)
    log = root.write("var/log/app.log", "2020-01-01T00:00:00Z error: long ago\n")
    app = application(tmp_path / "app")
    aws = {**standby.environment, "AWS_CLI": standby.cli, "POLL_S": 1}
    hookd = f"/usr/bin/env PYTHONPATH={CHECKOUT} {sys.executable} -m hookd"
    shipped.configure(
        root,
        **{
            "pre/05-hold": {"HOLD_FILE": "/etc/no-patching"},
            "pre/10-preflight": {"CHECKS": "disk", "MIN_FREE_MB": "/ 1"},
            "pre/20-backup-config": {"BACKUP_PATHS": "/etc/hookd"},
            "pre/30-drain-kubernetes": {"KUBECONFIG": cluster.kubeconfig(tmp_path / "kubeconfig")},
            "pre/30-leave-target-group": {"TARGET_GROUPS": arn, **aws},
            "on-exit/70-join-target-group": {"HEALTHY_TIMEOUT_S": 5, **aws},
            "post/20-update-dependencies": {"DIRECTORY": app, "ALLOW_ROOT": "true"},
            "on-exit/30-restore-dependencies": {"DIRECTORY": app},
            "post/40-restart-stale": {"RESTART": "*"},
            "on-exit/50-application-health": {"TCP": f"127.0.0.1:{haproxy.port}"},
            "on-exit/60-impact": {"LOGS": log},
            "on-exit/90-notify": {"TOPIC_ARN": topic, "HOOKD": hookd, **aws},
            **{
                name: {**one.environment, **settings}
                for one in others
                for name, settings in one.settings.items()
            },
        },
    )
    everything = [*(one.state for one in others), ports, lambda: cluster.unschedulable]
    before = [state() for state in everything]

    code, out, _ = root.run("--json", "rehearse", "patched")

    result = root.result()
    told = {
        name: outcome
        for phase in ("pre", "post", "on-exit")
        for name, (outcome, _reason) in hooks_of(result, phase).items()
    }
    assert (code, json.loads(out)["problems"]) == (0, [])
    skipped = {
        "12-wait-for-cloud-init",  # not of another root
        "30-stop-units",
        "40-start-units",
        "40-restart-stale",  # a reboot follows
    }
    names = {name.split("/")[1] for name in shipped.NAMES}
    assert told == {name: "skipped" if name in skipped else "passed" for name in names}
    assert [state() for state in everything] == before
    assert result["operation"]["outstanding_undos"] == []
    [got] = moto.call("sqs", "receive_message", QueueUrl=queue)["Messages"]
    assert "is well so far after patching (patched-rebooted)" in json.loads(got["Body"])["Subject"]
