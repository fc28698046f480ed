"""What older releases have left open (tests/data/releases) is read, and finished."""

from __future__ import annotations

import pathlib
import shutil

import pytest
from support.fakeroot import FakeRoot, hooks_of, says

RELEASES = pathlib.Path(__file__).parents[1] / "data/releases"


@pytest.mark.parametrize("release", sorted(path.name for path in RELEASES.iterdir()))
def test_an_operation_that_an_older_release_began_is_finished_after_a_reboot(tmp_path, release):
    """Each was left after post: two hooks of pre and one of post passed, one package updated."""
    root = FakeRoot(tmp_path)
    shutil.copytree(str(RELEASES / release), str(root.path / "var/lib/hookd"))
    (root.path / "var/lib/hookd/operations").chmod(0o711)
    [operation] = [path.name for path in (root.path / "var/lib/hookd/operations").iterdir()]
    root.write(f"var/lib/hookd/open/{operation}", "")
    root.log("Feb 05 01:53:11 Updated: openssl-libs-1:1.0.2k-19.amzn2.0.4.x86_64")
    root.hook("pre", "20-note", says("note"))
    root.hook("pre", "30-leave", says("leave", 'echo was=in >>"$HOOKD_OUTPUT"'))
    root.hook("post", "50-note", says("post"))
    root.undo("70-join", "30-leave", says("join"))
    root.boot()

    code, _, _ = root.run("run", "on-exit", "--operation-id", operation)

    result = root.result()
    assert (code, root.ran()) == (0, ["join"])
    told = result["operation"]
    assert (told["id"], told["state"], told["path"], told["verdict"]) == (
        operation,
        "closed",
        "patched-rebooted",
        "passed",
    )
    assert [(change["name"], change["action"]) for change in result["changes"]["packages"]] == [
        ("openssl-libs", "updated")
    ]
    assert hooks_of(result, "pre") == {"20-note": ("passed", ""), "30-leave": ("passed", "")}
    assert hooks_of(result, "post") == {"50-note": ("passed", "")}
