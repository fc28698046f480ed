"""Runs a command once: no shell, no input, bounded."""

from __future__ import annotations

import shlex

from hookd.core.expect import LARGEST_BYTES, CommandExpectation, by_end
from hookd.core.model import HookSpec
from hookd.core.node import Expected
from hookd.system.hooks.identity import NoIdentityError, identity_of
from hookd.system.process.bounded import run_bounded
from hookd.system.process.command import PATH
from hookd.system.process.spawn import NotStartedError

INSIDE = "HOOKD_EXPECT"
"""Stands in the environment of every command that is tried, which may not try anything itself."""

_ENVIRONMENT = {"PATH": PATH, "LANG": "C.UTF-8", "HOOKD_HOOK": "expect", INSIDE: "1"}


def attempt(line: str, expected: CommandExpectation, within_s: float) -> Expected:
    """Return how the command ends, as the user that is named."""
    program, *words = shlex.split(line)
    try:
        whom = identity_of(HookSpec(user=expected.user))
        said = run_bounded(
            (*whom.command(program), *words),
            timeout_s=within_s,
            environment={**_ENVIRONMENT, "HOME": whom.home},
            most=LARGEST_BYTES,
        )
    except (NoIdentityError, NotStartedError) as error:
        return Expected("command", line, expected=expected.wanted, reason=str(error))
    if said.exit_code is None:
        return Expected("command", line, is_met=False, expected=expected.wanted, found=said.error)
    return by_end(line, expected, said.exit_code, said.stdout, said.stderr)
