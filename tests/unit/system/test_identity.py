"""Whom hooks may ask to run as."""

from __future__ import annotations

import grp
import os
import pwd

import pytest

from hookd.config import Config
from hookd.core.model import HookState, Phase
from hookd.system.hooks.discovery import discover
from hookd.system.hooks.identity import why_not_as
from hookd.system.root import Root

USER = pwd.getpwuid(os.geteuid()).pw_name
GROUP = grp.getgrgid(os.getegid()).gr_name


@pytest.mark.parametrize(("user", "group"), [("", ""), (USER, ""), ("", GROUP), (USER, GROUP)])
def test_hookds_own_user_and_group_are_no_reason(user, group):
    assert why_not_as(user, group) == ""


@pytest.mark.parametrize(
    ("user", "group", "reason"),
    [
        ("app", "", f"wants to run as user app; this hookd runs hooks only as {USER}, its own"),
        (USER, "app", f"wants to run as group app; this hookd runs hooks only as {GROUP}, its own"),
    ],
)
def test_another_one_is_named_with_the_one_it_would_be(user, group, reason):
    assert why_not_as(user, group) == reason


def test_a_hook_for_another_user_is_refused_and_never_runs_as_ours(tmp_path):
    directory = tmp_path / "etc/hookd/hooks.d/post"
    directory.mkdir(parents=True)
    hook = directory / "20-warm-cache"
    hook.write_text('#!/bin/sh\n# /// hookd\n# user = "app"\n# ///\n')
    for path in (tmp_path, tmp_path / "etc", *(tmp_path / "etc").rglob("*")):
        path.chmod(0o755)

    (found,) = discover(Root(str(tmp_path)), Phase.POST, Config()).hooks

    assert (found.state, found.reason) == (
        HookState.REFUSED,
        f"wants to run as user app; this hookd runs hooks only as {USER}, its own",
    )
