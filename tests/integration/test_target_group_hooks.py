"""The hooks that leave and join target groups: the real aws CLI, moto's server behind it."""

from __future__ import annotations

import importlib.util
import os
import pathlib
import shutil
import signal
import sys

import pytest
from support.fakeroot import FakeRoot, hooks_of
from support.motoserver import REGION
from support.shipped import Alone, Done, as_vendor, configure, executable

LEAVE, JOIN = "pre/30-leave-target-group", "on-exit/70-join-target-group"
# What is beside the interpreter: the CLI comes by pip with the tests.
AWS = shutil.which("aws", path=str(pathlib.Path(sys.executable).parent))
by_moto = pytest.mark.skipif(
    not AWS or any(importlib.util.find_spec(name) is None for name in ("boto3", "moto")),
    reason="no aws CLI, boto3 or moto: extra `aws-test`, from Python 3.11 on",
)


class Node:
    """An instance that moto knows, below a root with the shipped hooks, and its target groups."""

    def __init__(self, moto, tmp_path):
        self.moto = moto
        self.root = as_vendor(FakeRoot(tmp_path))
        [made] = moto.call("ec2", "run_instances", ImageId="ami-12c6146b", MinCount=1, MaxCount=1)[
            "Instances"
        ]
        self.id, self.vpc = made["InstanceId"], made["VpcId"]
        self.environment = {
            "AWS_ENDPOINT_URL": moto.url,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_SSM_INSTANCE_ID": self.id,
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def group(self, *ports):
        """Return the ARN of a new target group in which this node has `ports`."""
        [made] = self.moto.call(
            "elbv2",
            "create_target_group",
            Name="g-" + os.urandom(8).hex(),
            Protocol="HTTP",
            Port=80,
            VpcId=self.vpc,
        )["TargetGroups"]
        arn = made["TargetGroupArn"]
        if ports:
            targets = [{"Id": self.id, "Port": port} for port in ports]
            self.moto.call("elbv2", "register_targets", TargetGroupArn=arn, Targets=targets)
        return arn

    def ports(self, arn):
        """Return (port, state) of this node's targets in a group, as moto ends with them."""
        found = self.moto.call("elbv2", "describe_target_health", TargetGroupArn=arn)
        return [
            (one["Target"]["Port"], one["TargetHealth"]["State"])
            for one in found["TargetHealthDescriptions"]
            if one["Target"]["Id"] == self.id
        ]

    def configure(self, *groups, aws=AWS):
        common = {"AWS_CLI": aws, "POLL_S": 1}
        configure(
            self.root,
            f'[run]\nphases = ["pre", "on-exit"]\n[hooks."{JOIN}"]\nretry_delay = "0s"\n',
            **{
                LEAVE: {"TARGET_GROUPS": " ".join(groups), **common},
                JOIN: {"HEALTHY_TIMEOUT_S": 1, **common},
            },
        )

    def run(self, phase):
        return self.root.run("run", phase, environment=self.environment)[0]

    def outcomes(self):
        """Return what became of the two hooks in the newest operation."""
        result = self.root.result()
        found = {}
        for phase, name in (one.split("/") for one in (LEAVE, JOIN)):
            if any(run["phase"] == phase for run in result["phases"]):
                found[name] = hooks_of(result, phase)[name][0]
        return found


@pytest.fixture
def node(moto, tmp_path):
    made = Node(moto, tmp_path)
    yield made
    made.root.end()


@by_moto
def test_a_node_leaves_where_it_is_and_comes_back_on_its_ports_and_stays_out_elsewhere(node):
    web, other = node.group(8080), node.group()
    node.configure(web, other)

    assert node.run("pre") == 0
    while_out = [node.ports(arn) for arn in (web, other)]
    assert node.run("on-exit") == 0

    assert while_out == [[], []]
    assert node.ports(web) == [(8080, "healthy")]
    assert node.ports(other) == []
    outcomes = {"30-leave-target-group": "passed", "70-join-target-group": "passed"}
    assert node.outcomes() == outcomes
    [left] = [
        hook["outputs"]
        for hook in node.root.result()["phases"][0]["hooks"]
        if hook["name"] == "30-leave-target-group"
    ]
    assert left == {"left": "1"}


@by_moto
def test_a_node_that_was_out_before_stays_out(node):
    web = node.group()
    node.configure(web)

    assert (node.run("pre"), node.run("on-exit")) == (0, 0)

    assert node.ports(web) == []


@by_moto
def test_a_node_whose_pre_never_ran_is_left_alone(node):
    web, other = node.group(8080), node.group()
    node.configure(web, other)

    node.run("on-exit")

    assert (node.ports(web), node.ports(other)) == ([(8080, "healthy")], [])
    assert node.outcomes() == {"70-join-target-group": "skipped"}


@by_moto
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_a_pre_that_was_ended_half_way_is_put_back(node, tmp_path, how):
    first, second = node.group(8080), node.group(80)
    slow = executable(
        tmp_path / "aws",
        f"""#!/bin/sh
{AWS} "$@" || exit
case $* in *deregister*) : >{node.root.path}/left && sleep 60 ;; esac
""",
    )
    node.configure(first, second, aws=slow)
    pre = node.root.start("run", "pre", "--no-daemon", environment=node.environment)
    node.root.wait_for("left", 30)

    pre.send_signal(how)
    pre.communicate(timeout=60)
    half_way = [node.ports(first), node.ports(second)]
    node.configure(first, second)
    node.run("on-exit")

    assert half_way == [[], [(80, "healthy")]]
    assert node.ports(first) == [(8080, "healthy")]
    assert node.ports(second) == [(80, "healthy")]
    assert node.outcomes()["70-join-target-group"] == "passed"
    assert node.root.result()["operation"]["outstanding_undos"] == []


@by_moto
def test_a_registration_that_is_lost_is_made_again(node, tmp_path):
    web = node.group(8080)
    loses = executable(
        tmp_path / "aws",
        f"""#!/bin/sh
{AWS} "$@" || exit
case $*-$(ls {tmp_path}/lost 2>/dev/null) in
*" register-targets "*-) : >{tmp_path}/lost
{AWS} elbv2 deregister-targets --region {REGION} --target-group-arn {web} \\
  --targets Id={node.id},Port=8080 ;;
esac
""",
    )
    node.configure(web)
    assert node.run("pre") == 0
    node.configure(web, aws=loses)

    assert node.run("on-exit") == 0

    assert (tmp_path / "lost").exists()
    assert node.ports(web) == [(8080, "healthy")]
    [join] = [
        hook
        for hook in node.root.result()["phases"][-1]["hooks"]
        if hook["name"] == "70-join-target-group"
    ]
    assert (join["outcome"], join["try"]) == ("passed", 2)


@by_moto
def test_joining_twice_is_joining_once(node, tmp_path):
    web = node.group(8080)
    alone = Alone(tmp_path)
    settings = {**node.environment, "AWS_CLI": AWS, "TARGET_GROUPS": web, "POLL_S": 1}

    codes = [alone.run(name, **settings).code for name in (LEAVE, LEAVE, JOIN, JOIN)]

    assert codes == [0, 0, 0, 0]
    assert node.ports(web) == [(8080, "healthy")]


@by_moto
def test_a_group_that_is_not_there_stops_pre_before_anything_is_taken_away(node):
    web = node.group(8080)
    node.configure(web, web + "0")

    assert node.run("pre") == 1

    assert node.ports(web) == [(8080, "healthy")]


# What moto does not do: targets that drain, several ports of one node, bad health.
GROUP = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/web/0123456789abcdef"
OTHER = GROUP.replace("web", "api") + "0"
FAKE = """#!/bin/bash
cd "${0%/*}/../elbv2"
echo "$2 ${*: -1}" >>calls
case $2 in
describe-target-health)
  [[ -e ${6##*/} ]] && states=${6##*/} || states=states
  state=$(head -n 1 "$states")
  sed -i '1{$!d}' "$states"
  [[ $state != refused ]] || exit 254
  printf '%b' "$state"
  ;;
esac
"""


class Fake(Alone):
    """A node; `states` is what each next question is answered, the last for ever."""

    def __init__(self, tmp_path, *states):
        super().__init__(tmp_path)
        executable(self.bin / "aws", FAKE)
        self.place = tmp_path / "elbv2"
        self.place.mkdir()
        self.answer(*states)
        self.context.write_text('{"said": "\\"instance_id\\": \\"i-bad\\"", "instance_id": "i-1f"}')

    def answer(self, *states):
        (self.place / "states").write_text("".join(f"{one}\n" for one in states))
        (self.place / "calls").write_text("")

    def answer_for(self, group, *states):
        """Let one group have answers of its own."""
        (self.place / group.rsplit("/", 1)[1]).write_text("".join(f"{one}\n" for one in states))

    def answered(self, group):
        """Return what of them is left."""
        return (self.place / group.rsplit("/", 1)[1]).read_text()

    def changes(self):
        calls = (self.place / "calls").read_text().splitlines()
        return [call for call in calls if not call.startswith("describe")]


NOTHING = "nothing was taken away\n"


def row(port, state, zone="None", target="i-1f", quic="None"):
    return f"{target}\\t{port}\\t{zone}\\t{state}\\t{quic}\\n"


def test_it_waits_until_all_ports_have_drained(tmp_path):
    both = row(80, "healthy") + row(81, "unhealthy")
    node = Fake(tmp_path, both, both.replace("healthy", "draining"), row(81, "draining"), "")

    done = node.run(LEAVE, TARGET_GROUPS=GROUP, POLL_S=0)

    assert done == Done(0, "", {"left": "2"}, "i-1f has left with 2 targets and has drained\n")
    assert node.changes() == [
        "deregister-targets Id=i-1f,Port=80",
        "deregister-targets Id=i-1f,Port=81",
    ]


def test_it_does_not_wait_for_ever(tmp_path):
    node = Fake(tmp_path, row(80, "healthy"), row(80, "draining"))

    done = node.run(LEAVE, TARGET_GROUPS=GROUP, POLL_S=1, DRAIN_TIMEOUT_S=1)

    assert (done.code, done.reason) == (
        1,
        f"not drained after 1 s: {GROUP} i-1f 80 None draining None",
    )


def test_a_node_on_its_way_out_is_waited_for_and_stays_out(tmp_path):
    node = Fake(tmp_path, row(80, "draining"), row(80, "draining"), "")

    left, joined = node.run(LEAVE, TARGET_GROUPS=GROUP, POLL_S=0), node.run(JOIN)

    said = "i-1f is in none of 1 target groups\n"
    assert (left, joined) == (Done(0, "", {}, said), Done(0, "", {}, NOTHING))
    assert ((node.place / "states").read_text(), node.changes()) == ("\n", [])


def test_a_node_that_drains_from_a_group_that_others_took_it_out_of_is_not_patched(tmp_path):
    """Of two groups it is in one, and on its way out of the other."""
    node = Fake(tmp_path, row(80, "healthy"), "")
    node.answer_for(OTHER, row(80, "draining"))

    done = node.run(LEAVE, TARGET_GROUPS=f"{GROUP} {OTHER}", POLL_S=1, DRAIN_TIMEOUT_S=1)

    reason = f"not drained after 1 s: {OTHER} i-1f 80 None draining None"
    assert (done.code, done.reason) == (1, reason)


def test_a_node_that_is_needed_stays(tmp_path):
    """Of the others one is healthy, with two ports; of the second group this node is no part."""
    others = row(80, "healthy", target="i-2") + row(81, "healthy", target="i-2")
    others += row(80, "draining", target="i-3") + row(80, "unhealthy", target="i-4")
    ours = row(80, "healthy")
    node = Fake(tmp_path, ours + others, others)
    node.answer_for(OTHER, row(80, "unhealthy", target="i-2"))
    settings = {"TARGET_GROUPS": f"{OTHER} {GROUP}", "POLL_S": 0}

    needed = node.run(LEAVE, MIN_HEALTHY=2, **settings)
    changes, recorded = node.changes(), (node.scratch / "targets").exists()
    node.answer(ours + others, others)
    free = node.run(LEAVE, MIN_HEALTHY=1, **settings)

    reason = f"healthy others in {GROUP}: 1; MIN_HEALTHY is 2"
    assert (needed.code, needed.reason, changes, recorded) == (1, reason, [], False)
    assert (free.code, node.changes()) == (0, ["deregister-targets Id=i-1f,Port=80"])


def test_a_node_that_is_called_again_while_it_drains_is_not_held_up(tmp_path):
    node = Fake(tmp_path, row(80, "draining"), "")

    assert node.run(LEAVE, TARGET_GROUPS=GROUP, POLL_S=0, MIN_HEALTHY=1).code == 0


@by_moto
def test_the_others_in_a_group_are_counted(node, tmp_path):
    web = node.group(8080)
    alone = Alone(tmp_path)
    settings = {**node.environment, "AWS_CLI": AWS, "TARGET_GROUPS": web, "POLL_S": 1}

    needed = alone.run(LEAVE, MIN_HEALTHY=1, **settings)
    [made] = node.moto.call("ec2", "run_instances", ImageId="ami-12c6146b", MinCount=1, MaxCount=1)[
        "Instances"
    ]
    there = [{"Id": made["InstanceId"], "Port": 80}]
    node.moto.call("elbv2", "register_targets", TargetGroupArn=web, Targets=there)
    free = alone.run(LEAVE, MIN_HEALTHY=1, **settings)

    reason = f"healthy others in {web}: 0; MIN_HEALTHY is 1"
    assert (needed.code, needed.reason, free.code) == (1, reason, 0)
    assert node.ports(web) == []


def test_a_look_that_fails_while_it_drains_is_made_again(tmp_path):
    node = Fake(tmp_path, row(80, "healthy"), "refused", row(80, "draining"), "refused", "")

    done = node.run(LEAVE, TARGET_GROUPS=GROUP, POLL_S=0)

    assert (done.code, (node.place / "states").read_text()) == (0, "\n")


def test_a_group_that_a_node_comes_back_to_while_another_drains_is_waited_for(tmp_path):
    """The first of two groups has it again while the second drains."""
    healthy, draining = row(80, "healthy"), row(80, "draining")
    node = Fake(tmp_path)
    node.answer_for(GROUP, healthy, "", healthy, draining, "")
    node.answer_for(OTHER, healthy, draining, "")

    done = node.run(LEAVE, TARGET_GROUPS=f"{GROUP} {OTHER}", POLL_S=0)

    assert (done.code, node.answered(GROUP), node.answered(OTHER)) == (0, "\n", "\n")


@pytest.mark.parametrize(
    ("others", "settings"),
    [
        ("10.0.0.7", {}),
        ("fd00::7", {}),
        ("i-2e", {"TARGET_ID": "10.0.0.7"}),
    ],
)
def test_a_group_whose_targets_are_of_another_kind_is_not_taken_for_one_without_us(
    tmp_path, others, settings
):
    node = Fake(tmp_path, row(80, "healthy", target=others))

    done = node.run(LEAVE, TARGET_GROUPS=GROUP, **settings)

    who = settings.get("TARGET_ID", "i-1f")
    reason = f"{who} cannot be in {GROUP}, whose targets are as {others}: set TARGET_ID"
    assert (done.code, done.reason, node.changes()) == (1, reason, [])


def test_other_targets_of_a_group_are_left_alone(tmp_path):
    others = row(80, "healthy", target="i-1f2") + row(80, "healthy", target="i-1")
    node = Fake(tmp_path, others + row(80, "healthy"), others)

    done = node.run(LEAVE, TARGET_GROUPS=GROUP)

    assert (done.code, node.changes()) == (0, ["deregister-targets Id=i-1f,Port=80"])


def test_an_address_is_told_with_its_zone_and_comes_back_into_it(tmp_path):
    node = Fake(tmp_path, row(80, "healthy", "all", "10.0.0.7"), "")
    assert node.run(LEAVE, TARGET_GROUPS=GROUP, TARGET_ID="10.0.0.7").code == 0
    left = node.changes()
    node.answer("healthy\\tNone")

    assert node.run(JOIN).code == 0

    told = "Id=10.0.0.7,Port=80,AvailabilityZone=all"
    assert (left, node.changes()) == ([f"deregister-targets {told}"], [f"register-targets {told}"])


def test_a_target_of_quic_comes_back_with_its_server_id(tmp_path):
    """Without it, RegisterTargets refuses a target of QUIC or TCP_QUIC."""
    node = Fake(tmp_path, row(443, "healthy", quic="0xa1b2c3d4e5f65890"), "")
    assert node.run(LEAVE, TARGET_GROUPS=GROUP).code == 0
    node.answer("healthy\\tNone")

    assert node.run(JOIN).code == 0

    told = "Id=i-1f,Port=443,QuicServerId=0xa1b2c3d4e5f65890"
    assert node.changes() == [f"register-targets {told}"]


@pytest.mark.parametrize(
    ("before", "after", "code"),
    [
        ("healthy", "healthy\\tNone", 0),
        ("healthy", "initial\\tElb.RegistrationInProgress", 75),
        ("healthy", "unhealthy\\tTarget.Timeout", 75),
        ("unhealthy", "unhealthy\\tTarget.Timeout", 0),
        ("unused", "unused\\tTarget.NotInUse", 0),
        ("unused", "unused\\tTarget.NotRegistered", 75),
        ("unhealthy", "None", 75),
        ("unhealthy", "", 75),
    ],
)
def test_joining_asks_for_the_health_that_was(tmp_path, before, after, code):
    node = Fake(tmp_path, row(80, before), "")
    assert node.run(LEAVE, TARGET_GROUPS=GROUP).code == 0
    node.answer(after)

    done = node.run(JOIN, POLL_S=1, HEALTHY_TIMEOUT_S=1)

    assert done.code == code


@pytest.mark.parametrize("setting", ["HEALTHY_TIMEOUT_S", "POLL_S"])
def test_a_wait_that_is_no_number_is_refused_before_anything_is_asked(tmp_path, setting):
    node = Fake(tmp_path, row(80, "healthy"), "")
    assert node.run(LEAVE, TARGET_GROUPS=GROUP).code == 0
    changes = node.changes()

    done = node.run(JOIN, **{setting: "5s"})

    assert (done.code, done.reason) == (1, f"{setting} is no number: 5s")
    assert node.changes() == changes


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"TARGET_GROUPS": "web"}, "TARGET_GROUPS: no ARN: web"),
        ({"TARGET_GROUPS": " "}, "TARGET_GROUPS: no ARN:"),
        (
            {"TARGET_GROUPS": GROUP, "TARGET_ID": "i-1 f"},
            "the instance id is not known: set TARGET_ID",
        ),
        (
            {"TARGET_GROUPS": GROUP, "AWS_SSM_INSTANCE_ID": "mi-0123456789abcdef0"},
            "the instance id is not known: set TARGET_ID",
        ),
        ({"TARGET_GROUPS": GROUP, "DRAIN_TIMEOUT_S": "soon"}, "DRAIN_TIMEOUT_S is no number: soon"),
        ({"TARGET_GROUPS": GROUP, "POLL_S": "5s"}, "POLL_S is no number: 5s"),
        ({"TARGET_GROUPS": GROUP, "MIN_HEALTHY": "08"}, "MIN_HEALTHY is no number: 08"),
    ],
)
def test_a_setting_that_makes_no_sense_stops_pre(tmp_path, settings, reason):
    node = Fake(tmp_path, row(80, "healthy"))

    done = node.run(LEAVE, **settings)

    assert (done.code, done.reason, node.changes()) == (1, reason, [])
