"""`hookd status`: what is open, and what hookd will do next and when."""

from __future__ import annotations

import time
from typing import Any

from hookd.aws import agent, identity
from hookd.commands.context import Context, print_json, say
from hookd.core.belong import Known
from hookd.core.codec import encode
from hookd.core.due import Moment, due, presumed
from hookd.core.host import is_here
from hookd.core.undo import outstanding
from hookd.errors import Exit
from hookd.system import clock, hold
from hookd.system.machine import Machine
from hookd.system.turn import known


def status(context: Context) -> int:
    """Return 0 when nothing is open, 75 while a phase runs, 1 when somebody should look."""
    machine = context.machine()
    found = _status(machine)
    if context.as_json:
        print_json(found)
    else:
        for line in _lines(found):
            say(line)
    if found["running"]:
        return Exit.BUSY
    owing = [
        one for one in found["operations"] if one["state"] == "open" or one["outstanding_undos"]
    ]
    attention = owing or found["held"] or found["problems"]
    return Exit.FAILED if attention else Exit.OK


def _status(machine: Machine) -> dict[str, Any]:
    who = machine.state.executor()
    held = hold.read(machine.state)
    problems = [f"configuration: {problem}" for problem in machine.loaded.errors]
    problems += [f"operation {name}: {why}" for name, why in machine.state.unreadable().items()]
    return {
        "running": None if who is None else {**vars(who)},
        "held": str(held) if held else "",
        "problems": problems,
        "ignored": _ignored(machine),
        "operations": _operations(machine, str(held or "")),
    }


def _known(machine: Machine) -> tuple[Known, ...]:
    """Return the marked operations after one look at the runs: none is found dead by that."""
    here = identity.facts(machine)
    found = known(machine.state, see=agent.watch(machine.root, machine.boot.boot_id).see)
    return tuple(one for one in found if is_here(one.operation.opened.host, here) is not False)


def _ignored(machine: Machine) -> list[str]:
    """Return the operations of another machine that had not been ended there."""
    here = identity.facts(machine)
    heads = ((name, machine.state.head(name)) for name in machine.state.ids())
    foreign = (name for name, head in heads if head and is_here(head.host, here) is False)
    loaded = (machine.state.load(name) for name in foreign)
    return [one.id for one in loaded if one and (one.is_open or outstanding(one))]


def _operations(machine: Machine, held: str) -> list[dict[str, Any]]:
    marked = _known(machine)
    moment = machine.moment_for_recovery() if marked else machine.moment()
    return [_operation(machine, one, moment, held) for one in marked]


def _operation(machine: Machine, one: Known, moment: Moment, held: str) -> dict[str, Any]:
    operation, patience = one.operation, machine.patience()
    is_ours = is_here(operation.opened.host, identity.facts(machine))
    following = due(
        operation, one.liveness, moment, patience, held=held, is_here=is_ours, seen=one.seen
    )
    presumption = presumed(operation, one.liveness, moment, patience, one.seen)
    return {
        "id": operation.id,
        "run_id": operation.opened.run_id,
        "state": "open" if operation.is_open else "closed",
        "run": one.liveness.value,
        "run_seen": one.seen.reason,
        "run_presumed": encode(presumption),
        "phases": [{"phase": r.phase.value, "outcome": r.outcome.value} for r in operation.phases],
        "outstanding_undos": [encode(undo) for undo in outstanding(operation)],
        "next": encode(following),
    }


def _lines(found: dict[str, Any]) -> list[str]:
    lines = []
    if found["running"]:
        who = found["running"]
        lines.append(
            f"running: {who['phase']} of operation {who['operation']}, pid {who['pid']}, "
            f"since {who['since']}"
        )
    if found["held"]:
        lines.append(f"held: {found['held']}")
    lines += found["problems"]
    for one in found["operations"]:
        phases = ", ".join(f"{p['phase']} {p['outcome']}" for p in one["phases"]) or "no phase yet"
        lines.append(f"operation {one['id']} is {one['state']}: {phases}; its run: {one['run']}")
        lines += [
            f"  outstanding: {u['hook']} undoes {u['pre_hook']}" for u in one["outstanding_undos"]
        ]
        lines.append("  next: " + _next(one["next"]))
    ignored = [
        f"operation {name} came with the image of another machine and is left alone"
        for name in found["ignored"]
    ]
    return [*(lines or ["nothing is open"]), *ignored]


def _next(following: dict[str, Any]) -> str:
    if following["in_s"] is None:
        return f"{following['act']} ({following['reason']})"
    reason, in_s = following["reason"], following["in_s"]
    when = "now" if in_s <= 0 else f"in {in_s / 60:.0f} min"
    if following["waits_for"]:
        until = clock.utc_text(time.time() + in_s)[11:16]
        when = when.replace("in ", "within ")
        reason += f"; waits for {following['waits_for']} (until {until}Z)"
    return f"{following['act']} {when} ({reason}); `hookd recover` does it at once"
