"""`hookd rehearse [SCENARIO]`: the SSM lifecycle played locally, with the hooks as they are."""

from __future__ import annotations

import os
import sys
from typing import Any

from hookd.commands.context import Context, print_json, say
from hookd.core.model import HookState, Phase
from hookd.errors import Exit, HookdError
from hookd.rehearsal import ground, picture
from hookd.rehearsal.performance import Happening, Performance
from hookd.rehearsal.play import play
from hookd.rehearsal.scenario import Scenario
from hookd.rehearsal.scenarios import SCENARIOS
from hookd.rehearsal.stage import Stuck
from hookd.system.machine import Machine

ALL = "all"


def rehearse(context: Context, scenario: str, *, catalogue: bool, keep: bool, yes: bool) -> int:
    """Play a scenario, or all; 0 when each went as foretold, 1 otherwise."""
    if catalogue:
        return _list(context)
    if os.environ.get("HOOKD_HOOK"):
        raise HookdError("hookd rehearse cannot be called by a hook of hookd", code=Exit.USAGE)
    if context.config:
        hint = "the documents call hookd without it; put it into /etc/hookd"
        raise HookdError("hookd rehearse takes no --config", hint=hint, code=Exit.USAGE)
    machine = context.machine()
    if machine.root.is_host and not yes:
        _ask(machine)
    chosen = list(SCENARIOS.values()) if scenario == ALL else [_scenario(scenario)]
    found = [_play(context, machine, one, keep=keep) for one in chosen]
    if not context.as_json and not machine.root.is_host:
        say(f"look around: hookd --root {context.root} show")
    problems = sum(bool(performance.problems()) for performance in found)
    if context.as_json:
        shown: list[Any] = [picture.as_json(performance) for performance in found]
        print_json(shown if scenario == ALL else shown[0])
    elif scenario == ALL:
        say(f"{len(found)} scenarios, {problems} not as foretold")
    return Exit.FAILED if problems else Exit.OK


def _list(context: Context) -> int:
    if context.as_json:
        print_json(picture.catalogue_json())
    else:
        for line in picture.catalogue():
            say(line)
    return Exit.OK


def _scenario(name: str) -> Scenario:
    if name not in SCENARIOS:
        hint = "`hookd rehearse --list` says what there is"
        raise HookdError(f"there is no scenario {name}", hint=hint, code=Exit.USAGE)
    return SCENARIOS[name]


def _ask(machine: Machine) -> None:
    """Make sure that this machine's hooks are meant to run. Raises HookdError when they are not."""
    hooks = [hook for phase in Phase for hook in machine.discover(phase).hooks]
    ready = [hook.id for hook in hooks if hook.state is HookState.READY]
    if not ready:
        return
    warning = f"{len(ready)} hooks really run on this machine: {', '.join(ready)}"
    if sys.stdin.isatty() and sys.stderr.isatty():
        sys.stderr.write(f"{warning}\nRehearse with them? [y/N] ")
        sys.stderr.flush()
        if sys.stdin.readline().strip().lower() in ("y", "yes"):
            return
        raise HookdError("not rehearsed", code=Exit.USAGE)
    hint = "--yes says that they may; --root DIR rehearses those in a directory"
    raise HookdError(warning, hint=hint, code=Exit.USAGE)


def _play(context: Context, machine: Machine, scenario: Scenario, *, keep: bool) -> Performance:
    place = ground.throw_away() if machine.root.is_host else ground.given(context.root)
    try:
        if not context.as_json:
            _say(*picture.opening(scenario, place))
        performance = play(scenario, place, os.environ, lambda one: _tell(context, one))
    except Stuck as error:
        hint = f"what there is stands in {place.root}"
        keep = True
        raise HookdError(f"the rehearsal got stuck: {error}", hint=hint, code=Exit.BUG) from error
    finally:
        if not keep:
            place.remove()
    if not context.as_json:
        kept = [f"  look around: hookd --root {place.root} show"] if keep and place.is_ours else []
        _say(*picture.closing(performance), *kept, "")
    return performance


def _tell(context: Context, happening: Happening) -> None:
    if not context.as_json:
        _say(*picture.line_of(happening))


def _say(*lines: str) -> None:
    for line in lines:
        say(line)
    sys.stdout.flush()
