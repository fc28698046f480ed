"""What pre took away is put back, whatever fails, dies, is masked or comes later."""

from __future__ import annotations

import os
import signal

import pytest
from support.fakeroot import PACKAGE_LINE, FakeRoot, check_of, hooks_of, metadata, says

LEAVE = says("leave", 'cp "$HOOKD_ROOT/node" "$HOOKD_SCRATCH/was"; echo out > "$HOOKD_ROOT/node"')
JOIN = says("join", 'test ! -e "$HOOKD_ROOT/broken" && cp "$HOOKD_SCRATCH/was" "$HOOKD_ROOT/node"')


@pytest.fixture
def root(tmp_path):
    """A machine whose pre takes its node out; on-exit puts it back unless `broken` is there."""
    found = FakeRoot(tmp_path)
    found.write("node", "in\n")
    found.hook("pre", "30-leave", LEAVE)
    found.undo("30-join", "30-leave", JOIN)
    yield found
    found.end()


def node(root):
    return (root.path / "node").read_text(encoding="utf-8").strip()


def patched(root, run_id="run-a", *, on_exit=True):
    """Play pre, a package, post and on-exit of one run; return the exit code of on-exit."""
    root.run("run", "pre", "--operation-id", run_id)
    root.log(PACKAGE_LINE.replace("openssl-libs", f"zlib-{run_id}"))
    root.run("run", "post", "--operation-id", run_id)
    return root.run("run", "on-exit", "--operation-id", run_id)[0] if on_exit else None


def owed(root):
    return [one["hook"] for one in root.result()["operation"]["outstanding_undos"]]


def test_an_undo_gets_the_scratch_of_its_pre_hook_and_restores_what_that_found(root):
    code = patched(root)

    assert (code, root.ran(), node(root), owed(root)) == (0, ["leave", "join"], "in", [])


def test_an_undo_that_fails_fails_the_operation_and_stays_outstanding(root):
    root.write("broken", "")

    code = patched(root)

    result = root.result()
    check = check_of(result, "undo.outstanding")
    assert (code, node(root), owed(root)) == (1, "out", ["30-join"])
    assert (result["operation"]["verdict"], result["operation"]["state"]) == ("failed", "open")
    assert (check["outcome"], check["found"]) == ("fail", "30-join (exit 1)")
    assert "hookd recover" in check["remedy"]


def test_recover_runs_an_outstanding_undo_again_and_keeps_the_path(root):
    root.write("broken", "")
    patched(root)
    (root.path / "broken").unlink()

    code = root.run("recover")[0]

    result = root.result()
    assert (code, root.ran(), node(root)) == (0, ["leave", "join", "join"], "in")
    assert result["operation"]["path"] == "patched-no-reboot"
    assert (result["operation"]["verdict"], result["operation"]["state"]) == ("passed", "closed")


def test_a_retry_that_fails_leaves_the_operation_open_for_the_next(root):
    root.write("broken", "")
    patched(root)

    code = root.run("recover")[0]

    assert (code, owed(root), root.result()["operation"]["state"]) == (1, ["30-join"], "open")
    assert "retry-undos in 2 min" in root.run("status")[1]


def test_without_recovery_the_operation_closes_as_failed_and_still_owes(root):
    root.config("[recovery]\nenabled = false\n")
    root.write("broken", "")

    code = patched(root)

    operation = root.result()["operation"]
    assert (code, operation["verdict"], operation["state"]) == (1, "failed", "closed")
    assert (owed(root), root.run("status")[0]) == (["30-join"], 1)


def test_pre_warns_of_what_an_older_operation_owes(root):
    root.config("[recovery]\nenabled = false\n")
    root.write("broken", "")
    patched(root)

    code = root.run("run", "pre", "--operation-id", "run-b")[0]

    check = check_of(root.result(), "undo.outstanding")
    assert (code, check["outcome"], check["severity"]) == (0, "warn", "warn")


def test_on_exit_unwinds_its_own_undo_first_and_then_the_older_ones(root):
    root.config("[recovery]\nenabled = false\n")
    root.write("broken", "")
    patched(root)
    old = root.result()["operation"]["id"]
    (root.path / "broken").unlink()

    code = patched(root, "run-b")

    # run-b found its node out and restores that; run-a's undo then restores `in`
    result = root.result()
    assert (code, node(root), root.ran()) == (0, "in", ["leave", "join", "leave", "join", "join"])
    assert result["inherited_undos"] == [
        {"operation": old, "outcome": "done", "hooks": ["30-join"], "left": []}
    ]
    assert root.result(old)["operation"]["outstanding_undos"] == []
    assert [one["operation"] for one in root.json("status")["operations"]] == []


def test_an_inherited_undo_runs_in_its_own_operation(root):
    root.config("[recovery]\nenabled = false\n")
    root.write("broken", "")
    patched(root)
    old = root.result()["operation"]["id"]
    (root.path / "broken").unlink()
    root.undo("30-join", "30-leave", 'echo "$HOOKD_OPERATION" >> "$HOOKD_ROOT/who"')

    patched(root, "run-b")

    new = root.result()["operation"]["id"]
    assert (root.path / "who").read_text(encoding="utf-8").split() == [new, old]
    (again,) = [event for event in root.events("hook-ended", old) if event["try"] == 2]
    assert (again["phase"], again["hook"], again["outcome"]) == ("on-exit", "30-join", "passed")


def test_an_inherited_undo_that_fails_again_is_named_and_stays_outstanding(root):
    root.config("[recovery]\nenabled = false\n")
    root.write("broken", "")
    patched(root)
    old = root.result()["operation"]["id"]

    patched(root, "run-b")

    assert root.result()["inherited_undos"] == [
        {"operation": old, "outcome": "outstanding", "hooks": ["30-join"], "left": ["30-join"]}
    ]


GONE = {
    "gone": lambda path: path.unlink(),
    "writable by others": lambda path: path.chmod(0o777),
    "not executable": lambda path: path.chmod(0o644),
    "empty": lambda path: path.write_text("", encoding="utf-8"),
}


@pytest.mark.parametrize("spoil", GONE.values(), ids=GONE)
def test_an_undo_that_cannot_be_trusted_today_runs_from_the_copy_of_pre(root, spoil):
    root.run("run", "pre")
    spoil(root.path / "etc/hookd/hooks.d/on-exit/30-join")
    root.run("run", "post")

    root.run("run", "on-exit")

    (event,) = root.events("hook-started")[-1:]
    assert (root.ran(), node(root)) == (["leave", "join"], "in")
    assert (event["hook"], event["from_copy"]) == ("30-join", True)
    assert "/undo/30-join" in event["path"]


def test_a_copy_that_was_changed_is_not_run(root):
    root.run("run", "pre")
    (root.path / "etc/hookd/hooks.d/on-exit/30-join").unlink()
    (copy,) = (root.path / "var/lib/hookd/operations").glob("*/undo/30-join")
    copy.write_text("#!/bin/sh\necho evil >> $HOOKD_ROOT/ran\n", encoding="utf-8")

    code = root.run("run", "on-exit")[0]

    assert (code, root.ran(), owed(root)) == (1, ["leave"], ["30-join"])
    assert hooks_of(root.result(), "on-exit") == {"30-join": ("refused", "pre's copy was changed")}


def test_a_masked_undo_is_not_run_and_stays_outstanding(root):
    root.run("run", "pre")
    path = root.path / "etc/hookd/hooks.d/on-exit/30-join"
    path.unlink()
    os.symlink("/dev/null", path)

    code = root.run("run", "on-exit")[0]

    assert (code, root.ran(), owed(root)) == (1, ["leave"], ["30-join"])
    assert hooks_of(root.result(), "on-exit")["30-join"][0] == "outstanding"


def test_an_undo_that_was_killed_with_its_engine_runs_again_as_try_2(root):
    root.undo("30-join", "30-leave", says("join", 'test -e "$HOOKD_ROOT/once" || sleep 30'))
    root.run("run", "pre")
    process = root.start("run", "on-exit")
    while root.ran() != ["leave", "join"]:
        root.wait_for("ran")
    root.write("once", "")

    process.send_signal(signal.SIGKILL)
    process.wait(10)
    root.run("run", "on-exit")

    found = [(event["hook"], event["try"]) for event in root.events("hook-started")]
    assert found == [("30-leave", 1), ("30-join", 1), ("30-join", 2)]
    assert [event["hook"] for event in root.events("hook-cut-off")] == ["30-join"]
    assert owed(root) == []


def test_pre_that_died_in_its_hook_owes_the_undo(root):
    root.hook("pre", "30-leave", LEAVE + "\nsleep 30")
    process = root.start("run", "pre")
    while node(root) == "in":
        root.wait_for("node")
    process.send_signal(signal.SIGKILL)
    process.wait(10)

    code = root.run("run", "pre", "--operation-id", root.result()["operation"]["id"])[0]
    root.run("run", "on-exit")

    assert (code, root.ran(), node(root), owed(root)) == (1, ["leave", "join"], "in", [])
    assert root.result()["operation"]["path"] == "pre-failed"


def test_an_undo_that_waits_for_another_path_is_outstanding_until_that_path_comes(root):
    root.undo("30-join", "30-leave", JOIN, 'when = ["patched-rebooted"]')
    patched(root)
    waiting = (root.ran(), owed(root), hooks_of(root.result(), "on-exit")["30-join"])
    root.boot()

    code = root.run("recover")[0]

    reason = "runs on patched-rebooted; the path is patched-no-reboot"
    assert waiting == (["leave"], ["30-join"], ("outstanding", reason))
    assert (code, root.ran(), node(root)) == (0, ["leave", "join"], "in")
    assert root.result()["operation"]["path"] == "patched-rebooted"


def test_an_undo_of_a_hook_that_does_not_apply_is_not_owed(root):
    root.hook("pre", "30-leave", says("leave", "echo no target group; exit 77"))

    code = patched(root)

    assert (code, root.ran(), owed(root)) == (0, ["leave"], [])
    assert hooks_of(root.result(), "pre") == {"30-leave": ("skipped", "no target group")}
    assert hooks_of(root.result(), "on-exit") == {
        "30-join": ("skipped", "pre/30-leave took nothing away")
    }


def test_an_undo_that_ends_77_is_done(root):
    root.undo("30-join", "30-leave", "exit 77")

    assert (patched(root), owed(root)) == (0, [])


def test_an_undo_that_says_75_is_tried_again(root):
    root.undo(
        "30-join",
        "30-leave",
        'echo try >> "$HOOKD_ROOT/ran"; test $(grep -c try "$HOOKD_ROOT/ran") = 3 || exit 75',
        'retries = 2\nretry_delay = "0.1s"',
    )

    code = patched(root)

    assert (code, root.ran(), owed(root)) == (0, ["leave", "try", "try", "try"], [])
    assert [event["try"] for event in root.events("hook-started")] == [1, 1, 2, 3]


def test_a_node_that_is_not_healthy_does_not_join(root):
    root.undo("30-join", "30-leave", JOIN, "only_if_healthy = true")
    root.run("run", "pre")
    root.log("Feb 05 01:52:53 Installed: kernel-4.14.214-160.339.amzn2.x86_64")
    root.run("run", "post")
    root.boot()  # the old kernel came up

    code = root.run("run", "on-exit")[0]

    assert (code, root.ran(), owed(root)) == (1, ["leave"], ["30-join"])
    assert hooks_of(root.result(), "on-exit") == {
        "30-join": ("outstanding", "waits until the machine is healthy; health is failed")
    }


def test_an_undo_that_came_after_pre_is_kept_as_soon_as_it_is_owed(root):
    (root.path / "etc/hookd/hooks.d/on-exit/30-join").unlink()
    root.run("run", "pre")
    root.undo("30-join", "30-leave", JOIN)
    root.write("broken", "")
    failed = root.run("run", "on-exit")[0]
    (root.path / "broken").unlink()
    (root.path / "etc/hookd/hooks.d/on-exit/30-join").unlink()

    root.run("recover")

    assert (failed, root.ran(), node(root)) == (1, ["leave", "join", "join"], "in")


def test_a_wanted_undo_that_fails_is_outstanding_all_the_same(root):
    script = metadata('undoes = "pre/30-leave"', "required = false") + "exit 1"
    root.hook("on-exit", "30-join", script)

    assert (patched(root), owed(root)) == (1, ["30-join"])
