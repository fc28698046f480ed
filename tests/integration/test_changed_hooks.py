"""A hook that another one changes while it runs is taken as it is at its turn."""

from __future__ import annotations

import hashlib

import pytest
from support.node import Node

NEXT = "$HOOKD_ROOT/etc/hookd/hooks.d/pre/20-next"


@pytest.fixture
def node(tmp_path):
    return Node(tmp_path)


def test_a_hook_that_was_rewritten_runs_as_it_is_then(node):
    node.hook(
        "pre/10-first", f"""printf '#!/bin/sh\\necho new >> "$HOOKD_ROOT/ran"\\n' > "{NEXT}\""""
    )
    path = node.hook("pre/20-next", 'echo old >> "$HOOKD_ROOT/ran"')
    assert node.run("run", "pre")[0] == 0
    assert (node.path / "ran").read_text() == "new\n"
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    assert node.hooks_of("pre")["20-next"]["sha256"] == digest


def test_a_hook_that_is_no_longer_trusted_is_refused(node):
    node.hook("pre/10-first", f'chmod 0777 "{NEXT}"')
    node.hook("pre/20-next", 'echo ran >> "$HOOKD_ROOT/ran"')
    assert node.run("run", "pre")[0] == 1
    assert node.hooks_of("pre")["20-next"]["outcome"] == "refused"
    assert not (node.path / "ran").exists()
