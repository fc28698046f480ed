"""Recognizes settings that look like secrets, so that `check` can say who may read them."""

from __future__ import annotations

import re
from typing import Any, Iterator, Mapping

from hookd.core.secret import mask

_KEY = re.compile(r"SECRET|PASSW(OR)?D|PASSPHRASE|TOKEN|CREDENTIAL|(API|PRIVATE|ACCESS)_?KEY")
_REFERENCE = re.compile(r"_(ARN|ID|NAME|FILE|PATH|URL|HOST|TTL|TIMEOUT)\Z")


def secret_settings(document: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    """Yield the key path of each setting of `document` whose name or value looks like a secret.

    A name that refers to a secret kept elsewhere (`DB_SECRET_ARN`) is none. An address or a command
    that is expected to answer may hold one, too.
    """
    expect = document.get("expect")
    for kind in ("http", "command"):
        names = expect.get(kind) if isinstance(expect, dict) else None
        for name in names if isinstance(names, dict) else ():
            if mask(name) != name:
                yield ("expect", kind, mask(name))
    hooks = document.get("hooks")
    for hook, table in hooks.items() if isinstance(hooks, dict) else ():
        settings = table.get("settings") if isinstance(table, dict) else None
        for key, value in settings.items() if isinstance(settings, dict) else ():
            if isinstance(value, str) and is_secret(key, value):
                yield ("hooks", hook, "settings", key)


def is_secret(key: str, value: str) -> bool:
    """Whether setting `key` looks like a secret, by its name or by its value."""
    named = _KEY.search(key.upper()) and not _REFERENCE.search(key.upper())
    return bool(value and (named or mask(value) != value))
