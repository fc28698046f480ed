"""`hookd boot`: the first look of a boot, once, and what a reboot that was awaited brought."""

from __future__ import annotations

import json

import pytest
from support.agenttree import COMMAND, AgentTree
from support.fakeroot import KERNEL_LINE, NEW_KERNEL, OLD_KERNEL, PACKAGE_LINE, FakeRoot, check_of


@pytest.fixture
def root(tmp_path):
    return FakeRoot(tmp_path)


def boot_id(number):
    return f"{number:08d}-2222-3333-4444-555555555555"


def marks(root):
    return sorted(path.name for path in (root.path / "var/lib/hookd/open").iterdir())


def lines(root, event):
    path = root.path / "var/log/hookd/results.jsonl"
    found = [json.loads(line) for line in path.read_text().splitlines()]
    return [line for line in found if line["event"] == event]


def patched_without_reboot(root):
    """Play a whole operation that ends with its reboot still to come."""
    root.run("run", "pre")
    root.log(PACKAGE_LINE)
    root.log(KERNEL_LINE)
    root.run("run", "post")
    root.run("run", "on-exit")


def test_an_open_operation_is_looked_at_once_a_boot(root):
    root.run("run", "pre")
    same_boot = root.run("boot")
    root.boot(NEW_KERNEL)
    first, again = root.run("boot"), root.run("boot")
    root.boot(NEW_KERNEL)
    second = root.run("boot")

    [operation_id] = marks(root)
    assert [same_boot, first, again, second] == [
        (0, f"operation {operation_id}: seen before in this boot\n", ""),
        (0, f"operation {operation_id}: booted-1 is taken\n", ""),
        (0, f"operation {operation_id}: seen before in this boot\n", ""),
        (0, f"operation {operation_id}: booted-2 is taken\n", ""),
    ]
    taken = [event["name"] for event in root.events("snapshot-taken")]
    assert taken == ["before", "ready", "booted-1", "booted-2"]


def test_the_first_look_of_a_boot_is_judged_by_on_exit(root):
    root.run("run", "pre")
    root.log(KERNEL_LINE)
    root.run("run", "post")
    root.boot(NEW_KERNEL)
    root.run("boot")
    code, _, _ = root.run("run", "on-exit")

    result = root.result()
    assert (code, result["operation"]["path"]) == (0, "patched-rebooted")
    assert result["changes"]["boot"]["boots"] == 1
    assert [change["between"] for change in result["changes"]["packages"]] == ["ready..installed"]


def test_no_line_of_a_log_is_lost_by_the_first_look_of_a_boot(root):
    root.run("run", "pre")
    root.run("run", "post")
    root.log(KERNEL_LINE)  # the second Install pass
    root.boot(NEW_KERNEL)
    root.run("boot")
    root.run("run", "on-exit")

    changes = root.result()["changes"]["packages"]
    assert [(one["name"], one["seen_in"]) for one in changes] == [("kernel", ["yum.log"])]


def test_nothing_is_open_so_nothing_is_said(root):
    assert root.run("boot") == (0, "", "")


def test_without_a_boot_id_nothing_is_taken_for_a_boot(root):
    root.run("run", "pre")
    (root.path / "proc/sys/kernel/random/boot_id").unlink()

    [operation_id] = marks(root)
    why = "not looked at: /proc/sys/kernel/random/boot_id does not exist"
    assert root.run("boot") == (0, f"operation {operation_id}: {why}\n", "")


def test_a_journal_of_garbage_fails_no_boot(root):
    root.run("run", "pre")
    [operation_id] = marks(root)
    journal = root.path / f"var/lib/hookd/operations/{operation_id}/journal.jsonl"
    journal.write_bytes(b"\0" * 4096)
    root.boot()

    assert root.run("boot")[0] == 0


def test_the_run_count_is_noted_with_the_look(root):
    tree = AgentTree(root.path)
    tree.submit(COMMAND)
    tree.start(COMMAND)
    root.run("run", "pre", "--operation-id", COMMAND)
    tree.go_down()
    root.boot()
    root.run("boot")

    [noted] = [event for event in root.events("observed") if event["subject"] == "booted"]
    assert noted["value"] == {
        "look": "booted-1",
        "boot_id": boot_id(2),
        "run_count": 0,
        "clean": None,
    }


def test_a_pending_reboot_is_watched_until_it_has_come(root):
    patched_without_reboot(root)
    watched, before = marks(root), root.result()["operation"]
    waits = check_of(root.result(), "reboot.needed")
    code, out, _ = root.run("status")
    root.boot(NEW_KERNEL)
    done = root.run("boot")

    assert (before["state"], before["path"]) == ("closed", "patched-reboot-pending")
    assert (before["verdict"], waits["found"]) == (
        "passed-with-warnings",
        "kernel 4.14.214-160.339.amzn2",
    )
    assert (code, out.splitlines()[1]) == (
        0,
        "  next: wait (a reboot is pending; the next boot is judged)",
    )
    [operation_id] = watched
    told = f"operation {operation_id}: after the reboot: passed, patched-rebooted\n"
    assert done == (0, told, "")
    assert marks(root) == []


def test_the_outcome_is_appended_to_the_result_and_to_the_lines(root):
    patched_without_reboot(root)
    root.boot(NEW_KERNEL)
    root.run("boot")

    result = root.result()
    [told] = result["operation"]["follow_ups"]
    assert {**told, "at": "then"} == {
        "at": "then",
        "look": "booted-1",
        "path": "patched-rebooted",
        "verdict": "passed",
        "checks": [
            {"id": "kernel.running-is-promised", "outcome": "pass", "found": NEW_KERNEL},
            {"id": "boot.clean", "outcome": "skip", "found": ""},
            {"id": "boot.rebooted-as-expected", "outcome": "pass", "found": "it rebooted"},
            {"id": "reboot.needed", "outcome": "pass", "found": "none"},
        ],
    }
    [line] = lines(root, "follow-up")
    assert {**told, "ts": told["at"]}.items() <= line.items()
    assert line["operation"] == result["operation"]["id"]
    [observed] = [e for e in root.events("observed") if e["subject"] == "follow_ups"]
    assert line["n"] == observed["n"]


def test_a_reboot_into_the_old_kernel_fails_the_operation_afterwards(root):
    patched_without_reboot(root)
    root.boot(OLD_KERNEL)
    _, out, _ = root.run("boot")

    result = root.result()
    assert out.endswith(": after the reboot: failed, patched-rebooted\n")
    assert result["operation"]["verdict"] == "failed"
    assert check_of(result, "kernel.running-is-promised")["outcome"] == "fail"


def test_a_crash_between_the_look_and_its_judgement_repeats_only_the_telling(root):
    patched_without_reboot(root)
    [operation_id] = marks(root)
    root.boot(NEW_KERNEL)
    root.run("boot")
    journal = root.path / f"var/lib/hookd/operations/{operation_id}/journal.jsonl"
    kept = journal.read_bytes().splitlines(keepends=True)
    at = next(i for i, line in enumerate(kept) if b'"follow_ups"' in line)
    journal.write_bytes(b"".join(kept[: at - 1]))  # the check before it was written with it
    (root.path / "var/lib/hookd/open" / operation_id).touch()
    root.run("boot")

    assert [event["name"] for event in root.events("snapshot-taken")][-1] == "booted-1"
    assert len(lines(root, "follow-up")) == 2
    assert len(root.result()["operation"]["follow_ups"]) == 1
    assert marks(root) == []


def test_a_mark_that_nothing_is_left_of_is_removed(root):
    root.run("run", "pre")
    root.run("run", "post")
    root.run("run", "on-exit")
    operation_id = root.result()["operation"]["id"]
    (root.path / "var/lib/hookd/open" / operation_id).touch()
    root.boot()
    root.run("boot")

    assert marks(root) == []
