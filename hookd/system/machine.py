"""The machine as one call finds it: its root, its state, its configuration, this boot."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from typing import Mapping

from hookd.core.checks.disks import LEAST_FREE
from hookd.core.due import Moment, Patience
from hookd.core.model import Hook, HookState, Phase
from hookd.core.readings import Boot
from hookd.core.snapshot import Snapshot
from hookd.system import boot, clock, config_files, durable, snapshot, systemd
from hookd.system.config_files import Loaded
from hookd.system.hooks import discovery
from hookd.system.hooks.discovery import Discovery
from hookd.system.hooks.pairs import paired
from hookd.system.process.command import Run, run
from hookd.system.root import Root
from hookd.system.state import State


@dataclass(frozen=True)
class Machine:
    """`command` runs rpm and the like. Everything is read below `root`."""

    root: Root
    state: State
    loaded: Loaded
    boot: Boot
    command: Run = run
    environment: Mapping[str, str] = field(default_factory=dict)

    def moment(self) -> Moment:
        return Moment(self.boot.boot_id, clock.up_s(), clock.utc_now())

    def patience(self) -> Patience:
        found = self.loaded.config.recovery
        return Patience(found.grace_s, found.abandon_after_s, found.alive_limit_s, found.enabled)

    @property
    def rests(self) -> bool:
        """Whether there is a systemd that on-exit may wait for (`[verify] settle`)."""
        return self.loaded.config.verify.settle_s > 0 and systemd.is_running(self.root)

    def moment_for_recovery(self) -> Moment:
        """Return now with how far this boot has come, as systemd says, while that matters.

        Hooks wait for it within the grace, and the agent has the grace from being online.
        """
        now = self.moment()
        is_early = now.up_s < 2 * self.loaded.config.recovery.grace_s
        if not is_early or not systemd.is_running(self.root):
            return now
        return replace(now, reached=systemd.reached(self.command))

    def look(self, name: str, previous: Snapshot | None) -> Snapshot:
        return snapshot.take(
            self.root, self.command, name=name, at=clock.utc_now(), previous=previous
        )

    def look_at_boot(self, name: str, previous: Snapshot | None) -> Snapshot:
        return snapshot.take_at_boot(
            self.root, self.command, name=name, at=clock.utc_now(), previous=previous
        )

    def discover(self, phase: Phase) -> Discovery:
        """Return the hooks of `phase`; files that only look like hooks are no part of it."""
        found = discovery.discover(self.root, phase, self.loaded.config)
        hooks = tuple(hook for hook in found.hooks if not _is_by_name_no_hook(hook))
        return Discovery(hooks, found.problems, found.unreadable)

    def discover_all(self) -> dict[Phase, Discovery]:
        """Return the hooks of every phase; an undo and its pre hook are judged together."""
        found = {phase: self.discover(phase) for phase in Phase}
        hooks = paired([hook for one in found.values() for hook in one.hooks])
        return {
            phase: replace(one, hooks=tuple(hook for hook in hooks if hook.phase is phase))
            for phase, one in found.items()
        }

    def free_bytes(self) -> tuple[dict[str, int | None], dict[str, int]]:
        """Return free bytes by path (None: not known) and the least that pre wants there."""
        free: dict[str, int | None] = {}
        for path in LEAST_FREE:
            joined = self.root.join(path)
            if path == "/boot" and not os.path.isdir(joined):
                continue
            free[path] = _free(joined)
        return free, {path: LEAST_FREE[path] for path in free}

    def why_state_is_unwritable(self) -> str:
        """Return why nothing can be stored durably, or "" when it can."""
        path = self.state.path(".writable")
        try:
            durable.write_file(path, b"hookd\n")
            os.unlink(path)
        except OSError as error:
            return f"{self.root.shown(self.state.directory)}: {error.strerror}"
        return ""


def open_machine(
    root: str, config: str | None, environment: Mapping[str, str], command: Run = run
) -> Machine:
    """Return the machine below `root`; what cannot be read is said in its parts, never raised."""
    at = Root(root)
    loaded = config_files.load(at, config)
    return Machine(at, State(at), loaded, boot.read(at), command, environment)


def _is_by_name_no_hook(hook: Hook) -> bool:
    return hook.state is HookState.LEFT_OUT and not hook.mode


def _free(path: str) -> int | None:
    while not os.path.exists(path):
        path = os.path.dirname(path)
    try:
        found = os.statvfs(path)
    except OSError:
        return None
    return found.f_bavail * found.f_frsize
