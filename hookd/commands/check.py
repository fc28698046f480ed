"""`hookd check`: every problem of configuration and hooks at once, each with its place."""

from __future__ import annotations

from dataclasses import asdict

from hookd.commands.context import Context, print_json, say
from hookd.config import Problem
from hookd.errors import Exit
from hookd.system.hooks.lint import every_problem


def check(context: Context) -> int:
    """Print the problems; 0 when there are none but warnings, 1 otherwise."""
    problems = every_problem(context.machine().root, context.config)
    if context.as_json:
        print_json([{**asdict(one), "fails_check": one.fails_check} for one in problems])
    else:
        for one in problems:
            say(("error: " if one.fails_check else "warning: ") + str(one))
        say(f"{sum(p.fails_check for p in problems)} errors, {_warnings(problems)} warnings")
    return Exit.FAILED if any(one.fails_check for one in problems) else Exit.OK


def _warnings(problems: tuple[Problem, ...]) -> int:
    return sum(not problem.fails_check for problem in problems)
