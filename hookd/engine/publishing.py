"""Tells what ended: result.json, lines of results.jsonl, the last known state; at least once."""

from __future__ import annotations

from typing import Iterable, Iterator

from hookd import __version__
from hookd.core.due import is_watched
from hookd.core.journal import Noted, Published
from hookd.core.judge import Judgement
from hookd.core.model import Hook, Phase
from hookd.core.operation import PhaseRun
from hookd.core.undo import outstanding
from hookd.engine import pruning
from hookd.report import jsonl
from hookd.report.document import Document, document
from hookd.system import clock, results
from hookd.system.machine import Machine
from hookd.system.record import Record


def publish(
    machine: Machine, record: Record, judgement: Judgement, hooks: Iterable[Hook] = ()
) -> None:
    """Tell of every phase that has ended and was not told of, and of the operation once it closed.

    What cannot be written now is noted, and told at the next call. `hooks` are today's of on-exit.
    """
    untold = [run for run in record.operation.phases if _is_untold(record, run)]
    if not untold:
        return
    found = document(record.operation, judgement, __version__)
    problems = [results.write_result(machine.state, record.id, found)]
    lines = _lines(record, found, untold)
    problems += [results.append_line(machine.root, line) for line in lines]
    if not record.operation.is_open:
        _close(machine, record, hooks)
    lost = [problem for problem in problems if problem]
    if lost:
        record.add(*(Noted("results.lost", problem) for problem in lost), sync=False)
    else:
        record.add(*(Published(run.ended_n) for run in untold), sync=False)
    if any(run.phase is Phase.ON_EXIT for run in untold):
        retention = machine.loaded.config.retention
        pruning.prune(machine.state, retention, keep=record.id)


def _is_untold(record: Record, run: PhaseRun) -> bool:
    return run.ended_n > 0 and run.ended_n not in record.operation.published


def _lines(record: Record, found: Document, untold: Iterable[PhaseRun]) -> Iterator[bytes]:
    for run in untold:
        yield jsonl.phase_line(found, run, run.ended_n)
    if not record.operation.is_open:
        yield jsonl.operation_line(found, record.operation.last_n, clock.utc_now())


def _close(machine: Machine, record: Record, hooks: Iterable[Hook]) -> None:
    looks = record.ordered_snapshots()
    if looks:
        results.write_last_known(machine.state, looks[-1])
    if not outstanding(record.operation, hooks) and not is_watched(record.operation):
        machine.state.unmark(record.id)
    record.journal.release()
