"""How RPM packages are named and which of two versions is the newer one."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Tuple

Key = Tuple[Tuple[Any, ...], ...]
"""Sorts as rpm does; `key(a) < key(b)` means that a is older."""

_TEXT = r"[^\s:-]+"
_NEVRA = re.compile(
    rf"(?:([0-9]{{1,10}}):)?([^\s:-][^\s:]*)-(?:([0-9]{{1,10}}):)?({_TEXT})-({_TEXT})"
    r"\.([A-Za-z][A-Za-z0-9_]*)"
)
_EPOCH = re.compile(r"([0-9]{0,10}):")
_SEGMENT = re.compile(r"[0-9]+|[A-Za-z]+|~|\^")

_TILDE, _END, _CARET, _LETTERS, _DIGITS = range(5)


@dataclass(frozen=True)
class Nevra:
    """A package of one version: `1:openssl-libs-1.0.2k-19.amzn2.x86_64` in its five parts."""

    name: str
    epoch: int
    version: str
    release: str
    arch: str

    @property
    def evr(self) -> str:
        """`[EPOCH:]VERSION-RELEASE`, without a zero epoch."""
        return join_evr(self.epoch, self.version, self.release)


def join_evr(epoch: int, version: str, release: str) -> str:
    text = f"{version}-{release}" if release else version
    return f"{epoch}:{text}" if epoch else text


def parse_nevra(text: str) -> Nevra | None:
    """Read `[E:]N-V-R.A` (yum) or `N-[E:]V-R.A` (dnf). A bare package name is None.

    The architecture follows the last dot, the release the last dash, the version the one before
    it. An architecture begins with a letter, so the bare name
    `kernel-livepatch-4.14.165-133.209` is not taken for version 4.14.165.
    """
    match = _NEVRA.fullmatch(text)
    if match is None or not text.isprintable():
        return None
    front, name, inner, version, release, arch = match.groups()
    if front and inner:
        return None
    return Nevra(name, int(front or inner or 0), version, release, arch)


def split_evr(evr: str) -> tuple[int, str, str]:
    """Return epoch, version and release of `[E:]V[-R]`; what is missing is 0 or empty."""
    match = _EPOCH.match(evr)
    epoch = int(match.group(1) or 0) if match else 0
    rest = evr[match.end() :] if match else evr
    version, dash, release = rest.rpartition("-")
    return (epoch, version, release) if dash else (epoch, rest, "")


def key(version: str, *, caret: bool = True) -> Key:
    """Return what one version or one release sorts by (rpm's lib/rpmvercmp.c).

    Runs of digits are newer than runs of letters, more segments are newer than fewer; `~` is
    older than the end of the text and `^` newer than it, but older than any other segment.
    Everything else only separates. `caret=False` makes `^` a separator, as in rpm before 4.15.
    """
    segments: list[tuple[Any, ...]] = []
    for segment in _SEGMENT.findall(version):
        if segment == "~":
            segments.append((_TILDE,))
        elif segment == "^":
            if caret:
                segments.append((_CARET,))
        elif segment.isdigit():
            digits = segment.lstrip("0")
            segments.append((_DIGITS, len(digits), digits))
        else:
            segments.append((_LETTERS, segment))
    return (*segments, (_END,))


def evr_key(evr: str) -> tuple[int, Key, Key]:
    """Return what `[E:]V-R` sorts by: `max(evrs, key=evr_key)` is the newest."""
    epoch, version, release = split_evr(evr)
    return epoch, key(version), key(release)


def rpmvercmp(a: str, b: str, *, caret: bool = True) -> int:
    """Return -1, 0 or 1 as version (or release) `a` is older than, equal to or newer than `b`."""
    left, right = key(a, caret=caret), key(b, caret=caret)
    return (left > right) - (left < right)


def compare_evr(a: str, b: str) -> int:
    """Return -1, 0 or 1 for two `[E:]V-R`. A missing epoch is 0, a missing release the oldest."""
    left, right = evr_key(a), evr_key(b)
    return (left > right) - (left < right)
