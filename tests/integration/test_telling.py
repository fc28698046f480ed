"""What leaves the machine of a real run: lines with metrics, the inventory, no secrets."""

from __future__ import annotations

import collections
import json

import pytest
from support.agenttree import NODE, AgentTree
from support.emf import metrics
from support.fakeroot import FakeRoot, says

TALKS = """
echo "logging in with AKIA{0} {1}"
echo "Authorization: Bearer {1}" >&2
echo "DB_PASSWORD={1}" >> "$HOOKD_OUTPUT"
exit 1
""".format("IOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG" + "/bPxRfiCYEXAMPLEKEY")
SECRETS = ("IOSFODNN7EXAMPLE", "wJalrXUtnFEMI")


@pytest.fixture
def root(tmp_path):
    return FakeRoot(tmp_path)


def lines(root):
    text = (root.path / "var/log/hookd/results.jsonl").read_text()
    assert all(line.startswith('{"ts":"') for line in text.splitlines())
    return [json.loads(line) for line in text.splitlines()]


def total(root):
    """Sum the metrics of all lines, as CloudWatch does."""
    found = collections.Counter()
    for line in lines(root):
        for (dimensions, name), (value, unit) in metrics(line).items():
            if unit == "Count" and len(dimensions) == 1:
                found[f"{dimensions[0]} {name}"] += value
    return +found


def inventory(root):
    path = root.path / f"var/lib/amazon/ssm/{NODE}/inventory/custom/hookd-operation.json"
    return json.loads(path.read_text())["Content"] if path.exists() else None


def test_every_beginning_and_end_is_a_line_in_order(root):
    for phase in ("pre", "post", "on-exit"):
        root.run("run", phase, "--no-daemon")

    found = lines(root)
    assert [(line["event"], line.get("phase")) for line in found] == [
        ("operation-opened", None),
        ("phase-started", "pre"),
        ("phase-ended", "pre"),
        ("phase-started", "post"),
        ("phase-ended", "post"),
        ("phase-started", "on-exit"),
        ("phase-ended", "on-exit"),
        ("operation-closed", None),
    ]
    assert len({line["n"] for line in found}) == len(found)
    assert total(root) == {
        "Phase=operation Opened": 1,
        "Phase=operation Closed": 1,
        **{f"Phase={p} {n}": 1 for p in ("pre", "post", "on-exit") for n in ("Started", "Ended")},
    }


def test_the_start_of_a_phase_is_told_before_its_first_hook(root):
    root.hook("pre", "10-x", f'cp "{root.path}/var/log/hookd/results.jsonl" "{root.path}/seen"')

    root.run("run", "pre")

    seen = [json.loads(line)["event"] for line in (root.path / "seen").read_text().splitlines()]
    assert seen == ["operation-opened", "phase-started"]


def test_an_open_operation_is_opened_and_not_closed(root):
    root.run("run", "pre")

    assert total(root) == {
        "Phase=operation Opened": 1,
        "Phase=pre Started": 1,
        "Phase=pre Ended": 1,
    }


def test_an_undo_that_is_retried_after_the_end_closes_nothing_twice(root):
    root.config("[recovery]\nenabled = false\n")
    root.hook("pre", "10-leave", says("leave"))
    root.undo("20-join", "10-leave", says("join", f'test -e "{root.path}/healed"'))
    for phase in ("pre", "post", "on-exit"):
        root.run("run", phase)
    assert total(root)["Phase=operation Outstanding"] == 1

    root.write("healed", "")
    code, _, _ = root.run("recover")

    told = total(root)
    assert (code, root.ran()) == (0, ["leave", "join", "join"])
    assert (told["Phase=operation Opened"], told["Phase=operation Closed"]) == (1, 1)
    assert [line["event"] for line in lines(root)].count("operation-closed") == 2


def test_beginnings_that_nobody_told_are_told_by_the_next_phase(root):
    log = root.write("var/log/hookd", "a file in the way")
    root.run("run", "pre")
    log.unlink()

    root.run("run", "post")

    assert [(line["event"], line.get("phase")) for line in lines(root)] == [
        ("operation-opened", None),
        ("phase-started", "pre"),
        ("phase-started", "post"),
        ("phase-ended", "pre"),
        ("phase-ended", "post"),
    ]


def test_the_newest_operation_is_left_for_the_agent(root):
    AgentTree(root.path)

    root.run("run", "pre")
    first = inventory(root)
    root.run("run", "post")
    root.run("run", "on-exit")

    last = inventory(root)
    assert (first["State"], first["LastPhase"], first["Verdict"]) == ("open", "pre", "incomplete")
    assert (last["State"], last["LastPhase"]) == ("closed", "on-exit")
    assert last["Operation"] == root.result()["operation"]["id"]
    assert last["Verdict"] == root.result()["operation"]["verdict"]


def test_the_inventory_can_be_turned_off(root):
    AgentTree(root.path)
    root.config("[aws]\ninventory = false\n")

    root.run("run", "pre")

    assert inventory(root) is None


def test_an_inventory_that_cannot_be_left_is_a_note_and_no_more(root):
    AgentTree(root.path)
    root.write(f"var/lib/amazon/ssm/{NODE}/inventory", "in the way")

    code, _, _ = root.run("run", "pre")

    notes = [note["code"] for note in root.result()["notes"]]
    assert (code, notes) == (0, ["inventory.lost"])
    assert [line["event"] for line in lines(root)][-1] == "phase-ended"


def everything_that_leaves(root):
    """Run a pre whose hook says secrets; return all that others get to see of it, by its name."""
    AgentTree(root.path)
    root.hook("pre", "10-talks", TALKS)
    _, summary, err = root.run("run", "pre")
    _, whole, _ = root.run("run", "pre", "--json")
    _, live, progress = root.run("run", "pre", "-v")
    shown = {name: root.run("show", *words)[1] for name, words in SHOWN.items()}
    kept = root.path / f"var/lib/amazon/ssm/{NODE}/inventory/custom/hookd-operation.json"
    return {
        "summary": summary + err,
        "run --json": whole,
        "run -v": live + progress,
        "results.jsonl": (root.path / "var/log/hookd/results.jsonl").read_text(),
        "inventory": kept.read_text(),
        **shown,
    }


SHOWN = {"show": (), "show --json": ("--json",), "show --junit": ("--junit",)}


def that_stays(root):
    """Return what only root can read on the machine: the result and the output of the hook."""
    folder = next((root.path / "var/lib/hookd/operations").iterdir())
    files = [folder / "result.json", *folder.glob("hooks/pre-1/*")]
    assert [path.stat().st_mode & 0o077 for path in files] == [0] * 3
    return "".join(path.read_text() for path in files)


def test_no_secret_leaves_the_machine_and_none_is_lost_on_it(root):
    left = everything_that_leaves(root)

    assert {name: text for name, text in left.items() if any(s in text for s in SECRETS)} == {}
    assert "logging in with [masked]" in left["show --json"]
    assert all(secret in that_stays(root) for secret in SECRETS)


def test_masking_can_be_turned_off(root):
    root.config("[report]\nmask = false\n")

    left = everything_that_leaves(root)

    telling = [name for name, text in left.items() if "IOSFODNN7EXAMPLE" in text]
    assert telling == ["run --json", "run -v", "show --json", "show --junit"]
