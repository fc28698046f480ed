"""Result documents of made-up operations, for what is printed and written of them."""

from __future__ import annotations

from hookd.core.journal import Checked, HookPassedOver
from hookd.core.judge import judge_recorded
from hookd.core.model import HookOutcome, Phase, Stream
from hookd.report.document import document
from support.journals import ended, folded, opened, ran, started

HOSTILE = "10-\x1b[31m\n\r\x00\u202e\udce9漢 \U0001f600"
"""Escape sequences, line ends, an undecodable byte, a change of direction, wide characters."""


def hooks(count, phase, *, name="{:02d}-hook", outcome="failed", required=True, reason="exit 1"):
    """`count` hooks that ended so; each kept its output."""
    bodies = []
    for number in range(count):
        called = name.format(number)
        kept = Stream(f"/var/lib/hookd/operations/x/hooks/{phase}-1/{called}.err", 10)
        bodies += ran(called, outcome, phase, required=required, reason=reason, stderr=kept)
    return bodies


def result(*bodies, phase="pre", outcome="failed", reason="00-hook failed", checks=(), **of_opened):
    """The document of an operation with one phase, and the entry of that phase."""
    operation = folded(
        opened(**of_opened),
        started(phase),
        *bodies,
        Checked(Phase(phase), tuple(checks)),
        ended(phase, outcome, 0 if outcome == "passed" else 1, reason=reason),
    )
    found = document(operation, judge_recorded(operation, {}), "0")
    return found, found["phases"][-1], operation


def passed_over(name, phase="pre", reason="after 00-hook failed"):
    return HookPassedOver(Phase(phase), 1, name, HookOutcome.SKIPPED, True, reason)
