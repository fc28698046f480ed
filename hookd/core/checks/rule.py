"""What the table says of one check."""

from __future__ import annotations

from dataclasses import dataclass

from hookd.core.model import Severity


@dataclass(frozen=True)
class Rule:
    """`remedy` may hold `{fields}` that the judging function fills."""

    title: str
    severity: Severity
    remedy: str
