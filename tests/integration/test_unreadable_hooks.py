"""A directory of hooks that cannot be listed: nothing is started, until it can be."""

from __future__ import annotations

from support.fakeroot import FakeRoot, check_of, says


def test_what_cannot_be_listed_fails_its_attempt_and_not_the_next(tmp_path):
    root = FakeRoot(tmp_path)
    root.hook("on-exit", "10-x", says("x"))
    pre = root.write("etc/hookd/hooks.d/pre", "")

    first, _, _ = root.run("run", "pre")
    failed = check_of(root.result(), "hooks.readable")["outcome"]
    pre.unlink()
    root.hook("pre", "10-y", says("y"))
    second, _, _ = root.run("run", "pre")
    passed = check_of(root.result(), "hooks.readable")["outcome"]

    assert (first, failed, second, passed) == (1, "fail", 0, "pass")
    assert root.ran() == ["y"]
