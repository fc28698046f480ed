"""Which packages own the files that units use, by the lists of files of those packages."""

from __future__ import annotations

import os
import re
from typing import Callable, Collection, Mapping

# What is a link to /usr on every system but the oldest; rpm lists either side.
_MERGED = ("/bin/", "/sbin/", "/lib/", "/lib64/")
_DELETED = " (deleted)"  # proc(5), /proc/PID/maps
_LIBRARY = re.compile(r"(/.*/)([^/]+?)(?:-[0-9][0-9.]*)?\.so(?:\.[^/]*)?")


def owners(
    used: Collection[str],
    files: Mapping[str, Collection[str]],
    is_there: Callable[[str], bool],
) -> dict[str, str]:
    """Return the owner among `files` (paths by package) of each of `used` that has one.

    A library that is no longer there is found under another version: an update renames it, and
    what runs still maps the old name.
    """
    exact: dict[str, str] = {}
    libraries: dict[tuple[str, str], str] = {}
    for package in sorted(files):
        for path in files[package]:
            exact.setdefault(_merged(path), package)
            library = _library(path)
            if library:
                libraries.setdefault(library, package)
    found = {}
    for path in sorted(used):
        name = path[: -len(_DELETED)] if path.endswith(_DELETED) else path
        owner = exact.get(_merged(name)) or libraries.get(_library(name) or ("", ""), "")
        if owner and (_merged(name) in exact or not is_there(name)):
            found[path] = owner
    return found


def _merged(path: str) -> str:
    path = os.path.normpath(path)
    return "/usr" + path if path.startswith(_MERGED) else path


def _library(path: str) -> tuple[str, str] | None:
    match = _LIBRARY.fullmatch(_merged(path))
    return (match.group(1), match.group(2)) if match else None
