"""`hookd history`: the operations, newest first."""

from __future__ import annotations

from hookd.commands.context import Context, print_json, say
from hookd.errors import Exit
from hookd.system import results
from hookd.system.machine import Machine


def history(context: Context) -> int:
    """List the operations with path and verdict."""
    machine = context.machine()
    found = [_row(machine, name) for name in reversed(machine.state.ids())]
    if context.as_json:
        print_json(found)
        return Exit.OK
    if not found:
        say("no operation yet")
    for row in found:
        say(f"{row['id']}  {row['state']:<6}  {row['verdict']:<20}  {row['path']}  {row['run_id']}")
    return Exit.OK


def _row(machine: Machine, operation_id: str) -> dict[str, str]:
    """Read result.json; an operation whose first phase has not ended has none yet."""
    stored = results.read_result(machine.state, operation_id)
    head = machine.state.head(operation_id)
    operation = stored.get("operation", {}) if isinstance(stored, dict) else {}
    return {
        "id": operation_id,
        "run_id": head.run_id if head else "",
        "caller": head.caller.value if head else "",
        "state": str(operation.get("state", "open")),
        "path": str(operation.get("path", "unclear")),
        "verdict": str(operation.get("verdict", "incomplete")),
        "started_at": str(operation.get("started_at", "")),
        "ended_at": str(operation.get("ended_at", "")),
    }
