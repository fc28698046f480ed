"""Takes the looks of a phase: what the machine is, and in some of them whether it does its work."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from hookd.core.journal import SnapshotTaken
from hookd.core.looks import LAST_KNOWN
from hookd.engine import calling, expecting, listening
from hookd.system import results

if TYPE_CHECKING:
    from hookd.core.plan import Action
    from hookd.core.snapshot import Snapshot
    from hookd.engine.phase import Engine


def look(engine: Engine, action: Action) -> None:
    """Take a snapshot, or say that nothing can have changed since the one it repeats."""
    record, machine = engine.record, engine.shop.machine
    if action.same_as and action.same_as in engine.operation.snapshots:
        record.add(SnapshotTaken(action.snapshot, same_as=action.same_as), sync=False)
        return
    name, previous = action.snapshot, _previous(engine, action.snapshot)
    expectations = expecting.found(engine, name)  # first, for it may wait
    engine.shop.observer.looking(name)
    snapshot = listening.look(engine, lambda: machine.look(name, previous))
    snapshot = replace(snapshot, expectations=expectations)
    record.add(record.store(snapshot), *calling.agent_of(snapshot), sync=False)


def _previous(engine: Engine, name: str) -> Snapshot | None:
    """Return the look before `name`, from which the logs are read on; `before` begins anew."""
    earlier = engine.record.look_before(name)
    if earlier is not None or name == "before":
        return earlier
    last_known = results.read_last_known(engine.shop.machine.state)
    if last_known is not None:
        stored = engine.record.store(replace(last_known, name=LAST_KNOWN))
        engine.record.add(stored, sync=False)
    return last_known
