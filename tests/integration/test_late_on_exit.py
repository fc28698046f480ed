"""The run's own on-exit that comes after recovery had run it, and undos tried again at a boot."""

from __future__ import annotations

import pytest
from support.fakeroot import PACKAGE_LINE, FakeRoot, hooks_of, says
from support.recovering import eventually, service

RUN = "run-a"
JOIN = says("join", '[ ! -e "$HOOKD_ROOT/broken" ]')


@pytest.fixture
def root(tmp_path):
    """A patched machine whose on-exit never came; its undo fails while `broken` is there."""
    found = FakeRoot(tmp_path)
    found.config('[recovery]\ngrace = "1ms"\n')
    found.hook("pre", "30-leave", says("leave"))
    found.hook("on-exit", "10-look", says("look"))
    found.undo("70-join", "30-leave", JOIN)
    found.run("run", "pre", "--operation-id", RUN)
    found.log(PACKAGE_LINE)
    found.run("run", "post", "--operation-id", RUN)
    found.write("broken", "")
    yield found
    found.end()


def on_exit(root):
    """Let SSM's on-exit come; return its exit code and its first line."""
    code, out, _ = root.run("run", "on-exit", "--operation-id", RUN)
    return code, out.splitlines()[0]


def told(root):
    operation = root.result()["operation"]
    return operation["path"], operation["verdict"], operation["state"]


def afters(root):
    return [e["name"] for e in root.events("snapshot-taken")].count("after")


@pytest.mark.parametrize("closed", [False, True], ids=["open", "closed"])
def test_it_runs_the_outstanding_undo_and_nothing_that_had_ended(root, closed):
    if closed:
        root.config("[recovery]\nenabled = false\n")  # nobody will try again, so it closes
    root.run("recover")
    before = (*told(root), afters(root))
    recovered_at = root.result()["operation"]["recovered_at"]
    (root.path / "broken").unlink()
    code, first = on_exit(root)

    assert before == ("interrupted", "failed", "closed" if closed else "open", 1)
    assert root.ran() == ["leave", "look", "join", "join"]
    assert (code, told(root)) == (0, ("patched-no-reboot", "passed-with-warnings", "closed"))
    assert f", recovery had run it at {recovered_at}, " in first
    assert first.startswith("passed-with-warnings: on-exit of operation ")
    assert afters(root) == 2
    assert root.result()["operation"]["outstanding_undos"] == []


def test_it_fails_while_the_undo_does(root):
    root.run("recover")
    code, first = on_exit(root)

    assert (code, told(root)) == (1, ("patched-no-reboot", "failed", "open"))
    assert first.startswith("failed: on-exit of operation ")
    assert hooks_of(root.result(), "on-exit")["70-join"][0] == "failed"
    assert root.ran() == ["leave", "look", "join", "join"]


def test_what_changed_since_recovery_is_in_the_result(root):
    (root.path / "broken").unlink()
    root.run("recover")
    root.log("Feb 05 02:00:00 Updated: late-2-1.noarch")
    on_exit(root)

    names = [change["name"] for change in root.result()["changes"]["packages"]]
    assert names == ["openssl-libs", "late"]


def test_a_second_one_gets_the_record(root):
    root.run("recover")
    (root.path / "broken").unlink()
    first, second = on_exit(root), on_exit(root)

    assert first[0] == second[0] == 0
    assert root.ran() == ["leave", "look", "join", "join"]


def test_a_closed_operation_that_owes_is_tried_again_once_a_boot(root):
    root.config("[recovery]\nenabled = false\n")
    root.run("recover")
    root.config('[recovery]\ngrace = "1ms"\n')
    root.boot()
    with service(root):
        eventually(lambda: root.ran().count("join") == 2)
        eventually(lambda: root.json("status")["running"] is None)
        following = root.json("status")["operations"][0]["next"]
    root.boot()
    (root.path / "broken").unlink()
    with service(root):
        eventually(lambda: not list((root.path / "var/lib/hookd/open").iterdir()))

    assert (following["act"], following["in_s"]) == ("retry-undos", None)
    assert root.ran() == ["leave", "look", "join", "join", "join"]
    assert root.result()["operation"]["outstanding_undos"] == []
