"""What is Auto Scaling's and ECS's own in their pairs; test_hook_pairs.py has the rest."""

from __future__ import annotations

import pytest
from support.pairs import Ecs
from support.shipped import Alone, Done, executable
from test_hook_pairs import why_not

LEAVE, JOIN = "pre/30-enter-standby", "on-exit/70-exit-standby"
DRAIN, ACTIVATE = "pre/30-drain-ecs", "on-exit/70-activate-ecs"
# The answers of each command, one a line, the last for ever; what moto cannot play.
FAKE = """#!/bin/bash
cd "${0%/*}/../answers"
echo "$2" >>calls
[[ -e $2 ]] || exit 0
answer=$(head -n 1 "$2")
sed -i '1{$!d}' "$2"
[[ $answer != refused ]] || exit 254
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

    def changes(self):
        calls = (self.place / "calls").read_text().split()
        return [one for one in calls if not one.startswith(("describe", "list"))]


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
        ({"GROUP": "auto", "DECREMENT": "1"}, [""], "DECREMENT is true or false: 1"),
        ({"GROUP": "auto", "TIMEOUT_S": "5m"}, [""], "TIMEOUT_S is no number: 5m"),
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


def test_a_group_at_its_minimum_says_so_and_owes_nothing(tmp_path):
    states = [group("InService")]
    node = Fake(tmp_path, describe_auto_scaling_instances=states, enter_standby=["refused"])

    done = node.run(LEAVE, GROUP="auto")
    node.answer(describe_auto_scaling_instances=["InService"])

    assert (done.code, done.reason) == (
        1,
        "web does not let i-1f into standby: is it at its minimum size?",
    )
    assert (node.run(JOIN).code, node.changes()) == (0, [])


def test_standby_is_waited_for_in_both_directions(tmp_path):
    states = [group("InService"), group("EnteringStandby"), group("Standby")]
    node = Fake(tmp_path, describe_auto_scaling_instances=states)

    left = node.run(LEAVE, GROUP="web", POLL_S=0)
    node.answer(describe_auto_scaling_instances=["Standby", "Pending", "InService"])
    joined = node.run(JOIN, POLL_S=0)

    assert left == Done(0, "", {"group": "web"}, "i-1f is in standby in web\n")
    assert joined == Done(0, "", {"group": "web"}, "i-1f is in service in web\n")
    assert node.changes() == ["exit-standby"]


@pytest.mark.parametrize(
    ("states", "reason"),
    [
        (["refused"], "cannot tell the state of i-1f"),
        (
            ["Terminating:Wait"],
            "i-1f is Terminating:Wait in web: somebody has taken it out for good",
        ),
        (["None"], "i-1f is no longer in web: somebody has taken it out for good"),
        (["Pending:Wait"], "after 1 s i-1f is Pending:Wait in web"),
    ],
)
def test_a_return_that_cannot_be_told_stays_owed(tmp_path, states, reason):
    node = Fake(tmp_path, describe_auto_scaling_instances=[group("InService"), group("Standby")])
    assert node.run(LEAVE, GROUP="web").code == 0
    node.answer(describe_auto_scaling_instances=states)

    done = node.run(JOIN, POLL_S=1, TIMEOUT_S=1)

    assert (done.code, done.reason) == (75, reason)


@pytest.fixture
def container(tmp_path, request):
    if why_not(Ecs):
        pytest.skip(why_not(Ecs))
    return Ecs(tmp_path, request.getfixturevalue("moto"))


def drain(container, tmp_path, **more):
    settings = {**container.environment, **container.settings[DRAIN], **more}
    return Alone(tmp_path).run(DRAIN, **settings)


def test_what_runs_is_waited_for_but_for_what_may_go_on(container, tmp_path):
    """Moto moves no task of a service elsewhere: they are tasks that nobody stops."""
    container.task("web")
    container.task("logs")

    refused = drain(container, tmp_path, TIMEOUT_S=1, KEEP_FAMILIES="logs")
    kept = drain(container, tmp_path, KEEP_FAMILIES="logs web")

    assert (refused.code, refused.reason) == (1, "after 1 s there are still tasks of web")
    assert (kept.code, container.state()) == (0, "DRAINING")


@pytest.mark.parametrize(
    ("answers", "reason"),
    [
        ({"describe_container_instances": ["INACTIVE"]}, "ci is INACTIVE in c"),
        ({"describe_container_instances": ["None"]}, "ci is unknown in c"),
        ({"describe_container_instances": ["refused"]}, "cannot tell the status of ci"),
        (
            {
                "describe_container_instances": ["ACTIVE"],
                "update_container_instances_state": ["MISSING"],
            },
            "cannot drain ci MISSING",
        ),
        (
            {"describe_container_instances": ["ACTIVE"], "list_tasks": ["refused"]},
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
    node = Fake(tmp_path, describe_container_instances=["ACTIVE"])
    assert node.run(DRAIN, CLUSTER="c", CONTAINER_INSTANCE="ci").code == 0
    states = ["DRAINING\\tFalse", "DRAINING\\tTrue", "ACTIVE\\tTrue"]
    node.answer(describe_container_instances=states)

    done = node.run(ACTIVATE, POLL_S=0)

    assert done == Done(0, "", {"cluster": "c"}, "ci is active in c\n")
    assert node.changes() == ["update-container-instances-state"]


@pytest.mark.parametrize(
    ("state", "reason"),
    [
        ("ACTIVE\\tFalse", "after 1 s ci is ACTIVE, agent connected: False"),
        ("INACTIVE\\tTrue", "ci is INACTIVE in c"),
        ("refused", "cannot tell the status of ci"),
    ],
)
def test_a_container_instance_that_does_not_come_back_stays_owed(tmp_path, state, reason):
    node = Fake(tmp_path, describe_container_instances=["ACTIVE"])
    assert node.run(DRAIN, CLUSTER="c", CONTAINER_INSTANCE="ci").code == 0
    node.answer(describe_container_instances=[state])

    done = node.run(ACTIVATE, POLL_S=1, TIMEOUT_S=1)

    assert (done.code, done.reason) == (75, reason)
