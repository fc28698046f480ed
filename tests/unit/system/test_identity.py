"""Whom hooks may ask to run as, and which files that user may execute."""

from __future__ import annotations

import grp
import os
import pathlib
import pwd
import shutil
import tempfile

import pytest

from hookd.core.model import HookSpec
from hookd.system.hooks.identity import Identity, NoIdentityError, identity_of

USER = pwd.getpwuid(os.geteuid()).pw_name
GROUP = grp.getgrgid(os.getegid()).gr_name
HOME = pwd.getpwuid(os.geteuid()).pw_dir
APP = Identity(61001, 61001, (61001, 61002), "/srv/app", is_self=False)


@pytest.mark.parametrize(("user", "group"), [("", ""), (USER, ""), ("", GROUP), (USER, GROUP)])
def test_our_own_user_and_group_need_no_change(user, group):
    found = identity_of(HookSpec(user=user, group=group))
    assert (found.uid, found.gid, found.home) == (os.geteuid(), os.getegid(), HOME)
    assert found.command("/etc/hook") == ("/etc/hook",)


@pytest.mark.parametrize(
    ("spec", "reason"),
    [
        (HookSpec(user="no-such-user"), "there is no user no-such-user"),
        (HookSpec(group="no-such-group"), "there is no group no-such-group"),
        (HookSpec(user=USER, group="no-such-group"), "there is no group no-such-group"),
        (HookSpec(user="0"), "there is no user 0"),
    ],
)
def test_who_does_not_exist_is_named(spec, reason):
    with pytest.raises(NoIdentityError) as error:
        identity_of(spec)
    assert str(error.value) == reason


@pytest.mark.skipif(not shutil.which("setpriv"), reason="util-linux is not installed")
def test_the_command_names_every_group_and_stops_options_before_the_hook():
    program, *rest = APP.command("--hook")
    ids = ["--reuid", "61001", "--regid", "61001", "--groups", "61001,61002"]
    assert (os.path.basename(program), rest) == ("setpriv", [*ids, "--", "--hook"])


@pytest.fixture(name="hook")
def _hook():
    """Return a hook below directories that everybody may enter, which tmp_path is not."""
    with tempfile.TemporaryDirectory(prefix="hookd-test-") as directory:
        path = pathlib.Path(directory, "etc", "10-x")
        path.parent.mkdir()
        for made in (path.parent, path.parent.parent):
            made.chmod(0o755)
        path.write_text("")
        yield path


@pytest.mark.parametrize(
    ("mode", "is_script", "may"),
    [
        (0o755, True, True),
        (0o711, True, False),
        (0o711, False, True),
        (0o744, False, False),
        (0o750, True, False),
        (0o700, True, False),
    ],
)
def test_a_script_must_be_readable_a_program_need_not(hook, mode, is_script, may):
    hook.chmod(mode)
    reason = "" if may else f"uid 61001 cannot execute it: chmod o+rx {hook}"
    assert APP.why_not_executable(str(hook), is_script=is_script) == reason


def test_a_directory_above_that_is_closed_is_named(hook):
    hook.chmod(0o755)
    hook.parent.chmod(0o700)
    reason = f"uid 61001 cannot enter {hook.parent}: chmod o+x {hook.parent}"
    assert APP.why_not_executable(str(hook), is_script=True) == reason


def test_its_groups_open_a_file_to_a_user(hook):
    hook.chmod(0o750)
    group = Identity(61001, 61001, (61001, hook.stat().st_gid), "/", is_self=False)
    assert group.why_not_executable(str(hook), is_script=True) == ""


def test_the_bits_of_the_owner_count_for_the_owner(hook):
    hook.chmod(0o077)
    owner = Identity(hook.stat().st_uid or 61001, 61001, (61001,), "/", is_self=False)
    if hook.stat().st_uid == 0:
        os.chown(str(hook), owner.uid, -1)
    assert owner.why_not_executable(str(hook), is_script=True) != ""


def test_root_may_execute_what_anybody_may(hook):
    hook.chmod(0o700)
    root = Identity(0, 61001, (61001,), "/root", is_self=False)
    assert root.why_not_executable(str(hook), is_script=True) == ""
