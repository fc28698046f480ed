"""Deploys the CloudFormation template to moto's server, as a program of its own.

moto and cfn-lint make a process ten times as large, and other tests fork theirs. `template` prints
the template as JSON. `deploy` reads the calls to make from stdin ({"alarms": [...], "queries":
[...], "associations": [...], "lines": [...]}) and prints what is then found, by what was asked.
"""

from __future__ import annotations

import json
import pathlib
import sys
import warnings

REPO = pathlib.Path(__file__).resolve().parents[2]
TEMPLATE = REPO / "packaging/aws/hookd.yaml"
REGION = "eu-west-1"
STREAM = "i-0123456789abcdef0"


def template():
    from cfnlint.decode import decode  # noqa: PLC0415 - see the module

    found, problems = decode(str(TEMPLATE))
    assert problems == []
    return found


def deploy(calls):
    from moto.server import ThreadedMotoServer  # noqa: PLC0415 - see the module

    # it says of every resource that it does not make that it does not
    warnings.filterwarnings("ignore", "Tried to parse", UserWarning)
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    try:
        return _found(_clients(f"http://{host}:{port}"), calls)
    finally:
        server.stop()


def _clients(url):
    import boto3  # noqa: PLC0415 - see the module

    def client(name):
        return boto3.client(
            name,
            endpoint_url=url,
            region_name=REGION,
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )

    return client


def _found(client, calls):
    outputs = _stack(client("cloudformation"))
    slots = ("PreInstall", "PostInstall", "OnExit")
    ssm, cloudwatch = client("ssm"), client("cloudwatch")
    names = [outputs[f"{slot}HookDocName"] for slot in slots]
    parameter = ssm.get_parameter(Name=outputs["AgentConfigurationName"])
    policy = client("iam").get_policy(PolicyArn=outputs["NodePolicyArn"])
    for alarm in calls["alarms"]:
        cloudwatch.put_metric_alarm(**alarm)
    _validate(client("logs"), "PutQueryDefinition", calls["queries"])
    _validate(ssm, "CreateAssociation", calls["associations"])
    return {
        "outputs": outputs,
        "documents": {name: ssm.get_document(Name=name)["Content"] for name in names},
        "by hand": _by_hand(ssm),
        "parameter": parameter["Parameter"]["Value"],
        "policy": policy["Policy"]["DefaultVersionId"],
        "dashboard": cloudwatch.get_dashboard(DashboardName="hookd")["DashboardBody"],
        "alarms": cloudwatch.describe_alarms()["MetricAlarms"],
        **_logs(client("logs"), outputs["LogGroup"], calls["lines"]),
    }


def _stack(cloudformation):
    body = TEMPLATE.read_text(encoding="utf-8")
    cloudformation.create_stack(
        StackName="hookd", TemplateBody=body, Capabilities=["CAPABILITY_IAM"]
    )
    [made] = cloudformation.describe_stacks(StackName="hookd")["Stacks"]
    assert made["StackStatus"] == "CREATE_COMPLETE"
    return {one["OutputKey"]: one["OutputValue"] for one in made["Outputs"]}


def _by_hand(ssm):
    """Create and update a document as the help of `hookd ssm-document` says."""
    text = (REPO / "packaging/ssm/hookd-pre.json").read_text(encoding="ascii")
    made = {"Name": "by-hand", "DocumentFormat": "JSON"}
    ssm.create_document(Content=text, DocumentType="Command", **made)
    changed = text.replace("3600", "7200")
    ssm.update_document(Content=changed, DocumentVersion="$LATEST", **made)
    return ssm.describe_document(Name="by-hand", DocumentVersion="2")["Document"]


def _logs(logs, group, lines):
    """Put the lines there as the agent does: the text, and the time of its `ts`."""
    events = [
        {"timestamp": json.loads(line)["_aws"]["Timestamp"], "message": line} for line in lines
    ]
    where = {"logGroupName": group, "logStreamName": STREAM}
    logs.create_log_stream(**where)
    logs.put_log_events(**where, logEvents=events)
    return {
        "groups": logs.describe_log_groups(logGroupNamePrefix="/hookd")["logGroups"],
        "lines": [event["message"] for event in logs.get_log_events(**where)["events"]],
    }


def _validate(client, operation, calls):
    """Hold the parameters of `calls` against the API's model; raises ParamValidationError."""
    from botocore.validate import validate_parameters  # noqa: PLC0415 - see the module

    shape = client.meta.service_model.operation_model(operation).input_shape
    for parameters in calls:
        validate_parameters(parameters, shape)


if __name__ == "__main__":
    answer = template() if sys.argv[1] == "template" else deploy(json.load(sys.stdin))
    print(json.dumps(answer, default=str))
