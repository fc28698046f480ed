"""The CloudFormation template: clean to cfn-lint, deployed to moto, its metrics those of the lines.

moto makes documents, log group, parameter, policy and dashboard of a stack. Alarms, queries and
associations it makes only of API calls, so their properties are given to the API, which botocore
checks as it would for AWS.
"""

from __future__ import annotations

import ast
import importlib.util
import json
import pathlib
import re
import subprocess
import sys

import jsonschema
import pytest
from support.emf import metrics
from support.fakeroot import FakeRoot

REPO = pathlib.Path(__file__).resolve().parents[2]
TEMPLATE = REPO / "packaging/aws/hookd.yaml"
AGENT = json.loads((REPO / "packaging/cloudwatch/hookd.json").read_text())
AGENT_SCHEMA = json.loads((REPO / "tests/data/aws/cloudwatch-agent-files.schema.json").read_text())
PHASES = ("pre", "post", "on-exit")
REGION = "eu-west-1"
ACCOUNT = "123456789012"  # moto's
TOPIC = f"arn:aws:sns:{REGION}:{ACCOUNT}:ops"
PSEUDO = {"AWS::Region": REGION, "AWS::AccountId": ACCOUNT, "AWS::Partition": "aws"}

NEEDED = ("boto3", "cfnlint", "moto")
pytestmark = pytest.mark.skipif(
    any(importlib.util.find_spec(name) is None for name in NEEDED),
    reason="no moto, boto3 or cfn-lint: extra `aws-test`, from Python 3.11 on",
)


def test_cfn_lint_finds_nothing():
    lint = subprocess.run(
        [f"{pathlib.Path(sys.executable).parent}/cfn-lint", "--", str(TEMPLATE)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )

    assert (lint.returncode, lint.stdout) == (0, "")


def stack_program(*words, given=""):
    """Run tests/support/stack.py and return what it prints."""
    done = subprocess.run(
        [sys.executable, str(REPO / "tests/support/stack.py"), *words],
        input=given,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def template():
    return stack_program("template")


class Resolver:
    """What Ref, Fn::Sub and Fn::If become with these parameters; a resource is its logical id."""

    def __init__(self, template, **parameters):
        defaults = {name: one["Default"] for name, one in template["Parameters"].items()}
        self.values = {**defaults, **parameters, **PSEUDO}
        self.resources = template["Resources"]
        self.conditions = {}
        for name, condition in template["Conditions"].items():
            self.conditions[name] = self.condition(condition)

    def condition(self, value):
        (left, right) = value["Fn::Not"][0]["Fn::Equals"]
        return self.of(left) != right

    def of(self, value):
        if isinstance(value, list):
            found = [self.of(item) for item in value]
            return [item for item in found if item is not None]
        if not isinstance(value, dict):
            return value
        if set(value) == {"Ref"}:
            return self.ref(value["Ref"])
        if set(value) == {"Fn::Sub"}:
            return re.sub(r"\$\{([^}!]+)\}", lambda m: str(self.ref(m.group(1))), value["Fn::Sub"])
        if set(value) == {"Fn::If"}:
            name, yes, no = value["Fn::If"]
            return self.of(yes if self.conditions[name] else no)
        found = {key: self.of(item) for key, item in value.items()}
        return {key: item for key, item in found.items() if item is not None}

    def ref(self, name):
        if name == "AWS::NoValue":
            return None
        if name in self.resources:
            found = self.resources[name]["Properties"]
            return self.of(found.get("Name") or found.get("LogGroupName") or name)
        return self.values[name]

    def properties(self, kind):
        """Return the properties of every resource of `kind` that is made, by its logical id."""
        return {
            name: self.of(one["Properties"])
            for name, one in self.resources.items()
            if one["Type"] == kind and self.conditions.get(one.get("Condition"), True)
        }


def test_every_parameter_has_a_default_and_says_what_it_is_for(template):
    lacking = {
        name: {"Default", "Description"} - set(one) for name, one in template["Parameters"].items()
    }

    assert {name: keys for name, keys in lacking.items() if keys} == {}


def test_the_template_is_small_enough_to_be_given_as_text():
    assert TEMPLATE.stat().st_size < 51_200


def test_the_documents_of_the_stack_are_those_of_packaging(template):
    documents = Resolver(template).properties("AWS::SSM::Document")

    assert {one["Name"]: one["Content"] for one in documents.values()} == {
        f"hookd-{phase}": json.loads((REPO / f"packaging/ssm/hookd-{phase}.json").read_text())
        for phase in PHASES
    }


def test_the_agent_s_configuration_of_the_stack_is_that_of_packaging(template):
    [parameter] = Resolver(template).properties("AWS::SSM::Parameter").values()

    assert json.loads(parameter["Value"]) == AGENT
    assert jsonschema.Draft7Validator.check_schema(AGENT_SCHEMA) is None
    validator = jsonschema.Draft7Validator(AGENT_SCHEMA)
    assert [error.message for error in validator.iter_errors(AGENT)] == []


def test_the_patch_run_calls_the_three_documents_at_its_times_only(template):
    [run] = Resolver(template).properties("AWS::SSM::Association").values()

    assert run["ApplyOnlyAtCronInterval"] is True
    assert run["Name"] == "AWS-RunPatchBaselineWithHooks"
    assert run["Parameters"] == {
        "Operation": ["Install"],
        "RebootOption": ["RebootIfNeeded"],
        "PreInstallHookDocName": ["hookd-pre"],
        "PostInstallHookDocName": ["hookd-post"],
        "OnExitHookDocName": ["hookd-on-exit"],
    }


@pytest.mark.parametrize(
    ("parameters", "made"),
    [
        ({}, ["PatchRun"]),
        ({"Schedule": ""}, []),
        ({"InventoryRate": "rate(12 hours)"}, ["PatchRun", "CollectInventory"]),
    ],
)
def test_associations_are_made_as_asked_for(template, parameters, made):
    assert list(Resolver(template, **parameters).properties("AWS::SSM::Association")) == made


def test_the_policy_allows_nothing_beyond_what_is_named(template):
    [policy] = Resolver(template).properties("AWS::IAM::ManagedPolicy").values()
    statements = policy["PolicyDocument"]["Statement"]
    actions = [a for one in statements for a in as_list(one["Action"])]
    resources = [r for one in statements for r in as_list(one["Resource"])]

    assert [action for action in actions if "*" in action] == []
    assert sorted(actions) == [
        *("logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"),
        *("ssm:DescribeDocument", "ssm:GetDocument", "ssm:GetParameter"),
    ]
    assert [r for r in resources if r == "*" or f":{ACCOUNT}:" not in r] == []
    assert "Roles" not in policy


def as_list(value):
    return value if isinstance(value, list) else [value]


@pytest.fixture(scope="module")
def texts(tmp_path_factory):
    """Return the lines of a real operation as they are in the file."""
    root = FakeRoot(tmp_path_factory.mktemp("operation"))
    for phase in PHASES:
        root.run("run", phase)
    return (root.path / "var/log/hookd/results.jsonl").read_text().splitlines()


@pytest.fixture(scope="module")
def lines(texts):
    return [json.loads(text) for text in texts]


def told(lines):
    """Return (metric, dimensions) of everything that hookd tells CloudWatch."""
    return {(name, at) for line in lines for at, name in metrics(line)}


def watched(template):
    """Yield (metric, dimensions) of whatever an alarm looks at."""
    for alarm in Resolver(template).properties("AWS::CloudWatch::Alarm").values():
        stats = [one.get("MetricStat") for one in alarm.get("Metrics", ())]
        for metric in [stat["Metric"] for stat in stats if stat] or [alarm]:
            assert metric["Namespace"] == "hookd"
            at = tuple(f"{one['Name']}={one['Value']}" for one in metric["Dimensions"])
            yield metric["MetricName"], at


def shown(template):
    """Yield (metric, dimensions) of whatever the dashboard shows; `...` repeats the row above."""
    [board] = Resolver(template).properties("AWS::CloudWatch::Dashboard").values()
    for widget in json.loads(board["DashboardBody"])["widgets"]:
        row = []
        for metric in widget["properties"].get("metrics", ()):
            words = [word for word in metric if isinstance(word, str)]
            if words[:1] == ["..."]:
                words = [*row[: len(row) - len(words) + 1], *words[1:]]
            if words:
                row = words
                yield row[1], tuple(f"{k}={v}" for k, v in zip(row[2::2], row[3::2]))


def test_alarms_watch_metrics_that_are_told(template, lines):
    found = list(watched(template))

    assert ("Opened", ("Phase=operation",)) in found
    assert set(found) - told(lines) == set()


def test_the_dashboard_shows_metrics_that_are_told(template, lines):
    found = {one for one in shown(template) if "Verdict=" not in str(one)}
    by_verdict = {one for one in shown(template) if "Verdict=" in str(one)}

    assert found - told(lines) == set()
    assert by_verdict == {
        ("Closed", ("Phase=operation", f"Verdict={verdict}"))
        for verdict in ("passed", "passed-with-warnings", "incomplete", "failed")
    }


def test_queries_name_fields_that_are_told(template, lines):
    known = {name for line in lines for name in line} | {"@timestamp"}
    words = r"\b(?:fields|filter|stats|sort|limit|by|as|desc|or|and|in)\b|\b\w+\("
    queries = Resolver(template).properties("AWS::Logs::QueryDefinition")
    unknown = {}
    for name, query in queries.items():
        text = re.sub(r'"[^"]*"|\bas (\w+)', "", query["QueryString"])
        made = set(re.findall(r"\bas (\w+)", query["QueryString"]))
        names = set(re.findall(r"@?\b[A-Za-z_]\w*", re.sub(words, "", text)))
        unknown[name] = names - known - made - {"operations"}

    assert unknown == {name: set() for name in queries}


def api(properties):
    """Return properties as parameters of an API whose names begin with a small letter."""
    return {name[0].lower() + name[1:]: value for name, value in properties.items()}


@pytest.fixture(scope="module")
def deployed(template, texts):
    """Return what moto has after the stack was made and the calls below."""
    all_of_it = Resolver(template, AlarmTopicArn=TOPIC, InventoryRate="rate(12 hours)").properties
    calls = {
        "alarms": list(all_of_it("AWS::CloudWatch::Alarm").values()),
        "queries": [api(one) for one in all_of_it("AWS::Logs::QueryDefinition").values()],
        "associations": list(all_of_it("AWS::SSM::Association").values()),
        "lines": texts,
    }
    return stack_program("deploy", given=json.dumps(calls))


def test_the_deployed_documents_are_those_that_hookd_prints(deployed):
    found = {name: ast.literal_eval(text) for name, text in deployed["documents"].items()}

    # moto keeps a mapping of a template as Python prints it
    assert found == {
        f"hookd-{phase}": json.loads(
            subprocess.run(
                [sys.executable, "-m", "hookd", "ssm-document", phase],
                cwd=str(REPO),
                stdout=subprocess.PIPE,
                check=True,
            ).stdout
        )
        for phase in PHASES
    }


def test_a_document_can_be_created_and_updated_as_the_help_says(deployed):
    found = deployed["by hand"]

    assert (found["SchemaVersion"], found["DocumentType"]) == ("2.2", "Command")


def test_the_deployed_log_group_keeps_results_for_a_while(deployed):
    [group] = deployed["groups"]

    assert deployed["outputs"]["LogGroup"] == group["logGroupName"] == "/hookd/results"
    assert group["retentionInDays"] == 90


def test_the_log_group_takes_the_lines(deployed, texts):
    assert deployed["lines"] == texts


def test_the_deployed_agent_configuration_can_be_fetched(deployed):
    name = deployed["outputs"]["AgentConfigurationName"]

    assert name.startswith("AmazonCloudWatch-")  # what the agent's own policy may read
    assert json.loads(deployed["parameter"]) == AGENT


def test_the_deployed_policy_and_dashboard_are_there(deployed):
    assert deployed["policy"] == "v1"
    assert len(json.loads(deployed["dashboard"])["widgets"]) == 5


def test_the_alarms_can_be_made(template, deployed):
    alarms = Resolver(template).properties("AWS::CloudWatch::Alarm").values()

    found = {one["AlarmName"]: one for one in deployed["alarms"]}
    assert sorted(found) == sorted(alarm["AlarmName"] for alarm in alarms)
    assert {tuple(one["AlarmActions"]) for one in found.values()} == {(TOPIC,)}
    assert {one["TreatMissingData"] for one in found.values()} == {"notBreaching"}
    assert found["hookd-opened-and-not-closed"]["DatapointsToAlarm"] == 6


def test_without_a_topic_nobody_is_told(template):
    alarms = Resolver(template).properties("AWS::CloudWatch::Alarm").values()

    assert [alarm for alarm in alarms if "AlarmActions" in alarm] == []


def running_sums(opened, closed):
    """What the alarm's expression makes of hourly sums (Metric math functions, CloudWatch)."""
    total, found = 0, []
    for hour in range(24):
        total += opened.get(hour, 0) - closed.get(hour, 0)
        found.append(total)
    return found


@pytest.mark.parametrize(
    ("opened", "closed", "rings"),
    [
        ({}, {}, False),
        ({3: 5}, {3: 5}, False),
        ({3: 5}, {4: 5}, False),  # over the end of an hour
        ({3: 1}, {8: 1}, False),  # five hours
        ({3: 1}, {9: 1}, True),
        ({17: 1}, {}, True),
        ({19: 1}, {}, False),  # not yet
        ({3: 50}, {4: 49}, True),  # one node of many
        ({}, {0: 3}, False),  # opened before the window
    ],
)
def test_an_operation_that_is_not_closed_rings(template, opened, closed, rings):
    alarm = Resolver(template).properties("AWS::CloudWatch::Alarm")["OpenedAndNotClosed"]
    [expression] = [one["Expression"] for one in alarm["Metrics"] if "Expression" in one]
    breaching = [sum_ > alarm["Threshold"] for sum_ in running_sums(opened, closed)]

    assert expression == "RUNNING_SUM(FILL(opened, 0) - FILL(closed, 0))"
    assert alarm["EvaluationPeriods"] == 24
    assert (sum(breaching) >= alarm["DatapointsToAlarm"]) is rings
