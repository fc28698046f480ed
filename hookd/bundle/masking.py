"""Contents without what looks like a secret, line by line: a bundle leaves the machine.

`[report] mask` does not count here. Who needs what was masked finds it on the machine.
"""

from __future__ import annotations

import json
from typing import IO, Any, Iterator

from hookd.config.secret import is_secret
from hookd.core.secret import MASK, mask
from hookd.report.mask import masked_value

LONGEST_LINE = 4 << 20
_BLOCK = 1 << 20


def document(value: Any) -> bytes:
    """Return JSON value `value` masked, as text."""
    return json.dumps(masked(value), indent=1).encode("ascii") + b"\n"


def masked(value: Any) -> Any:
    """Return a JSON value with keys, settings and texts masked."""
    return masked_value(_without_secrets(value))


def json_lines(file: IO[bytes], most: int) -> Iterator[bytes]:
    """Yield the lines of up to `most` bytes of `file`; one that is no JSON is masked as text."""
    for line in _lines(file, most):
        yield _json_line(line)


def text(file: IO[bytes], most: int) -> Iterator[bytes]:
    """Yield up to `most` bytes of `file` in blocks of lines: a private key has many lines.

    One that lies in two blocks is masked in both, by its beginning and by its end.
    """
    block, size = [], 0
    for line in _lines(file, most):
        block.append(line)
        size += len(line)
        if size > _BLOCK:
            yield _text(b"".join(block))
            block, size = [], 0
    if block:
        yield _text(b"".join(block))


def _lines(file: IO[bytes], most: int) -> Iterator[bytes]:
    """Yield lines with their ends. One that is too long to be masked is left out, and says so."""
    left = most
    while left > 0:
        line = file.readline(min(left, LONGEST_LINE + 1))
        left -= len(line)
        if not line:
            return
        if len(line) <= LONGEST_LINE:
            yield line
            continue
        size, end = len(line), line[-1:]
        while left > 0 and end not in (b"\n", b""):
            rest = file.readline(min(left, _BLOCK))
            size, left, end = size + len(rest), left - len(rest), rest[-1:]
        yield b"[a line of %d bytes was left out]\n" % size


def _json_line(line: bytes) -> bytes:
    """A line without secrets stays as it is, byte for byte: snapshots have digests."""
    try:
        plain = line.decode("utf-8")
        value = json.loads(plain)
        found = masked(value)
        if found == value and mask(plain) == plain:  # of a key that stands twice one is not seen
            return line
    except (ValueError, RecursionError):
        return _text(line)
    return json.dumps(found, separators=(",", ":")).encode("ascii") + b"\n"


def _text(block: bytes) -> bytes:
    return mask(block.decode("utf-8", "backslashreplace")).encode("utf-8", "backslashreplace")


def _without_secrets(value: Any, *, is_settings: bool = False) -> Any:
    """Mask keys (an expected address is one) and settings by their names."""
    if isinstance(value, list):
        return [_without_secrets(item) for item in value]
    if not isinstance(value, dict):
        return value
    found: dict[str, Any] = {}
    for key, item in value.items():
        is_one = is_settings and isinstance(item, str) and is_secret(key, item)
        inner = MASK if is_one else _without_secrets(item, is_settings=key == "settings")
        found[_free(mask(key), found)] = inner
    return found


def _free(key: str, taken: dict[str, Any]) -> str:
    """Return `key`, numbered where two keys are alike once they are masked."""
    number, name = 1, key
    while name in taken:
        number += 1
        name = f"{key}#{number}"
    return name
