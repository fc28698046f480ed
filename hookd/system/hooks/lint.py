"""Every problem of configuration and hooks, those too that only show when all are seen."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Iterator, Sequence

from hookd.config.problem import Problem
from hookd.core.checks.table import CHECKS
from hookd.core.model import HookState, Phase
from hookd.system import config_files
from hookd.system.hooks import discovery
from hookd.system.hooks.pairs import differences
from hookd.system.hooks.trust import printable

if TYPE_CHECKING:
    from hookd.config import Config
    from hookd.core.model import Hook
    from hookd.system.root import Root

_ABSENT = (HookState.MASKED, HookState.LEFT_OUT)


def every_problem(root: Root, config: str | None = None) -> tuple[Problem, ...]:
    """Return all that is wrong with configuration (`config`: another file) and hooks."""
    loaded = config_files.load(root, config, frozenset(CHECKS))
    found = [discovery.discover(root, phase, loaded.config) for phase in Phase]
    hooks = tuple(hook for one in found for hook in one.hooks)
    return (
        *loaded.problems,
        *(problem for one in found for problem in one.problems),
        *lint(hooks, loaded.config),
    )


def lint(hooks: Sequence[Hook], config: Config) -> tuple[Problem, ...]:
    """Return what is wrong between `hooks`, those of all phases, and `config`.

    Refusals and warnings about one file are in Discovery.problems.
    """
    return (*_undos(hooks), *unmatched(config, hooks))


def unmatched(config: Config, hooks: Sequence[Hook]) -> tuple[Problem, ...]:
    """Return a warning for each hook that the configuration names and no tree holds."""
    present = {hook.id for hook in hooks}
    found = [
        Problem(said.source, f'hooks."{name}"', "there is no such hook", is_warning=True)
        for name, said in config.hooks.items()
        if name not in present
    ]
    for name in config.override.hooks:
        if name not in present:
            reason = f"there is no hook {name}"
            found.append(Problem("", "override.hooks", reason, is_warning=True))
    return tuple(found)


def _undos(hooks: Sequence[Hook]) -> Iterator[Problem]:
    by_id = {hook.id: hook for hook in hooks}
    for hook in hooks:
        if not hook.spec.undoes or hook.state in _ABSENT:
            continue
        file = printable(os.fsencode(hook.path))
        undone = by_id.get(hook.spec.undoes)
        if undone is None:
            yield Problem(file, "undoes", f"there is no hook {hook.spec.undoes}")
        elif undone.state in _ABSENT:
            reason = f"{undone.id} never runs ({undone.reason}), so this undo is never owed"
            yield Problem(file, "undoes", reason, is_warning=True)
        else:
            for key, reason in differences(hook, undone):
                yield Problem(file, key, reason)
