"""Makes the bytes of strangers (output, command lines) safe to show in a terminal and in JSON."""

from __future__ import annotations

_CONTROL = (*range(0x20), *range(0x7F, 0xA0))
_REORDER = (0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A))
_ESCAPED = {
    **{code: f"\\x{code:02x}" for code in _CONTROL if chr(code) not in "\n\t"},
    **{code: f"\\u{code:04x}" for code in _REORDER},
}


def printable(text: str) -> str:
    """Return `text` with control and reordering characters escaped; newline and tab stay."""
    return text.translate(_ESCAPED)


def printable_line(data: bytes, most: int) -> str:
    """Return `data` as one line of at most `most` characters."""
    line = printable(data.decode("utf-8", "backslashreplace"))
    line = line.replace("\n", "\\n").replace("\t", "\\t")
    return line if len(line) <= most else line[: most - 1] + "…"
