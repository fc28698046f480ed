"""Runs one try of each of a group of hooks and says what became of it, as events to record."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import Callable, Sequence

from hookd.core.budget import DEADLINE_REACHED
from hookd.core.fates import Fate
from hookd.core.journal import HookEnded, HookPassedOver, HookSpawned, HookStarted
from hookd.core.model import HookOutcome, Phase
from hookd.core.undo import NOT_APPLICABLE, TRY_AGAIN
from hookd.system import clock
from hookd.system.hooks.execution import Surroundings, prepare, read_outputs
from hookd.system.hooks.identity import NoIdentityError
from hookd.system.process.children import Children
from hookd.system.process.running import Ended
from hookd.system.process.spawn import Start

_LONGEST_REASON = 200


@dataclass(frozen=True)
class Group:
    """Hooks that start together.

    `until` is the CLOCK_BOOTTIME moment that ends them, `cgroup` names the one that a token gets.
    """

    around: Surroundings
    fates: tuple[Fate, ...]
    health: str
    until: float
    max_parallel: int
    cgroup: Callable[[str], str]
    ahead: Ahead

    def started(self, fate: Fate) -> HookStarted:
        hook, spec = fate.hook, fate.hook.spec
        return HookStarted(
            self.around.phase,
            self.around.attempt,
            hook.name,
            fate.try_,
            self.around.token(fate),
            round(min(spec.timeout_s, max(0.0, self.until - clock.up_s())), 3),
            spec.required,
            hook.sha256,
            hook.owner,
            hook.mode,
            hook.path,
            fate.undo_of,
            fate.from_copy,
            self.cgroup(self.around.token(fate)),
        )


def passed_over(phase: Phase, attempt: int, fate: Fate) -> HookPassedOver:
    """Return the event of a hook that is not started."""
    hook = fate.hook
    return HookPassedOver(
        phase,
        attempt,
        hook.name,
        fate.outcome or HookOutcome.SKIPPED,
        hook.spec.required,
        fate.reason,
        hook.sha256,
        hook.owner,
        hook.mode,
        hook.path,
        fate.undo_of,
    )


@dataclass
class Ahead:
    """How the hook that is likely to follow is started, made while another one runs."""

    fate: Fate | None = None
    health: str = ""
    start: Start | None = None

    def make(self, around: Surroundings, fate: Fate, health: str) -> None:
        """Make its folders and environment; not of an undo or another user, who may yet come."""
        self.start = None
        spec = fate.hook.spec
        if fate.undo_of or spec.user or spec.group:
            return
        with contextlib.suppress(OSError, NoIdentityError):  # its turn will tell
            self.start = prepare(around, fate, timeout_s=spec.timeout_s, health=health)
            self.fate, self.health = fate, health

    def take(self, fate: Fate, health: str) -> Start | None:
        """Return what was made for this try of this very hook, once."""
        made, self.start = self.start, None
        if made is None or self.fate is None or self.health != health:
            return None
        is_it = self.fate.hook is fate.hook and self.fate.try_ == fate.try_
        return made if is_it and self.fate.undo_of == fate.undo_of else None


@dataclass(frozen=True)
class Listener:
    """What the engine wants to hear while a group runs; `stop` gives the reason to end it."""

    spawned: Callable[[HookSpawned], None]
    ended: Callable[[HookEnded], None]
    output: Callable[[str, str, bytes], None]
    stop: Callable[[], str]


def run_group(children: Children, group: Group, listener: Listener) -> None:
    """Run every hook of `group` and tell `listener`; a hook that cannot be prepared has failed."""
    ready: list[tuple[Fate, Start]] = []
    for fate in group.fates:
        try:
            start = group.ahead.take(fate, group.health) or prepare(
                group.around, fate, timeout_s=fate.hook.spec.timeout_s, health=group.health
            )
        except NoIdentityError as error:
            refused = Ended(HookOutcome.REFUSED, reason=str(error))
            listener.ended(_body(group, fate, refused, {}))
        except OSError as error:
            reason = f"its folders could not be made: {error.strerror}: {error.filename}"
            listener.ended(_body(group, fate, Ended(HookOutcome.FAILED, reason=reason), {}))
        else:
            ready.append((fate, start))
    _run(children, group, ready, listener)


def _run(
    children: Children, group: Group, ready: Sequence[tuple[Fate, Start]], listener: Listener
) -> None:
    fates = [fate for fate, _ in ready]
    around = group.around

    def spawned(index: int, pid: int, started_at: float, cgroup: str) -> None:
        fate = fates[index]
        name, try_ = fate.hook.name, fate.try_
        body = HookSpawned(around.phase, around.attempt, name, try_, pid, started_at, cgroup)
        listener.spawned(body)

    def ended(index: int, what: Ended) -> None:
        outputs, problem = read_outputs(ready[index][1].environment["HOOKD_OUTPUT"])
        listener.ended(_body(group, fates[index], what, outputs, problem))

    def output(index: int, stream: str, data: bytes) -> None:
        listener.output(fates[index].hook.name, stream, data)

    results = children.run(
        [start for _, start in ready],
        max_parallel=group.max_parallel,
        deadline=group.until,
        stop=lambda: listener.stop() or None,
        on_spawned=spawned,
        on_ended=ended,
        on_output=output,
    )
    for fate, result in zip(fates, results):
        if result is None:
            reason = listener.stop() or DEADLINE_REACHED
            never = Ended(HookOutcome.SKIPPED, reason=reason)
            listener.ended(_body(group, fate, never, {}))


def _body(
    group: Group, fate: Fate, ended: Ended, outputs: dict[str, str], problem: str = ""
) -> HookEnded:
    outcome, reason, retry = _judged(group, fate, ended, outputs)
    return HookEnded(
        group.around.phase,
        group.around.attempt,
        fate.hook.name,
        fate.try_,
        outcome,
        ended.exit_code,
        ended.signal,
        round(ended.duration_s, 6),
        "; ".join(part for part in (reason, problem) if part),
        ended.stdout,
        ended.stderr,
        outputs,
        ended.left_running,
        round(ended.cpu_s, 6),
        ended.max_rss_kb,
        retry,
    )


def _judged(
    group: Group, fate: Fate, ended: Ended, outputs: dict[str, str]
) -> tuple[HookOutcome, str, bool]:
    """Return the outcome, the reason and whether another try follows (hook contract)."""
    code = ended.exit_code
    if ended.outcome is HookOutcome.TIMED_OUT and clock.up_s() >= group.until:
        return HookOutcome.TIMED_OUT, DEADLINE_REACHED, False
    if ended.outcome is not HookOutcome.FAILED or code is None:
        return ended.outcome, ended.reason, False
    if code == NOT_APPLICABLE:
        said = outputs.get("reason") or _last_line(ended) or "it does not apply here"
        return HookOutcome.SKIPPED, said, False
    if code == TRY_AGAIN and fate.try_ <= fate.hook.spec.retries:
        return HookOutcome.FAILED, "it asked to be tried again (exit 75)", True
    if ended.reason:
        return HookOutcome.FAILED, ended.reason, False
    said = _last_line(ended)
    return HookOutcome.FAILED, f"exit {code}" + (f": {said}" if said else ""), False


def _last_line(ended: Ended) -> str:
    for stream in (ended.stderr, ended.stdout):
        lines = (stream.tail or stream.head).strip().splitlines()
        if lines:
            return lines[-1].strip()[:_LONGEST_REASON]
    return ""
