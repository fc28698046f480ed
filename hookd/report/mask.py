"""A result without secrets, for whatever leaves the machine; the root-only files keep all."""

from __future__ import annotations

from typing import Any

from hookd.core.secret import MASK, mask, names_secret
from hookd.report.document import Document

_NO_TEXT = frozenset((bool, float, int, type(None)))


def masked(found: Document) -> Document:
    """Return the document with everything masked that a hook, a check or a person may have said.

    What the package sources tell stays: names and versions, thousands of them.
    """
    known: dict[str, str] = {}
    return {
        key: value if key == "changes" else _masked(value, known) for key, value in found.items()
    }


def masked_value(value: Any) -> Any:
    """Return any JSON value with all its texts masked, and whatever is named like a secret."""
    return _masked(value, {})


def _masked(value: Any, known: dict[str, str]) -> Any:
    """Return `value` masked by `known`, which spares most of it: hooks share nearly all texts."""
    if isinstance(value, str):
        if value not in known:
            known[value] = mask(value)
        return known[value]
    if isinstance(value, (list, tuple)):
        return [_masked(item, known) for item in value]
    if isinstance(value, dict):
        return {
            key: item
            if type(item) in _NO_TEXT  # most of it
            else MASK
            if item and isinstance(item, str) and names_secret(key)
            else _masked(item, known)
            for key, item in value.items()
        }
    return value
