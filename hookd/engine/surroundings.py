"""What all hooks of one phase share; HOOKD_CONTEXT is written once, before the first of them."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

from hookd import __version__
from hookd.core.called import known_of, text
from hookd.core.journal import Noted
from hookd.core.model import CallerKind, Phase
from hookd.report.document import document
from hookd.system import durable
from hookd.system.hooks.execution import Surroundings, of_caller

if TYPE_CHECKING:
    from hookd.engine.phase import Engine

_REBOOTED = {None: "unknown", True: "true", False: "false"}


def surroundings_of(engine: Engine) -> Surroundings:
    """Return what the hooks of `engine`'s phase are given, as far as it is the same for all."""
    machine, judgement = engine.shop.machine, engine.judgement
    if engine.phase is not Phase.ON_EXIT:
        judgement = None
    return Surroundings(
        engine.record.id,
        engine.phase,
        engine.current.attempt,
        engine.record.folder,
        str(machine.root),
        _write_context(engine),
        judgement.way.path.value if judgement else "unknown",
        _REBOOTED[judgement.changes.boot.rebooted if judgement else None],
        text(known_of(engine.operation), "reboot_option"),
        environment_of(engine),
        machine.loaded.config.run.output_cap,
        machine.state.spare_folder(engine.record.id),
    )


def environment_of(engine: Engine) -> dict[str, str]:
    """Return the caller's variables; recovery gets those of pre."""
    environment = of_caller(engine.shop.machine.environment)
    if engine.caller is not CallerKind.RECOVERY:
        return environment
    return {**environment, **engine.operation.opened.environment}


def _write_context(engine: Engine) -> str:
    """Write the result so far and return its path; on a full disk hooks go without."""
    path = os.path.join(engine.record.folder, f"context-{engine.phase}.json")
    text = json.dumps(document(engine.operation, engine.judgement, __version__))
    try:
        durable.write_file(path, text.encode("ascii"))
    except OSError as error:
        engine.record.add(Noted("context.lost", f"{path}: {error.strerror}"), sync=False)
    return path
