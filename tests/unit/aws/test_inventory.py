"""Custom inventory: what the agent would accept, and where it is left."""

from __future__ import annotations

import json
import os
import re

import pytest
from support.agenttree import NODE, AgentTree
from support.documents import HOSTILE, hooks, result
from support.journals import ID, at

from hookd.aws.inventory import FILE, content, leave
from hookd.core.model import Check, Outcome
from hookd.system.root import Root

CUSTOM = "var/lib/amazon/ssm/{}/inventory/custom"


def document(*bodies, instance_id="", **more):
    found, _, _ = result(*bodies, **more)
    return {**found, "host": {**found["host"], "instance_id": instance_id}}


def what_the_agent_takes(data):
    """Check the agent's rules (customGatherer.go), and return the object."""
    body = json.loads(data)
    assert set(body) == {"SchemaVersion", "TypeName", "Content"}
    assert re.fullmatch(r"[0-9]{1,6}\.[0-9]{1,6}", body["SchemaVersion"])
    assert re.fullmatch(r"Custom:[A-Z]\w*", body["TypeName"])
    assert len(body["TypeName"]) <= 100
    attributes = body["Content"]
    assert 0 < len(attributes) <= 50
    assert len({name.lower() for name in attributes}) == len(attributes)
    for name, value in attributes.items():
        assert 0 < len(name) <= 64
        assert isinstance(value, str)
        assert len(value.encode("utf-8", "surrogatepass")) <= 4096
    return attributes


def test_an_operation_is_one_object_of_text():
    failed = Check("disk.low", Outcome.FAIL, found="0 MiB", phase="pre")
    found = document(*hooks(2, "pre"), checks=[failed], run_id="run-42")

    assert what_the_agent_takes(content(found)) == {
        "Operation": ID,
        "Number": "1",
        "State": "open",
        "Path": "unclear",
        "Verdict": "failed",
        "Health": found["operation"]["health"],
        "Caller": "person",
        "RunId": "run-42",
        "StartedAt": at(1),
        "EndedAt": "",
        "RecoveredAt": "",
        "Held": "",
        "LastPhase": "pre",
        "FailedHooks": "pre/00-hook pre/01-hook",
        "FailedChecks": "disk.low",
        "OutstandingUndos": "",
        "PackagesChanged": "0",
        "Rebooted": "unknown",
        "KernelBefore": "",
        "KernelAfter": "",
        "KernelPromised": "",
        "HookdVersion": "0",
    }


def test_hostile_and_long_texts_are_within_the_limits():
    found = document(*hooks(900, "pre", name="{}-" + HOSTILE), run_id="漢" * 9000)

    attributes = what_the_agent_takes(content(found))
    assert attributes["RunId"] == "漢" * (4096 // 3)
    assert attributes["FailedHooks"].startswith("pre/0-10-")


def left(root):
    """Return the files of inventory below `root` by their path."""
    return sorted(str(p.relative_to(root)) for p in root.rglob("inventory/custom/*"))


def test_it_is_left_in_the_directory_of_this_node(tmp_path):
    AgentTree(tmp_path, "i-00000000000000001")
    AgentTree(tmp_path)

    assert leave(Root(str(tmp_path)), document(instance_id=NODE)) == ""

    assert left(tmp_path) == [CUSTOM.format(NODE) + "/" + FILE]
    path = tmp_path / CUSTOM.format(NODE) / FILE
    assert what_the_agent_takes(path.read_bytes())["Operation"] == ID
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700


def test_the_only_node_is_this_one_whatever_its_id(tmp_path):
    AgentTree(tmp_path, "mi-0123456789abcdef0")

    assert leave(Root(str(tmp_path)), document(instance_id=NODE)) == ""

    assert left(tmp_path) == [CUSTOM.format("mi-0123456789abcdef0") + "/" + FILE]


@pytest.mark.parametrize("nodes", [(), ("i-00000000000000001", "i-00000000000000002")])
def test_without_the_directory_of_this_node_nothing_is_made(tmp_path, nodes):
    for node in nodes:
        AgentTree(tmp_path, node)
    before = sorted(tmp_path.rglob("*"))

    assert leave(Root(str(tmp_path)), document(instance_id=NODE)) == ""

    assert sorted(tmp_path.rglob("*")) == before


def test_other_directories_of_the_agent_are_no_node(tmp_path):
    (tmp_path / "var/lib/amazon/ssm/localcommands").mkdir(parents=True)

    assert leave(Root(str(tmp_path)), document()) == ""

    assert left(tmp_path) == []


def custom_of(tmp_path, files):
    AgentTree(tmp_path)
    folder = tmp_path / CUSTOM.format(NODE)
    folder.mkdir(parents=True)
    for name in files:
        (folder / name).write_text("{}")
    return folder


def test_one_file_more_than_the_agent_takes_is_not_written(tmp_path):
    """With more than 20 the agent collects none, those of others neither."""
    folder = custom_of(tmp_path, [f"other-{n}.json" for n in range(20)])

    problem = leave(Root(str(tmp_path)), document(instance_id=NODE))

    assert problem == f"{folder}: 20 files are there, with one more the agent sends none"
    assert not (folder / FILE).exists()


def test_its_own_file_is_replaced_and_counts_not_twice(tmp_path):
    folder = custom_of(tmp_path, [FILE, *(f"other-{n}.json" for n in range(19)), "notes.txt"])

    assert leave(Root(str(tmp_path)), document(instance_id=NODE)) == ""

    assert what_the_agent_takes((folder / FILE).read_bytes())["Operation"] == ID
    assert [name for name in os.listdir(folder) if name.startswith("hookd")] == [FILE]


def test_a_place_that_cannot_be_written_is_a_reason(tmp_path):
    AgentTree(tmp_path)
    (tmp_path / CUSTOM.format(NODE)).parent.mkdir()
    (tmp_path / CUSTOM.format(NODE)).write_text("in the way")

    problem = leave(Root(str(tmp_path)), document(instance_id=NODE))

    assert problem == f"{tmp_path / CUSTOM.format(NODE)}: File exists"
