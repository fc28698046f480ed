"""Tells what began and ended: lines of results.jsonl, result.json, the inventory; at least once."""

from __future__ import annotations

from typing import Iterable, Iterator

from hookd import __version__
from hookd.aws import inventory
from hookd.core.due import is_watched
from hookd.core.journal import Noted, Published
from hookd.core.judge import Judgement
from hookd.core.model import Hook, Phase
from hookd.core.operation import Operation, PhaseRun
from hookd.core.undo import outstanding
from hookd.engine import pruning
from hookd.report import jsonl
from hookd.report.document import Document, document
from hookd.report.mask import masked
from hookd.system import results
from hookd.system.machine import Machine
from hookd.system.record import Record

_OPENED_N = 1  # an operation begins with that it was opened


def announce(machine: Machine, record: Record) -> None:
    """Tell that the operation was opened and that its phases have started, if nobody has yet."""
    found = told(machine, document(record.operation, None, __version__))
    for line in tuple(_beginnings(record.operation, found)):
        _tell(machine, record, (line,))


def publish(
    machine: Machine, record: Record, judgement: Judgement, hooks: Iterable[Hook] = ()
) -> None:
    """Tell of every phase that has ended and was not told of, and of the operation once it closed.

    What cannot be written now is noted, and told at the next call. `hooks` are today's of on-exit.
    """
    untold = [run for run in record.operation.phases if _is_untold(record.operation, run.ended_n)]
    if not untold:
        return
    found = document(record.operation, judgement, __version__)
    problem = results.write_result(machine.state, record.id, found)
    found = told(machine, found)
    for line in tuple(_beginnings(record.operation, found)):
        _tell(machine, record, (line,))
    endings = tuple(_endings(record.operation, found, untold))
    if not record.operation.is_open:
        _close(machine, record, hooks)
    _tell(machine, record, endings, problem)
    leave_in_inventory(machine, record, found)
    if any(run.phase is Phase.ON_EXIT for run in untold):
        retention = machine.loaded.config.retention
        pruning.prune(machine.state, retention, keep=record.id)


def told(machine: Machine, found: Document) -> Document:
    """Return what others are told of the document: without secrets, unless configured."""
    return masked(found) if machine.loaded.config.report.mask else found


def leave_in_inventory(machine: Machine, record: Record, found: Document) -> None:
    """Leave the operation where the SSM agent collects it; why it could not be is noted."""
    if not machine.loaded.config.aws.inventory:
        return
    problem = inventory.leave(machine.root, found)
    if problem:
        record.add(Noted("inventory.lost", problem), sync=False)


def _is_untold(operation: Operation, n: int) -> bool:
    return n > 0 and n not in operation.published


def _beginnings(operation: Operation, found: Document) -> Iterator[tuple[int, bytes]]:
    if _is_untold(operation, _OPENED_N):
        yield _OPENED_N, jsonl.opened_line(found, _OPENED_N)
    for run in operation.phases:
        if _is_untold(operation, run.started_n):
            yield run.started_n, jsonl.started_line(found, run)


def _endings(
    operation: Operation, found: Document, untold: Iterable[PhaseRun]
) -> Iterator[tuple[int, bytes]]:
    for run in untold:
        yield run.ended_n, jsonl.phase_line(found, run, run.ended_n)
    if not operation.is_open:
        is_told = not _is_untold(operation, operation.closed_n)
        line = jsonl.operation_line(found, operation.last_n, is_told=is_told)
        yield operation.closed_n, line


def _tell(
    machine: Machine, record: Record, lines: Iterable[tuple[int, bytes]], problem: str = ""
) -> None:
    """Write `lines`, then record that they were; if any was not, all of these are told again."""
    tried = [(n, results.append_line(machine.root, line)) for n, line in lines]
    lost = [why for why in (problem, *(why for _, why in tried)) if why]
    if lost:
        record.add(*(Noted("results.lost", why) for why in lost), sync=False)
    elif tried:
        published = record.operation.published
        # the closing first: torn in between, it is told again as one that was told
        done = [n for n, _ in reversed(tried) if n not in published]
        record.add(*(Published(n) for n in done), sync=False)


def _close(machine: Machine, record: Record, hooks: Iterable[Hook]) -> None:
    looks = record.ordered_snapshots()
    if looks:
        results.write_last_known(machine.state, looks[-1])
    if not outstanding(record.operation, hooks) and not is_watched(record.operation):
        machine.state.unmark(record.id)
    record.journal.release()
