"""What the running node is judged by: how it was before anything, how it is at the last look."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Callable, Optional, Sequence, Tuple

from hookd.core.blame import Blame
from hookd.core.checks.table import Judge, Severities, listed
from hookd.core.ignore import Ignore
from hookd.core.model import Check
from hookd.core.readings import Reading, Standing
from hookd.core.snapshot import Snapshot
from hookd.core.spans import BY_HOOKS, BY_PRE


def with_details(text: str, *details: str) -> str:
    """Return `text (DETAIL; DETAIL)` of those that are not empty."""
    said = "; ".join(filter(None, details))
    return f"{text} ({said})" if said else text


def in_span(since: str) -> str:
    """Return what is said of a span: where hooks act they may have done it."""
    return f"since {since}" if since in BY_HOOKS else ""


def blamed(packages: Sequence[str]) -> str:
    return f"{listed(packages)} changed" if packages else ""


@dataclass(frozen=True)
class Ends:
    """The looks of an operation in the order of time, not empty; the first is the baseline.

    `is_final`: no hook is to come that might put back what pre's hooks took down. `restless` are
    the units that were started again and again while the machine was to come to rest.
    """

    looks: Tuple[Snapshot, ...]
    blame: Blame
    severities: Severities
    ignore: Ignore = Ignore()
    is_final: bool = True
    restless: Tuple[str, ...] = ()

    @property
    def first(self) -> Snapshot:
        return self.looks[0]

    @property
    def last(self) -> Snapshot:
        return self.looks[-1]

    @property
    def has_before(self) -> bool:
        """Whether the first look is another than the last, and tells how things were before."""
        return len(self.looks) > 1

    @property
    def is_one_boot(self) -> bool:
        return self.first.boot.boot_id == self.last.boot.boot_id

    def judge(self, check_id: str) -> Judge:
        return Judge(check_id, self.severities)

    def is_left_to_undo(self, since: str) -> bool:
        """Whether pre's hooks did in this boot what came to be in span `since`."""
        return since == BY_PRE and self.is_one_boot

    def unread(self, judge: Judge, reading: Reading, expected: str) -> Optional[Check]:
        """Return what `judge` says where `reading`, of the last look, is not good; else None."""
        if reading.standing is Standing.ABSENT:
            return judge.skipped(reading.reason)
        if not reading.is_ok:
            return judge.unknown(f"{self.last.name}: {reading.reason}", expected=expected)
        return None

    def incomparable(
        self, judge: Judge, read: Callable[[Snapshot], Reading], expected: str
    ) -> Optional[Check]:
        """Return what `judge` says where `read` is not good at both ends, None where it is.

        What was not there to be read before cannot be missed; a look of an earlier hookd lacks it.
        """
        first, last = read(self.first), read(self.last)
        if not self.has_before or first.standing is Standing.ABSENT:
            return judge.skipped(first.reason or "there is no look before to compare with")
        if not first.is_ok:
            return judge.unknown(f"{self.first.name}: {first.reason}", expected=expected)
        if last.standing is Standing.ABSENT:
            gone = last.reason or "it is not there any more"
            return judge.unknown(f"{self.last.name}: {gone}", expected=expected)
        return self.unread(judge, last, expected)
