"""State that came with an image: the service leaves it alone, and status tells of it."""

from __future__ import annotations

import pytest
from support.fakeroot import FakeRoot, says
from support.recovering import eventually, service

BOARD = "sys/devices/virtual/dmi/id/board_asset_tag"
MINE, OTHER = "i-0aaaaaaaaaaaaaaaa", "i-0bbbbbbbbbbbbbbbb"


@pytest.fixture
def root(tmp_path):
    """A machine in the middle of an operation, of which an image was made: this boots from it."""
    found = FakeRoot(tmp_path)
    found.config('[recovery]\ngrace = "1ms"\n')
    found.hook("pre", "30-leave", says("leave"))
    found.undo("70-join", "30-leave", says("join"))
    found.write(BOARD, MINE)
    found.run("run", "pre", "--operation-id", "run-a")
    found.boot()
    yield found
    found.end()


def baked(root):
    root.write(BOARD, OTHER)
    return root.result()["operation"]["id"]


@pytest.mark.parametrize("is_looked_at", [True, False])
def test_status_tells_of_an_operation_of_another_machine_and_does_not_alarm(root, is_looked_at):
    name = baked(root)
    if is_looked_at:
        root.run("boot")  # takes its mark away
    code, out, _ = root.run("status")

    said = f"operation {name} came with the image of another machine and is left alone"
    assert (code, out.splitlines()) == (0, ["nothing is open", said])
    assert root.json("status")["ignored"] == [name]


def test_the_service_runs_no_hook_of_it(root):
    baked(root)
    with service(root):
        root.run("run", "pre", "--operation-id", "run-b")
        root.run("run", "post", "--operation-id", "run-b")
        root.run("run", "on-exit", "--operation-id", "run-b")

    assert root.ran() == ["leave", "leave", "join"]
    assert root.result()["operation"]["verdict"] == "passed"


def test_the_service_takes_its_mark_away_by_itself(root):
    baked(root)
    with service(root):
        eventually(lambda: not list((root.path / "var/lib/hookd/open").iterdir()))

    assert [note["code"] for note in root.result()["notes"]] == ["state.from-image"]
    assert root.ran() == ["leave"]


def test_on_the_same_instance_it_is_ended(root):
    with service(root):
        eventually(lambda: root.events("operation-closed"))
    assert root.ran() == ["leave", "join"]


def test_where_nobody_knows_whose_it_is_status_says_what_recovery_waits_for(root):
    (root.path / BOARD).unlink()
    root.write("etc/machine-id", "0123456789abcdef0123456789abcdef\n")
    [found] = root.json("status")["operations"]

    assert found["next"] == {
        "act": "nothing",
        "in_s": None,
        "reason": "it is not known whether it is of this machine",
        "waits_for": "",
    }
