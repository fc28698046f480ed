"""`hookd verify`: try now what the configuration expects of this machine."""

from __future__ import annotations

import os
import sys

from hookd.commands.context import Context, print_json, say
from hookd.core.codec import encode
from hookd.core.expect import Expect
from hookd.core.node import Expected
from hookd.errors import Exit, HookdError
from hookd.system.expect.asking import ask
from hookd.system.expect.command import INSIDE
from hookd.system.machine import Machine

_WITHIN_S = 600.0
_HOW = """\
nothing is expected of this machine; write into /etc/hookd/hookd.toml what shows that it works:
  [expect.units."app.service"]
  active = true
  [expect.http."http://127.0.0.1:8080/health"]
  status = 200
more: docs/configuration.md, `[expect]`"""


def verify(context: Context) -> int:
    """Print what was found; 0 when all of it is met, 1 when something is not or is not known."""
    if os.environ.get(INSIDE):
        message = "hookd verify cannot be called by a command that it tries"
        raise HookdError(message, hint="it would try itself again", code=Exit.USAGE)
    machine = context.machine()
    expect = _expected(machine)
    results = _tried(context, machine, expect) if any(expect.each()) else ()
    if context.as_json:
        print_json([encode(one) for one in results])
    elif not results:
        say(_HOW)
    else:
        _say(results)
    return Exit.FAILED if any(_is_bad(one) for one in results) else Exit.OK


def _expected(machine: Machine) -> Expect:
    """Return all that is expected. Raises HookdError when a part of it may not have been read."""
    loaded = machine.loaded
    if loaded.errors:
        problems = "\n".join(str(problem) for problem in loaded.errors)
        message = f"the configuration does not load:\n{problems}"
        raise HookdError(message, hint="`hookd check` shows all problems", code=Exit.CONFIG)
    for problem in loaded.problems:
        print(f"warning: {problem}", file=sys.stderr)
    return loaded.config.expect


def _tried(context: Context, machine: Machine, expect: Expect) -> tuple[Expected, ...]:
    with context.observing(machine) as observer:
        observer.waiting(f"trying {sum(1 for _ in expect.each())} expectations")
        return ask(
            machine.root,
            machine.command,
            expect,
            within_s=_WITHIN_S,
            environment=machine.environment,
        ).results


def _is_bad(one: Expected) -> bool:
    return not one.is_met and not one.is_skipped


def _say(results: tuple[Expected, ...]) -> None:
    for one in results:
        told = one.found or one.reason
        say(f"{_how(one):<9} {one.kind:<8} {one.name}: {told}")
        if _is_bad(one):
            say(f"{'':<9} expected: {one.expected}")
    counts = {"met": 0, "not met": 0, "not known": 0, "skipped": 0}
    for one in results:
        counts[_how(one)] += 1
    say(", ".join(f"{n} {how}" for how, n in counts.items() if n or how in ("met", "not met")))


def _how(one: Expected) -> str:
    if one.is_skipped:
        return "skipped"
    return {True: "met", False: "not met", None: "not known"}[one.is_met]
