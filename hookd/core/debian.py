"""Which of two Debian versions is the newer one (Debian policy manual, 5.6.12)."""

from __future__ import annotations

import re
from typing import Tuple

Key = Tuple[Tuple[Tuple[int, ...], int, str], ...]

_PAIR = re.compile(r"([^0-9]*)([0-9]*)")
_EPOCH = re.compile(r"([0-9]{1,10}):")
_END = 0
_NOTHING = ((_END,), 0, "")


def split_debian(version: str) -> tuple[int, str, str]:
    """Return epoch, upstream version and revision of `[E:]UPSTREAM[-REVISION]`."""
    match = _EPOCH.match(version)
    rest = version[match.end() :] if match else version
    upstream, dash, revision = rest.rpartition("-")
    epoch = int(match.group(1)) if match else 0
    return (epoch, upstream, revision) if dash else (epoch, rest, "")


def debian_key(version: str) -> tuple[int, Key, Key]:
    """Return what a Debian version sorts by."""
    epoch, upstream, revision = split_debian(version)
    return epoch, _key(upstream), _key(revision)


def compare_debian(a: str, b: str) -> int:
    """Return -1, 0 or 1 as Debian version `a` is older than, equal to or newer than `b`."""
    left, right = debian_key(a), debian_key(b)
    return (left > right) - (left < right)


def _key(text: str) -> Key:
    """Split into pairs of a part without digits and a number; no number counts as zero."""
    pairs = []
    for other, digits in _PAIR.findall(text):
        number = digits.lstrip("0")
        pairs.append(((*map(_order, other), _END), len(number), number))
    while len(pairs) > 1 and pairs[-1] == _NOTHING:
        pairs.pop()
    return (*pairs, _NOTHING)


def _order(character: str) -> int:
    """`~` before the end, letters after it, all else after the letters."""
    if character == "~":
        return _END - 1
    return ord(character) + (0 if character.isalpha() else 0x110000)
