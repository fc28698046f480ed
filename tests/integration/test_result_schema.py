"""The documents of real runs against docs/result.schema.json, and the schema against them."""

from __future__ import annotations

import copy
import json
import os
import pathlib
import subprocess
import sys

import jsonschema
import pytest

from hookd.core import model
from hookd.core.checks.table import CHECKS

CHECKOUT = pathlib.Path(__file__).resolve().parents[2]
SCHEMA = json.loads((CHECKOUT / "docs/result.schema.json").read_text(encoding="utf-8"))
VALIDATOR = jsonschema.Draft7Validator(SCHEMA)

TALKS = """#!/bin/sh
echo hello; echo careful >&2; echo answer=42 >> "$HOOKD_OUTPUT"
"""
FAILS = """#!/bin/sh
kill -9 $$
"""
UNDOES = """#!/bin/sh
# /// hookd
# undoes = "pre/10-talks"
# ///
exit 1
"""


class Node:
    """A root that pretends to be up, and the hookd of this checkout working on it."""

    def __init__(self, path):
        self.path = path
        self.write("var/log/yum.log", "")
        self.write("proc/sys/kernel/osrelease", "4.14.154-128.181.amzn2.x86_64\n")
        self.boots("6f1c2f0e-3f0c-4c9e-9c3b-1f8f6b1a7a11")

    def boots(self, boot_id):
        self.write("proc/sys/kernel/random/boot_id", boot_id + "\n")

    def hook(self, place, text):
        self.write(f"etc/hookd/hooks.d/{place}", text).chmod(0o755)

    def patches(self):
        self.write("var/log/yum.log", "Feb 05 01:53:16 Updated: sudo-1.8.23-4.amzn2.2.1.x86_64\n")

    def write(self, place, text):
        path = self.path / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        for made in (path, *path.parents):
            if self.path in (made, *made.parents):
                made.chmod(0o755 if made.is_dir() else 0o644)
        return path

    def hookd(self, *words):
        return subprocess.run(
            [sys.executable, "-m", "hookd", "--root", str(self.path), *words],
            cwd=str(CHECKOUT),
            env={"PATH": os.environ["PATH"]},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            timeout=60,
            check=False,
        )

    def run(self, *phases):
        codes = [self.hookd("run", phase).returncode for phase in phases]
        assert set(codes) <= {0, 1}, codes

    def stored(self):
        """Return the result document of the newest operation."""
        newest = max(self.path.glob("var/lib/hookd/operations/*/result.json"))
        return json.loads(newest.read_text())


def pre_only(node):
    node.hook("pre/10-talks", TALKS)
    node.run("pre")


def failed_pre(node):
    node.hook("pre/10-talks", TALKS)
    node.hook("pre/20-fails", FAILS)
    node.hook("pre/30-never-runs", TALKS)
    node.run("pre")


def held_pre(node):
    assert node.hookd("hold", "--for", "1h", "release of the week").returncode == 0
    node.run("pre")


def full_operation(node):
    node.hook("pre/10-talks", TALKS)
    node.hook("post/10-talks", TALKS)
    node.hook("on-exit/10-talks", TALKS)
    node.run("pre")
    node.patches()
    node.run("post")
    node.boots("6f1c2f0e-3f0c-4c9e-9c3b-1f8f6b1a7a12")
    node.run("on-exit")


def undo_outstanding(node):
    node.hook("pre/10-talks", TALKS)
    node.hook("on-exit/10-undoes", UNDOES)
    node.run("pre", "post", "on-exit")


def on_exit_only(node):
    node.run("on-exit")


KINDS = (pre_only, failed_pre, held_pre, full_operation, undo_outstanding, on_exit_only)


@pytest.fixture(scope="module")
def nodes(tmp_path_factory):
    """Return a node for every kind of run, by the name of its function above."""
    made = {}
    for kind in KINDS:
        path = tmp_path_factory.mktemp(kind.__name__)
        path.chmod(0o755)
        made[kind.__name__] = Node(path)
        kind(made[kind.__name__])
    return made


@pytest.fixture(scope="module")
def documents(nodes):
    return {name: node.stored() for name, node in nodes.items()}


def test_the_schema_is_a_schema():
    jsonschema.Draft7Validator.check_schema(SCHEMA)


@pytest.mark.parametrize(
    ("kind", "state", "path", "verdict"),
    [
        ("pre_only", "open", "unclear", "incomplete"),
        ("failed_pre", "open", "unclear", "failed"),
        ("held_pre", "open", "unclear", "failed"),
        ("full_operation", "closed", "patched-rebooted", "passed"),
        ("undo_outstanding", "open", "nothing-to-do", "failed"),
        ("on_exit_only", "closed", "unclear", "incomplete"),
    ],
)
def test_the_document_of_a_real_run_is_valid(documents, kind, state, path, verdict):
    found = documents[kind]
    operation = found["operation"]

    assert [error.message for error in VALIDATOR.iter_errors(found)] == []
    assert (operation["state"], operation["path"], operation["verdict"]) == (state, path, verdict)


@pytest.mark.parametrize("kind", [kind.__name__ for kind in KINDS])
def test_the_stored_document_is_what_show_tells(nodes, kind):
    shown = nodes[kind].hookd("show", "--json")

    assert json.loads(shown.stdout) == nodes[kind].stored()


def test_a_result_shows_the_hold_that_was_in_force(documents):
    assert documents["held_pre"]["operation"]["held"].startswith("release of the week (until 20")
    assert documents["pre_only"]["operation"]["held"] == ""


def _unnamed(value, schema, where=""):
    """Yield where `value` has a field that `schema` does not name."""
    while "$ref" in schema:
        schema = SCHEMA["definitions"][schema["$ref"].rpartition("/")[2]]
    if isinstance(value, dict) and "properties" in schema:
        for name, inner in value.items():
            if name in schema["properties"]:
                yield from _unnamed(inner, schema["properties"][name], f"{where}.{name}")
            else:
                yield f"{where}.{name}"
    elif isinstance(value, list):
        for inner in value:
            yield from _unnamed(inner, schema.get("items", {}), f"{where}[]")


def test_the_schema_names_every_field_that_is_written(documents):
    found = {name: list(_unnamed(document, SCHEMA)) for name, document in documents.items()}

    assert found == {name: [] for name in documents}


def test_the_search_finds_a_field_that_the_schema_does_not_name(documents):
    found = copy.deepcopy(documents["full_operation"])
    found["phases"][0]["hooks"][0]["stdout"]["colour"] = "blue"

    assert list(_unnamed(found, SCHEMA)) == [".phases[].hooks[].stdout.colour"]


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("schema", 2),
        ("operation/id", "7"),
        ("operation/path", "patched"),
        ("operation/verdict", "ok"),
        ("operation/caller", "nobody"),
        ("operation/started_at", "yesterday"),
        ("operation/number", "1"),
        ("hookd/config_sha256", "abc"),
        ("ssm/missing", "3"),
        ("phases/0/outcome", "refused"),
        ("phases/0/exit_code", "0"),
        ("phases/0/hooks/0/outcome", "pass"),
        ("phases/0/hooks/0/required", 1),
        ("phases/0/hooks/0/stdout/bytes", -1),
        ("phases/0/hooks/0/outputs", {"answer": 42}),
        ("phases/0/hooks/0/left_running", [{"pid": 7}]),
        ("changes/packages/0/action", "upgraded"),
        ("changes/packages/0/after", "1.8.23-4.amzn2.2.1"),
        ("changes/boot/rebooted", "yes"),
        ("checks/0/outcome", "passed"),
        ("checks/0/id", "Disk Low"),
        ("cost/wall_s", None),
    ],
)
def test_a_document_with_a_wrong_value_is_not_valid(documents, place, value):
    *way, name = [int(part) if part.isdigit() else part for part in place.split("/")]
    changed = copy.deepcopy(documents["full_operation"])
    inner = changed
    for part in way:
        inner = inner[part]
    assert name in inner or name < len(inner)
    inner[name] = value

    assert not VALIDATOR.is_valid(changed)


def _lacking(value, way=()):
    """Yield the place of every field of every object in `value`."""
    if isinstance(value, dict):
        for name, inner in value.items():
            if way[-1:] != ("outputs",):
                yield (*way, name)
                yield from _lacking(inner, (*way, name))
    elif isinstance(value, list):
        for number, inner in enumerate(value[:1]):
            yield from _lacking(inner, (*way, number))


def test_a_document_that_lacks_any_field_is_not_valid(documents):
    accepted = []
    for way in _lacking(documents["full_operation"]):
        changed = copy.deepcopy(documents["full_operation"])
        inner = changed
        for part in way[:-1]:
            inner = inner[part]
        del inner[way[-1]]
        if VALIDATOR.is_valid(changed):
            accepted.append(way)

    assert accepted == []


@pytest.mark.parametrize(
    ("of", "names"),
    [
        (["definitions", "phaseName"], model.Phase),
        (["definitions", "caller"], model.CallerKind),
        (["definitions", "path"], model.Path),
        (["definitions", "verdict"], model.Verdict),
        (["definitions", "phase", "properties", "outcome"], model.PhaseOutcome),
        (["definitions", "package", "properties", "action"], model.PackageAction),
        (["definitions", "check", "properties", "outcome"], model.Outcome),
        (["definitions", "check", "properties", "severity"], model.Severity),
        (["properties", "operation", "properties", "health"], model.Health),
    ],
)
def test_the_words_of_the_schema_are_those_of_the_program(of, names):
    part = SCHEMA
    for name in of:
        part = part[name]

    assert set(part["enum"]) == {one.value for one in names}


def test_a_hook_may_also_be_running():
    words = set(SCHEMA["definitions"]["hook"]["properties"]["outcome"]["enum"])

    assert words == {one.value for one in model.HookOutcome} | {"running"}


def test_every_check_id_has_the_form_that_the_schema_wants():
    pattern = SCHEMA["definitions"]["check"]["properties"]["id"]
    check = jsonschema.Draft7Validator(pattern)

    assert [name for name in CHECKS if not check.is_valid(name)] == []
