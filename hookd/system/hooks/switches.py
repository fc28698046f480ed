"""Which hooks are enabled and disabled by command, in a file of conf.d that nobody else writes."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
from typing import Iterable, Iterator, Mapping

from hookd.system import durable
from hookd.system.config_files import DIRECTORY
from hookd.system.root import Root
from hookd.system.textfile import read_regular
from hookd.system.toml import parse_toml

FILE = f"{DIRECTORY}/90-hooks.toml"
_LARGEST = 1 << 20
_HEAD = """\
# Written by `hookd hooks --enable` and `--disable`, which keep nothing else that stands here.
# Settings belong into another file: /etc/hookd/hookd.toml, or a .toml beside this one.
"""


def switch(root: Root, hooks: Iterable[str], *, on: bool) -> str:
    """Say `enabled` of `hooks` (pre/10-x) and leave what is said of others; return the file.

    Raises OSError, and ValueError when the file is not what this has written.
    """
    path = root.join(FILE)
    durable.make_directory(os.path.dirname(path), mode=0o755)
    with _alone(os.path.dirname(path)):
        switches = {**_read(path), **dict.fromkeys(hooks, on)}
        durable.write_file(path, _text(switches).encode("utf-8"), mode=0o644)
    return path


@contextlib.contextmanager
def _alone(directory: str) -> Iterator[None]:
    fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        yield
    finally:
        os.close(fd)


def _read(path: str) -> dict[str, bool]:
    try:
        document = parse_toml(read_regular(path, _LARGEST))
    except FileNotFoundError:
        return {}
    hooks = document.pop("hooks", {})
    if document or not isinstance(hooks, dict):
        raise ValueError("holds more than this command has written")
    found: dict[str, bool] = {}
    for name, table in hooks.items():
        if not isinstance(table, dict) or set(table) - {"enabled"}:
            raise ValueError(f"says more of {name} than this command has written")
        on = table.get("enabled")
        if on is not True and on is not False:
            raise ValueError(f"says neither true nor false of {name}")
        found[name] = on
    return found


def _text(switches: Mapping[str, bool]) -> str:
    # a TOML key in quotes is a JSON string, as long as nothing is escaped beyond the first 65,536
    tables = [
        f"\n[hooks.{json.dumps(name, ensure_ascii=False)}]\nenabled = {str(on).lower()}\n"
        for name, on in sorted(switches.items())
    ]
    return _HEAD + "".join(tables)
