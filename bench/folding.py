"""Reading an operation of 10,000 events back from its journal, beside reading the JSON alone."""

from __future__ import annotations

import json
import pathlib
from typing import Iterator

from measure import call, fastest
from place import Place
from row import Row

from hookd.core.fold import fold
from hookd.core.journal import (
    Body,
    HookEnded,
    HookSpawned,
    HookStarted,
    OperationOpened,
    PhaseStarted,
    new_event,
    to_line,
)
from hookd.core.model import CallerKind, HookOutcome, Phase
from hookd.system.journal import read

_EVENTS = 10_000
_AT = "2026-11-05T04:18:07.123456Z"
_BOOT = "11111111-2222-3333-4444-555555555555"


def rows(place: Place) -> Iterator[Row]:
    journal = place.memory / "journal.jsonl"
    _write(journal)
    least = fastest(
        place.fast,
        fold=lambda: call(lambda: fold(read(str(journal)).events)),
        json=lambda: call(lambda: [json.loads(line) for line in journal.open("rb")]),
    )
    what = f"fold of a journal of {_EVENTS:,} events"
    yield Row(what, place.here.name, least["fold"], "ms", "json.loads", least["json"])


def _write(journal: pathlib.Path) -> None:
    with journal.open("wb") as file:
        for n, body in zip(range(1, _EVENTS + 1), _bodies()):
            file.write(to_line(new_event(body, n=n, at=_AT, boot_id=_BOOT, up_s=float(n))))


def _bodies() -> Iterator[Body]:
    """Yield one phase of very many tries of 100 hooks."""
    person = CallerKind.PERSON
    yield OperationOpened("20260205T015311Z-7f3a", 1, "", person, "1.0", {}, "", tuple(Phase))
    yield PhaseStarted(Phase.PRE, 1, person, 1, 1.0, 3300.0, "config")
    for number in range(_EVENTS):
        name, try_ = f"{number % 100:02}-hook", number // 100 + 1
        yield HookStarted(Phase.PRE, 1, name, try_, f"token#{try_}", 600.0, required=True)
        yield HookSpawned(Phase.PRE, 1, name, try_, 4711, 1.0)
        yield HookEnded(Phase.PRE, 1, name, try_, HookOutcome.FAILED, 75, retry=True)
