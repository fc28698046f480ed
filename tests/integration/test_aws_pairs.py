"""What is Auto Scaling's and ECS's own in their pairs; test_hook_pairs.py has the rest."""

from __future__ import annotations

import contextlib
import json
import signal
import time

import pytest
from support.answering import Answering
from support.pairs import AWS, Ecs, Standby
from support.shipped import Alone, Done, executable
from test_hook_pairs import why_not

LEAVE, JOIN = "pre/30-enter-standby", "on-exit/70-exit-standby"
DRAIN, ACTIVATE = "pre/30-drain-ecs", "on-exit/70-activate-ecs"
# The answers of each command, one a line, the last for ever. moto cannot play these: its instances
# are in standby and back at once, its groups refuse nothing, its agents are always connected.
FAKE = """#!/bin/bash
cd "${0%/*}/../answers"
echo "$*" >>calls
[[ -e $2 ]] || exit 0
answer=$(head -n 1 "$2")
sed -i '1{$!d}' "$2"
case $answer in
hangs) exec sleep 60 ;;
silent) exit 124 ;;
refused*)
  error='An error occurred (ValidationError) when calling the operation:'
  printf '\\n%s %s\\n' "${error/the/the $2}" "${answer#refused }" >&2
  exit 254
  ;;
esac
printf '%b' "$answer"
"""


class Fake(Alone):
    """An instance whose aws CLI answers by command."""

    def __init__(self, tmp_path, **answers):
        super().__init__(tmp_path)
        executable(self.bin / "aws", FAKE)
        self.place = tmp_path / "answers"
        self.place.mkdir()
        self.answer(**answers)
        self.context.write_text('{"said": "\\"instance_id\\": \\"i-bad\\"", "instance_id": "i-1f"}')

    def answer(self, **answers):
        (self.place / "calls").write_text("")
        for name, lines in answers.items():
            text = "".join(f"{one}\n" for one in lines)
            (self.place / name.replace("_", "-")).write_text(text)

    def calls(self):
        """Return the words of each call since the last `answer`, without the service's."""
        return [words.split()[1:] for words in (self.place / "calls").read_text().splitlines()]

    def changes(self):
        return [words[0] for words in self.calls() if not words[0].startswith(("describe", "list"))]

    def until_called(self, name):
        until(lambda: any(words[0] == name for words in self.calls()))


def until(holds):
    give_up_at = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < give_up_at
        time.sleep(0.02)


def group(state):
    return f"web\\t{state}\\n"


@pytest.mark.parametrize(
    ("settings", "states", "reason"),
    [
        ({"GROUP": "web"}, [""], "i-1f is in no Auto Scaling group, GROUP says web"),
        ({"GROUP": "db"}, [group("InService")], "i-1f is in group web, GROUP says db"),
        ({"GROUP": "auto"}, ["refused"], "cannot tell the group of i-1f"),
        (
            {"GROUP": "auto"},
            [group("Terminating:Wait")],
            "i-1f is Terminating:Wait in web: no time to patch it",
        ),
        ({"GROUP": "auto"}, [group("Pending")], "i-1f is Pending in web: no time to patch it"),
        ({"GROUP": "auto", "DECREMENT": "1"}, [""], "DECREMENT is true or false: 1"),
        ({"GROUP": "auto", "TIMEOUT_S": "5m"}, [""], "TIMEOUT_S is no number: 5m"),
        ({"GROUP": "auto", "POLL_S": "x"}, [""], "POLL_S is no number: x"),
        (
            {"GROUP": "auto", "INSTANCE_ID": "i 1"},
            [""],
            "the instance id is not known: set INSTANCE_ID",
        ),
    ],
)
def test_standby_is_refused_before_anything_is_changed(tmp_path, settings, states, reason):
    node = Fake(tmp_path, describe_auto_scaling_instances=states)

    done = node.run(LEAVE, **settings)

    assert (done.code, done.reason, node.changes()) == (1, reason, [])
    assert node.run(JOIN) == Done(0, "", {}, "nothing was taken away\n")


def test_an_instance_of_no_group_has_nothing_to_leave(tmp_path):
    node = Fake(tmp_path, describe_auto_scaling_instances=["None"])

    done = node.run(LEAVE, GROUP="auto")

    assert done == Done(0, "", {}, "i-1f is in no Auto Scaling group\n")


def test_an_instance_that_is_asked_for_in_another_region_is_not_taken_for_one_of_no_group(tmp_path):
    node = Fake(tmp_path, describe_auto_scaling_instances=[""])
    node.context.write_text(json.dumps({"instance_id": "i-1f", "region": "us-east-1"}))

    wrong = node.run(LEAVE, GROUP="auto", REGION="eu-west-1", AWS_SSM_REGION_NAME="us-east-1")
    right = node.run(LEAVE, GROUP="auto", REGION="us-east-1", AWS_SSM_REGION_NAME="eu-west-1")

    reason = "i-1f is in no group of eu-west-1: this machine is in us-east-1, see to REGION"
    assert (wrong.code, wrong.reason, right.code) == (1, reason, 0)


@pytest.fixture
def instance(tmp_path, request):
    if why_not(Standby):
        pytest.skip(why_not(Standby))
    return Standby(tmp_path, request.getfixturevalue("moto"))


def test_a_group_at_its_minimum_says_so_and_owes_nothing(instance, tmp_path):
    """Moto shrinks every group: a program before the real CLI refuses as Auto Scaling does."""
    sizes = {"AutoScalingGroupName": instance.group, "MinSize": 2, "MaxSize": 3}
    instance.moto.call("autoscaling", "update_auto_scaling_group", **sizes)
    said = (
        f"AutoScalingGroup {instance.group} has min-size=2, max-size=3, and desired-size=2. To"
        " place into standby 1 instance, please update the AutoScalingGroup sizes appropriately."
    )
    error = f"An error occurred (ValidationError) when calling the EnterStandby operation: {said}"
    refuses = executable(
        tmp_path / "refuses",
        f"""#!/bin/sh
case $* in *" enter-standby "*" --should-decrement-desired-capacity"*) ;; *) exec {AWS} "$@" ;; esac
fits=$({AWS} autoscaling describe-auto-scaling-groups --region eu-west-1 --output text \\
  --auto-scaling-group-names {instance.group} \\
  --query 'AutoScalingGroups[?MinSize<DesiredCapacity].MinSize')
[ -z "$fits" ] || exec {AWS} "$@"
printf '\\n%s\\n' "{error}" >&2
exit 254
""",
    )
    before = instance.state()
    alone = Alone(tmp_path)
    settings = {**instance.environment, "GROUP": "auto", "AWS_CLI": refuses}

    left, joined = alone.run(LEAVE, **settings), alone.run(JOIN, **settings)

    assert (left.code, left.reason) == (
        1,
        f"{instance.group} does not let {instance.id} into standby: {said} Or set DECREMENT=false",
    )
    assert (joined.code, instance.state()) == (0, before)


@pytest.mark.parametrize(
    ("decrement", "word"),
    [
        ("true", "--should-decrement-desired-capacity"),
        ("false", "--no-should-decrement-desired-capacity"),
    ],
)
def test_the_group_starts_another_instance_only_if_told_to(tmp_path, decrement, word):
    node = Fake(tmp_path, describe_auto_scaling_instances=[group("InService"), group("Standby")])

    done = node.run(LEAVE, GROUP="auto", DECREMENT=decrement)

    [entered] = [words for words in node.calls() if words[0] == "enter-standby"]
    assert (done.code, word in entered) == (0, True)


def test_standby_is_waited_for_in_both_directions(tmp_path):
    states = [group("InService"), group("EnteringStandby"), "refused", group("Standby")]
    node = Fake(tmp_path, describe_auto_scaling_instances=states)

    left = node.run(LEAVE, GROUP="web", POLL_S=0)
    node.answer(describe_auto_scaling_instances=["Standby", "refused", "Pending", "InService"])
    joined = node.run(JOIN, POLL_S=0)

    assert (left.code, left.stdout) == (0, "i-1f is in standby in web\n")
    assert (joined.code, joined.stdout) == (0, "i-1f is in service in web\n")
    assert (left.outputs, joined.outputs) == ({"group": "web"}, {"group": "web"})
    assert node.changes() == ["exit-standby"]


def test_an_instance_on_its_way_into_standby_is_waited_for_and_stays_there(tmp_path):
    """Until it is in standby its connections drain."""
    states = [group("EnteringStandby"), group("EnteringStandby"), group("Standby")]
    node = Fake(tmp_path, describe_auto_scaling_instances=states)

    left, joined = node.run(LEAVE, GROUP="auto", POLL_S=0), node.run(JOIN)

    assert left == Done(0, "", {"group": "web"}, "i-1f is in standby in web, as before\n")
    assert (joined.stdout, node.changes()) == ("nothing was taken away\n", [])


@pytest.mark.parametrize(
    ("state", "reason"),
    [
        (group("Terminating"), "i-1f is Terminating in web: somebody takes it out for good"),
        ("None", "i-1f is no longer in web: somebody takes it out for good"),
        (group("EnteringStandby"), "after 1 s i-1f is EnteringStandby in web"),
        ("refused", "after 1 s i-1f is unknown in web"),
    ],
)
def test_a_standby_that_is_not_reached_fails_pre(tmp_path, state, reason):
    node = Fake(tmp_path, describe_auto_scaling_instances=[group("InService"), state])

    done = node.run(LEAVE, GROUP="auto", POLL_S=1, TIMEOUT_S=1)

    assert (done.code, done.reason) == (1, reason)


@pytest.mark.parametrize(
    ("states", "reason"),
    [
        (["refused"], "after 1 s i-1f is unknown in web"),
        (
            ["Terminating:Wait"],
            "i-1f is Terminating:Wait in web: somebody has taken it out for good",
        ),
        (["None"], "i-1f is no longer in web: somebody has taken it out for good"),
        (["Pending:Wait"], "after 1 s i-1f is Pending:Wait in web"),
        (["Standby"], "web does not take i-1f back: it is as large as it may be"),
        (["Standby", "silent"], "web does not take i-1f back: no answer"),
    ],
)
def test_a_return_that_cannot_be_told_stays_owed(tmp_path, states, reason):
    node = Fake(tmp_path, describe_auto_scaling_instances=[group("InService"), group("Standby")])
    assert node.run(LEAVE, GROUP="web").code == 0
    full = ["silent" if "silent" in states else "refused it is as large as it may be"]
    node.answer(describe_auto_scaling_instances=states, exit_standby=full)

    done = node.run(JOIN, POLL_S=1, TIMEOUT_S=1)

    assert (done.code, done.reason) == (75, reason)


@pytest.fixture
def container(tmp_path, request):
    if why_not(Ecs):
        pytest.skip(why_not(Ecs))
    return Ecs(tmp_path, request.getfixturevalue("moto"))


def test_what_runs_is_waited_for_but_for_what_may_go_on(container, tmp_path):
    """Moto stops no task of a service when its node drains: the test does, as ECS would."""
    web, _logs = container.task("web"), container.task("logs")
    looked = tmp_path / "looked"
    looks = executable(
        tmp_path / "looks",
        f"""#!/bin/sh
{AWS} "$@" || exit
case $* in *" describe-tasks "*) : >{looked} ;; esac
""",
    )
    settings = {**container.environment, **container.settings[DRAIN], "AWS_CLI": looks}
    alone = Alone(tmp_path)

    draining = alone.start(DRAIN, **settings, KEEP_FAMILIES="db\nlogs")
    until(looked.exists)
    while_web_runs = (container.state(), draining.poll())
    container.ecs("stop_task", cluster=container.cluster, task=web)
    done = alone.end(draining)

    assert while_web_runs == ("DRAINING", None)
    assert done == Done(0, "", {"cluster": container.cluster}, f"{container.arn} is drained\n")
    assert container.state() == "DRAINING"


def test_tasks_are_not_waited_for_for_ever_and_all_of_them_are_looked_at(tmp_path):
    """ECS describes a hundred at once: the first hundred have stopped, of the last it says more."""
    hundred_and_one = "".join(f"arn:aws:ecs:eu-west-1:1:task/None/{n}\\n" for n in range(101))
    node = Fake(
        tmp_path,
        describe_container_instances=["ACTIVE\\tTrue", "DRAINING\\tTrue"],
        list_tasks=["None", hundred_and_one] * 9,
        describe_tasks=["", "arn:aws:ecs:eu-west-1:1:task-definition/web:7\\n"] * 9,
    )

    done = node.run(DRAIN, CLUSTER="c", CONTAINER_INSTANCE="ci", POLL_S=1, TIMEOUT_S=1)

    described = [words for words in node.calls() if words[0] == "describe-tasks"]
    told = [sum(word.startswith("arn:") for word in words) for words in described[:2]]
    assert (done.code, done.reason) == (1, "after 1 s ci is not drained: tasks of web")
    assert told == [100, 1]


def test_where_tasks_may_be_placed_nothing_is_drained(tmp_path):
    """What is asked for need not be seen at once, and somebody may activate it meanwhile."""
    active, draining = "ACTIVE\\tTrue", "DRAINING\\tTrue"
    node = Fake(tmp_path, describe_container_instances=[active] * 3 + [draining])
    later = node.run(DRAIN, CLUSTER="c", CONTAINER_INSTANCE="ci", POLL_S=0)
    left = (node.place / "describe-container-instances").read_text()
    node.answer(describe_container_instances=[draining, active])

    never = node.run(DRAIN, CLUSTER="c", CONTAINER_INSTANCE="ci", POLL_S=1, TIMEOUT_S=1)

    assert (later.code, left) == (0, draining + "\n")
    assert (never.code, never.reason) == (1, "after 1 s ci is not drained: it is ACTIVE")


def test_a_look_at_the_tasks_that_fails_later_is_made_again(tmp_path):
    web = "arn:aws:ecs:eu-west-1:1:task-definition/web:7\\n"
    node = Fake(
        tmp_path,
        describe_container_instances=["ACTIVE\\tTrue", "DRAINING\\tTrue"],
        list_tasks=["arn:aws:ecs:eu-west-1:1:task/1\\n", "None", "refused", "None"],
        describe_tasks=[web],
    )

    done = node.run(DRAIN, CLUSTER="c", CONTAINER_INSTANCE="ci", POLL_S=0)

    assert (done.code, done.stdout) == (0, "ci is drained\n")


@pytest.mark.parametrize(
    ("answers", "reason"),
    [
        ({"describe_container_instances": ["INACTIVE\\tFalse"]}, "ci is INACTIVE in c"),
        (
            {"describe_container_instances": ["ACTIVE\\tFalse"]},
            "the agent of ci is not connected: ECS does not know what runs here",
        ),
        ({"describe_container_instances": ["None"]}, "ci is unknown in c"),
        ({"describe_container_instances": ["refused"]}, "cannot tell the status of ci"),
        (
            {
                "describe_container_instances": ["ACTIVE\\tTrue"],
                "update_container_instances_state": ["MISSING"],
            },
            "cannot drain ci MISSING",
        ),
        (
            {"describe_container_instances": ["DRAINING\\tTrue"], "list_tasks": ["refused"]},
            "cannot tell what runs on ci",
        ),
    ],
)
def test_a_container_instance_that_cannot_be_drained_fails_pre(tmp_path, answers, reason):
    node = Fake(tmp_path, **answers)

    done = node.run(DRAIN, CLUSTER="c", CONTAINER_INSTANCE="ci")

    assert (done.code, done.reason) == (1, reason)


def test_an_agent_that_does_not_answer_is_no_reason_to_go_on(tmp_path):
    done = Fake(tmp_path).run(DRAIN, CLUSTER="auto", AGENT_URL=f"file://{tmp_path}/none")

    expected = "the ECS agent does not answer: set CLUSTER and CONTAINER_INSTANCE"
    assert (done.code, done.reason) == (1, expected)


def test_the_agent_is_waited_for_after_a_reboot(tmp_path):
    node = Fake(tmp_path, describe_container_instances=["ACTIVE\\tTrue", "DRAINING\\tTrue"])
    assert node.run(DRAIN, CLUSTER="c", CONTAINER_INSTANCE="ci").code == 0
    states = ["refused", "DRAINING\\tFalse", "DRAINING\\tTrue", "ACTIVE\\tTrue"]
    node.answer(describe_container_instances=states)

    done = node.run(ACTIVATE, POLL_S=0)

    assert (done.code, done.outputs, done.stdout) == (
        0,
        {"cluster": "c"},
        "ci is active in c\n",
    )
    assert node.changes() == ["update-container-instances-state"]


def test_an_agent_that_answered_here_must_answer_again(tmp_path):
    """ECS may call an agent connected whose machine went down a moment ago.

    The caller's proxy does not answer: what is on this machine is asked without it.
    """
    arn = "arn:aws:ecs:eu-west-1:1:container-instance/c/1f"
    node = Fake(tmp_path, describe_container_instances=["ACTIVE\\tTrue", "DRAINING\\tTrue"])
    said = json.dumps({"Cluster": "c", "ContainerInstanceArn": arn}).encode()
    settings = {"http_proxy": "http://127.0.0.1:9", "POLL_S": 1, "TIMEOUT_S": 60}
    with contextlib.closing(Answering()) as agent:
        agent.answer("/v1/metadata", body=said)
        url = agent.url("/v1/metadata")
        left = node.run(DRAIN, CLUSTER="auto", AGENT_URL=url, **settings)
        agent.answer("/v1/metadata", status=500)
        node.answer(describe_container_instances=["DRAINING\\tTrue"])
        gone = node.run(ACTIVATE, **{**settings, "TIMEOUT_S": 1})
        changes = node.changes()
        agent.answer("/v1/metadata", body=said)
        node.answer(describe_container_instances=["DRAINING\\tTrue", "ACTIVE\\tTrue"])
        back = node.run(ACTIVATE, **settings)

    assert (left.code, left.outputs) == (0, {"cluster": "c"})
    waited_for = f"after 1 s {arn} is DRAINING, agent connected: no answer"
    assert (gone.code, gone.reason, changes) == (75, waited_for, [])
    assert back == Done(0, "", {"cluster": "c"}, f"{arn} is active in c\n")


@pytest.mark.parametrize(
    ("state", "reason"),
    [
        ("ACTIVE\\tFalse", "after 1 s ci is ACTIVE, agent connected: False"),
        ("INACTIVE\\tTrue", "ci is INACTIVE in c"),
        ("None", "ci is no longer in c"),
        ("refused", "after 1 s ci is unknown, agent connected: unknown"),
    ],
)
def test_a_container_instance_that_does_not_come_back_stays_owed(tmp_path, state, reason):
    node = Fake(tmp_path, describe_container_instances=["ACTIVE\\tTrue", "DRAINING\\tTrue"])
    assert node.run(DRAIN, CLUSTER="c", CONTAINER_INSTANCE="ci").code == 0
    node.answer(describe_container_instances=[state])

    done = node.run(ACTIVATE, POLL_S=1, TIMEOUT_S=1)

    assert (done.code, done.reason) == (75, reason)


PAIRS = pytest.mark.parametrize(
    ("leave", "join", "change"),
    [(LEAVE, JOIN, "enter-standby"), (DRAIN, ACTIVATE, "update-container-instances-state")],
)
OURS = {"GROUP": "auto", "CLUSTER": "c", "CONTAINER_INSTANCE": "ci"}


@PAIRS
def test_a_pre_that_was_killed_before_it_changed_anything_has_changed_nothing(
    tmp_path, leave, join, change
):
    node = Fake(
        tmp_path,
        describe_auto_scaling_instances=[group("InService"), "InService"],
        describe_container_instances=["ACTIVE\\tTrue"],
        **{change.replace("-", "_"): ["hangs"]},
    )
    leaving = node.start(leave, **OURS)
    node.until_called(change)

    node.end(leaving, signal.SIGKILL)
    node.answer()
    joined = node.run(join)

    assert (joined.code, joined.stdout.split()[:2], node.changes()) == (
        0,
        ["i-1f" if leave == LEAVE else "ci", "is"],
        [],
    )


@PAIRS
def test_a_record_that_a_power_cut_has_emptied_is_none(tmp_path, leave, join, change):
    """The name of a new file may reach the disk before what is in it; nothing was changed then."""
    node = Fake(
        tmp_path,
        describe_auto_scaling_instances=[group("InService"), group("Standby"), "Standby"],
        describe_container_instances=[
            "ACTIVE\\tTrue",
            *["DRAINING\\tTrue"] * 2,
            "ACTIVE\\tTrue",
        ],
    )
    (node.scratch / ("standby" if leave == LEAVE else "ecs")).touch()
    assert node.run(leave, **OURS).code == 0
    node.answer(describe_auto_scaling_instances=["Standby", "InService"])

    done = node.run(join, POLL_S=0)

    back = {"enter-standby": "exit-standby"}.get(change, change)
    assert (done.code, node.changes()) == (0, [back])


@PAIRS
@pytest.mark.parametrize(
    ("settings", "context", "region"),
    [
        ({"REGION": "eu-south-1", "AWS_SSM_REGION_NAME": "eu-west-2"}, "eu-west-3", "eu-south-1"),
        ({"AWS_SSM_REGION_NAME": "eu-west-2"}, "eu-west-3", "eu-west-2"),
        ({}, "eu-west-3", "eu-west-3"),
        ({}, "", None),
    ],
)
def test_the_undo_asks_where_pre_asked(tmp_path, leave, join, change, settings, context, region):
    """Recovery may call it when nobody says the region any more; None: the CLI has its own."""
    del change
    node = Fake(
        tmp_path,
        describe_auto_scaling_instances=[group("InService"), group("Standby"), "InService"],
        describe_container_instances=["ACTIVE\\tTrue", "DRAINING\\tTrue", "ACTIVE\\tTrue"],
    )
    host = {"instance_id": "i-1f", "region": context}
    node.context.write_text(json.dumps({"host": host, "outputs": {"region": "no-1"}}, indent=1))

    left = node.run(leave, **OURS, **settings)
    joined = node.run(join, REGION="xx-1", AWS_SSM_REGION_NAME="xx-2")

    asked = {
        words[words.index("--region") + 1] if "--region" in words else None
        for words in node.calls()
    }
    assert (left.code, joined.code, asked) == (0, 0, {region})
