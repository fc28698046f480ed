"""Whom a hook runs as: hookd's own user and group so far, so any other is a reason to refuse it."""

from __future__ import annotations

import grp
import os
import pwd


def why_not_as(user: str, group: str) -> str:
    """Return why a hook cannot run as `user` and `group` (names, empty: hookd's own), or ""."""
    own = _user_name(os.geteuid()) if user else ""
    if user != own:
        return f"wants to run as user {user}; this hookd runs hooks only as {own}, its own"
    own = _group_name(os.getegid()) if group else ""
    if group != own:
        return f"wants to run as group {group}; this hookd runs hooks only as {own}, its own"
    return ""


def _user_name(number: int) -> str:
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)


def _group_name(number: int) -> str:
    try:
        return grp.getgrgid(number).gr_name
    except KeyError:
        return str(number)
