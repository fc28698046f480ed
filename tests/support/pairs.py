"""What stands behind the pairs of hooks.d that take a node out and put it back, one class each.

Those of Amazon are here; support.balancers has HAProxy and nginx.

A pair has `leave` and `join`, the settings of both, and `state`, all that it may change: a test
compares that before and after. `take_out` is somebody else's, before pre; `reboot` does to the
other side what a reboot of it would; `hold` makes leaving wait until `release`.
"""

from __future__ import annotations

import json
import os
import pathlib
import shutil
import sys

from support.motoserver import REGION
from support.shipped import executable

# What is beside the interpreter: the CLI comes by pip with the tests.
AWS = shutil.which("aws", path=str(pathlib.Path(sys.executable).parent))


class Pair:
    """A pair without a server of its own to end."""

    def __init__(self):
        self.environment = {}

    def reboot(self):
        """Nothing is lost by a reboot of this node."""

    def hold(self):
        """Nothing more is needed to make leaving wait."""

    def release(self):
        """Let leaving go on."""

    def end(self):
        """End what was started."""


class Amazon(Pair):
    """`held` is the word of the aws CLI after which it hangs, once `hold` was called."""

    held = ""

    def __init__(self, tmp_path, moto):
        super().__init__()
        self.moto = moto
        self.hung = tmp_path / "hung"
        self.cli = executable(
            tmp_path / "cli",
            f"""#!/bin/sh
{AWS} "$@" || exit
case $* in *" {self.held} "*) ! [ -e {self.hung} ] || exec sleep 60 ;; esac
""",
        )
        self.environment = {
            "AWS_ENDPOINT_URL": moto.url,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_SSM_REGION_NAME": REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
        }
        self.common = {"AWS_CLI": self.cli, "POLL_S": 1}

    def instance(self):
        made = self.moto.call(
            "ec2", "run_instances", ImageId="ami-12c6146b", MinCount=1, MaxCount=1
        )
        return made["Instances"][0]

    def hold(self):
        self.hung.touch()

    def release(self):
        self.hung.unlink()


class Standby(Amazon):
    """An instance in service in an Auto Scaling group of two."""

    leave, join = "pre/30-enter-standby", "on-exit/70-exit-standby"
    held = "enter-standby"

    def __init__(self, tmp_path, moto):
        super().__init__(tmp_path, moto)
        self.group = "g-" + os.urandom(4).hex()
        names = {"LaunchConfigurationName": self.group}
        moto.call(
            "autoscaling",
            "create_launch_configuration",
            ImageId="ami-12c6146b",
            InstanceType="t2.micro",
            **names,
        )
        moto.call(
            "autoscaling",
            "create_auto_scaling_group",
            AutoScalingGroupName=self.group,
            MinSize=1,
            MaxSize=3,
            DesiredCapacity=2,
            VPCZoneIdentifier=self.instance()["SubnetId"],
            **names,
        )
        self.id = self._described()["Instances"][0]["InstanceId"]
        self.environment["AWS_SSM_INSTANCE_ID"] = self.id
        self.settings = {self.leave: {"GROUP": "auto", **self.common}, self.join: self.common}

    def _described(self):
        asked = {"AutoScalingGroupNames": [self.group]}
        [found] = self.moto.call("autoscaling", "describe_auto_scaling_groups", **asked)[
            "AutoScalingGroups"
        ]
        return found

    def state(self):
        """Return the desired capacity and how this instance is."""
        found = self._described()
        states = {one["InstanceId"]: one["LifecycleState"] for one in found["Instances"]}
        return found["DesiredCapacity"], states[self.id]

    out = (1, "Standby")

    def take_out(self):
        self.moto.call(
            "autoscaling",
            "enter_standby",
            InstanceIds=[self.id],
            AutoScalingGroupName=self.group,
            ShouldDecrementDesiredCapacity=True,
        )


class Ecs(Amazon):
    """A container instance of ECS, found by its agent's introspection, on which nothing runs."""

    leave, join = "pre/30-drain-ecs", "on-exit/70-activate-ecs"
    held = "update-container-instances-state"

    def __init__(self, tmp_path, moto):
        super().__init__(tmp_path, moto)
        self.cluster = "c-" + os.urandom(4).hex()
        self.ecs("create_cluster", clusterName=self.cluster)
        document = {"instanceId": self.instance()["InstanceId"]}
        made = self.ecs(
            "register_container_instance",
            cluster=self.cluster,
            instanceIdentityDocument=json.dumps(document),
        )
        self.arn = made["containerInstance"]["containerInstanceArn"]
        said = tmp_path / "metadata"
        said.write_text(
            json.dumps({"Cluster": self.cluster, "ContainerInstanceArn": self.arn, "Version": "1"})
        )
        self.settings = {
            self.leave: {"CLUSTER": "auto", "AGENT_URL": f"file://{said}", **self.common},
            self.join: self.common,
        }

    def ecs(self, call, **words):
        return self.moto.call("ecs", call, **words)

    def state(self):
        asked = {"cluster": self.cluster, "containerInstances": [self.arn]}
        [found] = self.ecs("describe_container_instances", **asked)["containerInstances"]
        return found["status"]

    out = "DRAINING"

    def take_out(self):
        self.ecs(
            "update_container_instances_state",
            cluster=self.cluster,
            containerInstances=[self.arn],
            status="DRAINING",
        )

    def task(self, family):
        """Start a task here, which no service has started; return its ARN."""
        container = {"name": "a", "image": "x", "memory": 10}
        self.ecs("register_task_definition", family=family, containerDefinitions=[container])
        [made] = self.ecs("run_task", cluster=self.cluster, taskDefinition=family, count=1)["tasks"]
        return made["taskArn"]


class TargetGroup(Amazon):
    """An instance in one target group and in none of another; moto knows one port of it."""

    leave, join = "pre/30-leave-target-group", "on-exit/70-join-target-group"
    held = "deregister-targets"

    def __init__(self, tmp_path, moto):
        super().__init__(tmp_path, moto)
        made = self.instance()
        self.id = self.environment["AWS_SSM_INSTANCE_ID"] = made["InstanceId"]
        self.arns = [self.group(made["VpcId"]) for _ in range(2)]
        self.targets = [{"Id": self.id, "Port": 8080}]
        self.elbv2("register_targets", TargetGroupArn=self.arns[0], Targets=self.targets)
        names = {"TARGET_GROUPS": " ".join(self.arns)}
        self.settings = {self.leave: {**names, **self.common}, self.join: self.common}

    def elbv2(self, call, **words):
        return self.moto.call("elbv2", call, **words)

    def group(self, vpc):
        """Return the ARN of a new target group."""
        name = "g-" + os.urandom(4).hex()
        words = {"Name": name, "Protocol": "HTTP", "Port": 80, "VpcId": vpc}
        [made] = self.elbv2("create_target_group", **words)["TargetGroups"]
        return made["TargetGroupArn"]

    def state(self):
        """Return the ports of this node in each of the groups."""
        found = (self.elbv2("describe_target_health", TargetGroupArn=arn) for arn in self.arns)
        return tuple(
            tuple(sorted(one["Target"]["Port"] for one in each["TargetHealthDescriptions"]))
            for each in found
        )

    out = ((), ())

    def take_out(self):
        self.elbv2("deregister_targets", TargetGroupArn=self.arns[0], Targets=self.targets)
