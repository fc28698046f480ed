"""The result document (docs/result.schema.json): everything that is known of an operation."""

from __future__ import annotations

from typing import Any, Dict, Iterable

from hookd.core import patch
from hookd.core.belong import REBOOT_RUN
from hookd.core.called import known_of
from hookd.core.codec import encode, items
from hookd.core.host import HOST
from hookd.core.judge import Judgement, phase_verdict
from hookd.core.model import SCHEMA, Changes, Check, Path, Verdict
from hookd.core.operation import HookRun, Operation, PhaseRun

Document = Dict[str, Any]

_SSM = (
    *("run_id", "command_id", "association_id", "document", "document_version", "slot"),
    *("operation", "reboot_option", "patch_group", "baseline_id", "snapshot_id"),
)


def document(operation: Operation, judgement: Judgement | None, version: str) -> Document:
    """Return the result of `operation`; without a judgement (nothing looked at) it is unclear."""
    changes = judgement.changes if judgement else Changes()
    checks = judgement.checks if judgement else ()
    phases = [_phase(run, checks) for run in operation.phases]
    return {
        "schema": SCHEMA,
        "operation": _operation(operation, judgement),
        "host": {**_HOST, **operation.opened.host, **_seen(operation)},
        "hookd": {"version": version, "config_sha256": operation.opened.config_sha256},
        "ssm": _ssm(operation),
        "phases": phases,
        "changes": _changes(changes),
        "checks": [encode(check) for check in checks],
        "inherited_undos": operation.observed.get("inherited_undos", []),
        "notes": [encode(note) for note in operation.notes],
        "cost": _cost(operation.phases),
    }


_HOST = dict.fromkeys(
    ("instance_id", "region", "machine_id", "image_id", "os", "agent_version"), ""
)


def _seen(operation: Operation) -> Document:
    seen = operation.observed.get(HOST)
    return seen if isinstance(seen, dict) else {}


def _operation(operation: Operation, judgement: Judgement | None) -> Document:
    way = judgement.way if judgement else None
    on_exit_came = any(run.phase.value == "on-exit" for run in operation.phases)
    path = way.path if way and on_exit_came else Path.UNCLEAR
    found = judgement.verdict if judgement else Verdict.INCOMPLETE
    recovered = next((run.started_at for run in operation.phases if run.recovered), "")
    return {
        "id": operation.id,
        "number": operation.opened.number,
        "caller": operation.opened.caller.value,
        "run_id": operation.opened.run_id,
        "state": "open" if operation.is_open else "closed",
        "path": path.value,
        "path_so_far": way.path_so_far.value if way and way.path_so_far else "",
        "path_reason": way.reason if way and on_exit_came else "on-exit has not ended yet",
        "verdict": found.value,
        "health": judgement.health.value if judgement else "unknown",
        "started_at": operation.opened_at,
        "ended_at": operation.closed_at,
        "reboot_run_id": operation.observed.get(REBOOT_RUN) or "",
        "recovered_at": recovered,
        "follow_ups": operation.observed.get("follow_ups") or [],
        "held": operation.observed.get("hold") or "",
        "outstanding_undos": [
            encode(undo) for undo in (judgement.outstanding if judgement else ())
        ],
    }


def _ssm(operation: Operation) -> Document:
    return {
        **dict.fromkeys(_SSM, ""),
        "missing": None,
        "failed": None,
        "installed_pending_reboot": None,
        "run_id": operation.opened.run_id,
        **known_of(operation),
        **patch.shown(operation),
    }


def _phase(run: PhaseRun, checks: Iterable[Check]) -> Document:
    return {
        "phase": run.phase.value,
        "attempt": run.attempt,
        "caller": run.caller.value,
        "outcome": run.outcome.value,
        "verdict": phase_verdict(run, checks).value,
        "reason": run.reason,
        "exit_code": run.exit_code,
        "process_exit": run.process_exit,
        "started_at": run.started_at,
        "ended_at": run.ended_at,
        "deadline_s": run.deadline_s,
        "deadline_by": run.deadline_by,
        "resumed": run.resumed,
        "hooks": [_hook(hook) for hook in run.hooks.values()],
    }


def _hook(hook: HookRun) -> Document:
    return {
        "name": hook.name,
        "outcome": hook.outcome.value if hook.outcome else "running",
        "required": hook.required,
        "try": hook.try_,
        "undo_of": hook.undo_of,
        "from_copy": hook.from_copy,
        "exit_code": hook.exit_code,
        "signal": hook.signal,
        "duration_s": hook.duration_s,
        "cpu_s": hook.cpu_s,
        "max_rss_kb": hook.max_rss_kb or None,
        "contained_by": _container(hook),
        "reason": hook.reason,
        "path": hook.path,
        "sha256": hook.sha256,
        "owner": hook.owner,
        "mode": hook.mode,
        "stdout": items(hook.stdout),
        "stderr": items(hook.stderr),
        "outputs": hook.outputs,
        "left_running": [encode(one) for one in hook.left_running],
    }


def _container(hook: HookRun) -> str:
    """Say by what all of the hook's processes are found; empty for one that never ran."""
    if not hook.pid:
        return ""
    return "cgroup" if hook.cgroup else "session"


def _changes(changes: Changes) -> Document:
    return {
        "packages": [encode(change) for change in changes.packages],
        "kernel": encode(changes.kernel),
        "boot": encode(changes.boot),
        "units": [encode(change) for change in changes.units],
        "sockets": [encode(change) for change in changes.sockets],
        "mounts": [encode(change) for change in changes.mounts],
        "settings": [encode(change) for change in changes.settings],
    }


def _cost(phases: Any) -> Document:
    runs: list[PhaseRun] = list(phases)
    return {
        "wall_s": round(sum(run.wall_s for run in runs), 3),
        "cpu_s": round(sum(run.cpu_s for run in runs), 3),
        "max_rss_kb": max((run.max_rss_kb for run in runs), default=0),
    }
