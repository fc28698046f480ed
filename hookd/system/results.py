"""Where results go: result.json of the operation, a line in results.jsonl, the last known state."""

from __future__ import annotations

import contextlib
import json
import os
from typing import Any, Mapping

from hookd.core.codec import decode, to_json
from hookd.core.snapshot import SNAPSHOT_FORMAT, Snapshot
from hookd.system import durable
from hookd.system.root import Root
from hookd.system.state import State
from hookd.system.textfile import read_regular

RESULTS = "/var/log/hookd/results.jsonl"
LARGEST_BYTES = 64 << 20
_LAST_KNOWN = "last-known.json"
_HOLD = "hold.json"


def result_path(state: State, operation_id: str) -> str:
    return os.path.join(state.folder(operation_id), "result.json")


def write_result(state: State, operation_id: str, document: Mapping[str, Any]) -> str:
    """Store the result document; return why it could not be stored, or ""."""
    data = to_json(document).encode("ascii") + b"\n"
    try:
        durable.write_file(result_path(state, operation_id), data)
    except OSError as error:
        return f"result.json was not stored: {error.strerror}"
    return ""


def read_result(state: State, operation_id: str) -> Any:
    """Return the stored result document, None when there is none that can be read."""
    try:
        return json.loads(read_regular(result_path(state, operation_id), LARGEST_BYTES))
    except (OSError, ValueError, RecursionError):
        return None


def append_line(root: Root, line: bytes) -> str:
    """Append one line to results.jsonl by one write; return why not, or ""."""
    path = root.join(RESULTS)
    try:
        durable.make_directory(os.path.dirname(path), mode=0o755)
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o640)
        try:
            durable.write_all(fd, line)
            os.fdatasync(fd)
        finally:
            os.close(fd)
    except OSError as error:
        return f"{RESULTS}: {error.strerror}"
    return ""


def write_last_known(state: State, snapshot: Snapshot) -> None:
    """Remember `snapshot` as the last known state; losing it costs a baseline, no more."""
    data = to_json(snapshot).encode("ascii")
    with contextlib.suppress(OSError):
        durable.write_file(state.path(_LAST_KNOWN), data)


def read_last_known(state: State) -> Snapshot | None:
    try:
        data = read_regular(state.path(_LAST_KNOWN), LARGEST_BYTES)
        snapshot = decode(Snapshot, json.loads(data))
    except (OSError, ValueError, RecursionError):
        return None
    return snapshot if snapshot.format == SNAPSHOT_FORMAT else None
