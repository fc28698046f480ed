"""`hookd check`: every problem of configuration and hooks at once, each with its place."""

from __future__ import annotations

from dataclasses import asdict

from hookd.commands.context import Context, print_json, say
from hookd.config import Problem
from hookd.core.checks.table import CHECKS
from hookd.core.model import Phase
from hookd.errors import Exit
from hookd.system import config_files
from hookd.system.hooks import discovery
from hookd.system.hooks.lint import lint
from hookd.system.machine import Machine


def check(context: Context) -> int:
    """Print the problems; 0 when there are none but warnings, 1 otherwise."""
    machine = context.machine()
    problems = tuple(_problems(machine, context.config))
    if context.as_json:
        print_json([{**asdict(one), "fails_check": one.fails_check} for one in problems])
    else:
        for one in problems:
            say(("error: " if one.fails_check else "warning: ") + str(one))
        say(f"{sum(p.fails_check for p in problems)} errors, {_warnings(problems)} warnings")
    return Exit.FAILED if any(one.fails_check for one in problems) else Exit.OK


def _warnings(problems: tuple[Problem, ...]) -> int:
    return sum(not problem.fails_check for problem in problems)


def _problems(machine: Machine, config: str | None) -> list[Problem]:
    loaded = config_files.load(machine.root, config, frozenset(CHECKS))
    found = [discovery.discover(machine.root, phase, loaded.config) for phase in Phase]
    hooks = tuple(hook for one in found for hook in one.hooks)
    return [
        *loaded.problems,
        *(problem for one in found for problem in one.problems),
        *lint(hooks, loaded.config),
    ]
