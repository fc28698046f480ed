"""An operation while it is written: its journal, what the journal folds to, and its snapshots."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import zlib
from dataclasses import replace
from typing import Callable, Sequence

from hookd.core.codec import decode, to_json
from hookd.core.fold import apply
from hookd.core.journal import Body, Event, Noted, Observed, SnapshotTaken
from hookd.core.looks import in_order, looks_before
from hookd.core.operation import Operation
from hookd.core.snapshot import SNAPSHOT_FORMAT, Snapshot
from hookd.system import durable, journal
from hookd.system.journal import Journal, JournalUnwritable
from hookd.system.results import LARGEST_BYTES
from hookd.system.state import State
from hookd.system.textfile import read_regular

LOST = "journal.lost"
"""What is observed when events were lost, or may be: such an operation is incomplete."""

Listener = Callable[[Event, Operation], None]


class Record:
    """The journal of one operation, open for the engine that holds its lock.

    `operation` is always the fold of what was recorded. `is_lossy` is true once events could not be
    stored where they belong.
    """

    def __init__(self, state: State, operation_id: str, boot_id: str) -> None:
        self.state = state
        self.id = operation_id
        self.folder = state.folder(operation_id)
        self.journal = Journal(
            state.journal_path(operation_id), state.spill_path(operation_id), boot_id
        )
        self.listener: Listener | None = None
        self.may_spill = False
        self._operation: Operation | None = None
        self._snapshots: dict[SnapshotTaken, Snapshot] = {}

    @property
    def operation(self) -> Operation:
        if self._operation is None:
            raise ValueError(f"operation {self.id} was never opened")
        return self._operation

    @property
    def is_lossy(self) -> bool:
        return self.journal.is_spilling

    def open(self) -> journal.Read:
        """Open the journal and fold what stands there.

        Raises OSError, unless the record may spill: then what can be read is folded.
        """
        try:
            found = self.journal.open()
        except OSError as error:
            if not self.may_spill:
                raise
            found = self.journal.open_spilling(error)
        self._operation = self.state.fold(self.id, found.events)
        if found.torn:
            message = f"a torn last line of {len(found.torn)} bytes was set aside"
            self.add(Noted("journal.torn", message), sync=False)
        lost = self.journal.failed or _what_was_lost(found)
        if lost and self._operation and not self._operation.observed.get(LOST):
            self.add(Observed(LOST, lost), sync=False)
        return found

    def add(self, *bodies: Body, sync: bool = True) -> None:
        """Record `bodies` by one write, synced unless told otherwise, and fold them.

        Raises JournalUnwritable, unless the record may spill: then they go to /run (or only to
        memory) and the operation goes on.
        """
        try:
            events = self.journal.append(*bodies, sync=sync)
        except JournalUnwritable:
            if not self.may_spill:
                raise
            lost = Observed(LOST, self.journal.failed)
            self.journal.spill()
            events = self.journal.append(lost, *bodies, sync=sync)
        for event in events:
            self._operation = apply(self._operation, event)
            if self.listener and self._operation:
                self.listener(event, self._operation)

    def store(self, snapshot: Snapshot) -> SnapshotTaken:
        """Store `snapshot` durably and return the event to record: by file, else inline."""
        data = to_json(snapshot).encode("ascii")
        digest = hashlib.sha256(data).hexdigest()
        name = f"snapshots/{snapshot.name}.json"
        taken = SnapshotTaken(snapshot.name, file=name, sha256=digest)
        try:
            durable.write_file(os.path.join(self.folder, name), data)
        except OSError:
            inline = base64.b64encode(zlib.compress(data)).decode("ascii")
            taken = SnapshotTaken(snapshot.name, sha256=digest, inline=inline)
        self._snapshots[taken] = snapshot
        return taken

    def snapshots(self) -> dict[str, Snapshot]:
        """Return every snapshot that can still be read, by name."""
        return snapshots_of(self.operation, self.folder, self._snapshots)

    def ordered_snapshots(self) -> tuple[Snapshot, ...]:
        """Return the snapshots in the order of the operation's life, the last known state first."""
        return in_order(self.operation, self.snapshots(), with_last_known=True)

    def look_before(self, name: str) -> Snapshot | None:
        """Return the look that snapshot `name` follows, None when there is none."""
        found = looks_before(self.operation, self.snapshots(), name)
        return found[-1] if found else None

    def sync(self) -> None:
        """Make durable what was added without a sync. Raises JournalUnwritable like `add`."""
        self.add()

    def close(self) -> None:
        self.journal.close()


def snapshots_of(
    operation: Operation, folder: str, known: dict[SnapshotTaken, Snapshot] | None = None
) -> dict[str, Snapshot]:
    """Return the snapshots that `operation` names and that can be read; `known` is a cache."""
    known = {} if known is None else known
    found = {}
    for name, taken in operation.snapshots.items():
        original = operation.snapshots.get(taken.same_as, taken) if taken.same_as else taken
        if original not in known:
            one = _read(folder, original)
            if one is None:
                continue
            known[original] = one
        found[name] = known[original] if original is taken else _renamed(known[original], name)
    return found


def _read(folder: str, taken: SnapshotTaken) -> Snapshot | None:
    if taken.same_as:
        return None
    try:
        if taken.inline:
            data = zlib.decompress(base64.b64decode(taken.inline))
        else:
            data = read_regular(os.path.join(folder, taken.file), LARGEST_BYTES)
        if hashlib.sha256(data).hexdigest() != taken.sha256:
            return None
        snapshot = decode(Snapshot, json.loads(data))
    except (OSError, ValueError, RecursionError, zlib.error):
        return None
    return snapshot if snapshot.format == SNAPSHOT_FORMAT else None


def _renamed(snapshot: Snapshot, name: str) -> Snapshot:
    """Return the same look under another name; what the logs gained stays with the first."""
    return replace(
        snapshot,
        name=name,
        logs=tuple(replace(log, entries=()) for log in snapshot.logs),
        histories=tuple(replace(history, transactions=()) for history in snapshot.histories),
    )


def _what_was_lost(found: journal.Read) -> str:
    gone = journal.missing(found.events)
    said = []
    if found.bad:
        said.append(f"{len(found.bad)} lines are no events (first: {_few(found.bad)})")
    if gone:
        said.append(f"{len(gone)} events are missing (first: {_few(gone)})")
    return "; ".join(said)


def _few(numbers: Sequence[int]) -> str:
    return ", ".join(map(str, numbers[:5]))


def merge_spilled(state: State, boot_id: str) -> None:
    """Move what was journalled to /run into the journals that can be written again."""
    for operation_id in state.spilled():
        lock, record = state.operation_lock(operation_id), Record(state, operation_id, boot_id)
        try:
            if lock.take():
                record.open()
        except (OSError, JournalUnwritable):
            continue
        finally:
            record.close()
            lock.release()
