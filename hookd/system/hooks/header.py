"""The header of a hook: the comment below its metadata, which says what it does and needs."""

from __future__ import annotations

import os

from hookd.system.hooks.contents import HEAD_BYTES
from hookd.system.textfile import read_regular

_END_OF_METADATA = "# ///"


def read_header(path: str) -> str:
    """Return the text of the comment that follows the metadata block of `path`; "" without one.

    Raises OSError.
    """
    if os.path.getsize(path) > HEAD_BYTES:
        return ""
    lines = read_regular(path, HEAD_BYTES).decode("utf-8", "backslashreplace").splitlines()
    if _END_OF_METADATA not in lines:
        return ""
    found = []
    for line in lines[lines.index(_END_OF_METADATA) + 1 :]:
        if not line.startswith("#"):
            break
        found.append(line[2:])
    return "\n".join(found).strip("\n")
